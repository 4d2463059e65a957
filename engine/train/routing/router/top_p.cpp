#include <ATen/ATen.h>

#include "engine/train/routing/losses.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// As many experts as it takes to reach a share of a token's probability.
///
/// Math:   experts in descending order of rank while the probs of those before sum to less than
///         tau; one at least, K at most. auxiliary_loss = entropy_coef x mean over tokens of
///         -sum_e p ln p.
/// Shapes: expert_index [N, K], E after a token's last expert.
/// Determinism: exact for a device and thread count.
/// Source: Huang et al. 2024, arXiv 2403.07652, eq. 4-7.
class TopPRouter final : public Router {
 public:
  explicit TopPRouter(const config::Node& options)
      : top_k_(options.integer("top_k")),
        tau_(options.number("tau")),
        entropy_coef_(options.number("entropy_coef")) {}

  Choice choose(const Scores& scores, const TokenView& /*tokens*/) override {
    const at::Tensor best = largest(scores.ranked, top_k_);
    const at::Tensor share = scores.probs.detach().gather(1, best);
    // The sum of those before an expert, without the round-off of subtracting it from its own.
    const at::Tensor before =
        at::cat({at::zeros_like(share.narrow(1, 0, 1)), share.narrow(1, 0, top_k_ - 1)}, 1)
            .cumsum(1);
    Choice choice;
    choice.expert_index = best.masked_fill(before >= tau_, scores.num_experts());
    if (entropy_coef_ > 0.0) {
      choice.auxiliary_loss = token_entropy(scores.probs) * entropy_coef_;
    }
    return choice;
  }

  [[nodiscard]] std::int64_t top_k() const override { return top_k_; }

  [[nodiscard]] bool may_leave_slots_empty() const override { return true; }

 private:
  std::int64_t top_k_;
  double tau_, entropy_coef_;
};

void describe(config::Schema& s) {
  s.integer("top_k", 4)
      .range(1, 64)
      .in("experts")
      .named("Most per token")
      .says("experts that a token uses at most")
      .at_level(config::Level::kEssential);
  s.number("tau", 0.4)
      .above(0.0, 1.0)
      .in("fraction")
      .says("probability that a token's experts must reach together; typically 0.4 to 0.6");
  s.number("entropy_coef", 1e-4)
      .range(0.0, 10.0)
      .in("nats per nat")
      .says("weight of the tokens' mean entropy, without which they take ever more experts");
}

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& /*shape*/) {
  return std::make_unique<TopPRouter>(options);
}

}  // namespace

RouterEntry top_p_entry() {
  return {{"top_p",
           "the fewest experts that reach a share of a token's probability",
           "Huang et al. 2024, arXiv 2403.07652, eq. 4"},
          &describe,
          &create};
}

}  // namespace switchyard::train
