#include <algorithm>

#include <ATen/ATen.h>

#include "engine/train/routing/capacity_rule.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Every expert takes its best tokens: equal loads without a loss, but tokens with any number of
/// experts.
///
/// Math:   C = max(1, round(capacity_factor T / E)), at most T; expert e takes the C tokens of the
///         group with the highest s[., e]; weight s, not divided. s = the layer's scores, or the
///         softmax of logits over the group's tokens.
/// Shapes: logits, scores [N, E]; expert_index, combine_weight [N, E].
/// Limits: not causal: whether an expert takes a token depends on the others. Decoding token by
///         token gives every token to every expert.
/// Determinism: exact; the earlier token first on ties.
/// Source: Zhou et al. 2022, arXiv 2202.09368, section 3.2.
class ExpertChoiceRouter final : public Router {
 public:
  ExpertChoiceRouter(const config::Node& options, const RoutingShape& shape)
      : capacity_factor_(options.number("capacity_factor")),
        is_per_sequence_(options.text("group") == "sequence"),
        is_over_tokens_(options.text("softmax_over") == "tokens"),
        num_experts_(shape.num_experts) {}

  Choice choose(const Scores& scores, const TokenView& tokens) override {
    const std::int64_t N = tokens.num_tokens(), E = num_experts_;
    const std::int64_t G = is_per_sequence_ ? tokens.num_sequences : 1, T = N / G;
    const at::Tensor score = is_over_tokens_
                                 ? at::softmax(scores.logits.view({G, T, E}), 1).view({N, E})
                                 : scores.scores;
    const at::Tensor ranked = is_over_tokens_ ? score.detach() : scores.ranked;
    const double share = capacity_factor_ * static_cast<double>(T) / static_cast<double>(E);
    const std::int64_t C = std::min(T, std::max<std::int64_t>(1, rounded(share, "nearest")));
    const at::Tensor by_expert = ranked.view({G, T, E}).transpose(1, 2);  // [G, E, T]
    const at::Tensor taken =
        std::get<1>(at::sort(by_expert, /*stable=*/true, 2, /*descending=*/true)).narrow(2, 0, C);
    const at::Tensor is_member = at::zeros({G, E, T}, ranked.options().dtype(at::kBool))
                                     .scatter_(2, taken, 1)
                                     .transpose(1, 2)
                                     .reshape({N, E});
    Choice choice;
    choice.expert_index = index_of_members(is_member, ranked);
    choice.combine_weight = at_chosen(score, choice.expert_index);
    choice.num_assignments_at_most = G * E * C;
    return choice;
  }

  [[nodiscard]] std::int64_t top_k() const override { return num_experts_; }

  [[nodiscard]] bool may_leave_slots_empty() const override { return true; }

 private:
  double capacity_factor_;
  bool is_per_sequence_, is_over_tokens_;
  std::int64_t num_experts_;
};

void describe(config::Schema& s) {
  s.number("capacity_factor", 2.0)
      .above(0.0, 4096.0)
      .in("experts")
      .named("Experts per token")
      .says("experts that a token has on average: 2 in the paper")
      .at_level(config::Level::kEssential);
  s.choice("group", "sequence", {"sequence", "micro_batch"})
      .says("the tokens that an expert chooses from: those of a sequence, or all of a pass");
  s.choice("softmax_over", "experts", {"experts", "tokens"})
      .says("scores as shares of a token (the layer's score), or of an expert (Mesh-TensorFlow)")
      .at_level(config::Level::kAll);
}

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<ExpertChoiceRouter>(options, shape);
}

}  // namespace

RouterEntry expert_choice_entry() {
  return {{"expert_choice",
           "every expert takes its best tokens; not causal",
           "Zhou et al. 2022, arXiv 2202.09368, section 3.2",
           /*is_causal=*/false},
          &describe,
          &create};
}

}  // namespace switchyard::train
