#include <algorithm>

#include <ATen/ATen.h>

#include "engine/train/routing/capacity_rule.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// One expert per token: the best one that still has room, of a few candidates.
///
/// Math:   for r = 1..num_candidates: every token without an expert asks for its r-th best;
///         earlier tokens first, an expert takes as many as it has slots left. Who has none in the
///         end goes without.
/// Shapes: ranked [N, E]; expert_index [N, 1].
/// Limits: not causal beyond groups of one sequence and one candidate: later tokens' first
///         candidates come before an earlier token's second. The load that balance losses see is
///         that of the experts taken.
/// Determinism: exact.
/// Source: Mesh-TensorFlow transformer/moe.py, ntlb gating.
class NoTokenLeftBehindRouter final : public Router {
 public:
  explicit NoTokenLeftBehindRouter(const config::Node& options)
      : num_candidates_(options.integer("num_candidates")), rule_(options) {}

  Choice choose(const Scores& scores, const TokenView& tokens) override {
    const std::int64_t N = tokens.num_tokens(), E = scores.num_experts();
    const std::int64_t G = rule_.num_groups(tokens), T = N / G;
    const std::int64_t C = rule_.capacity(T, E, 1, tokens.is_training);
    const at::Tensor candidates = largest(scores.ranked, std::min(num_candidates_, E));
    const auto options = candidates.options();
    at::Tensor taken = at::full({G, T}, E, options), used = at::zeros({G, E + 1}, options);
    for (std::int64_t r = 0; r < candidates.size(1); ++r) {
      const at::Tensor wish = candidates.select(1, r).view({G, T});
      const at::Tensor asked = wish.masked_fill(taken != E, E);
      const at::Tensor place = places_in_queues(asked, E) + used.gather(1, asked);
      const at::Tensor got = asked.masked_fill(place >= C, E);
      used.scatter_add_(1, got, at::ones_like(got));
      taken = at::where(taken == E, got, taken);
    }
    Choice choice;
    choice.expert_index = taken.view({N, 1});
    return choice;
  }

  [[nodiscard]] std::int64_t top_k() const override { return 1; }

  [[nodiscard]] bool may_leave_slots_empty() const override { return true; }

 private:
  std::int64_t num_candidates_;
  CapacityRule rule_;
};

void describe(config::Schema& s) {
  s.integer("num_candidates", 4)
      .range(1, 64)
      .in("experts")
      .named("Candidates")
      .says("best experts of a token that are asked in turn: 4 in Mesh-TensorFlow")
      .at_level(config::Level::kEssential);
  CapacityRule::describe(s);
}

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& /*shape*/) {
  return std::make_unique<NoTokenLeftBehindRouter>(options);
}

}  // namespace

RouterEntry no_token_left_behind_entry() {
  return {{"no_token_left_behind",
           "the best expert that has room, of a few candidates; not causal",
           "Mesh-TensorFlow transformer/moe.py, ntlb gating",
           /*is_causal=*/false},
          &describe,
          &create};
}

}  // namespace switchyard::train
