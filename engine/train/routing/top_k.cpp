#include <ATen/ATen.h>

#include "engine/train/routing/losses.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Softmax over all experts, then the K most probable ones per token.
///
/// Math:   p = softmax(router_logits); expert_index = the K largest p, the lower index first on
/// equal
///         values; combine_weight = p of those, divided by their sum with use_renormalized_weights.
/// Shapes: router_logits [N, E]; expert_index, combine_weight [N, K].
/// Limits: 1 <= K <= E.
/// Determinism: exact; a stable sort decides ties on every device.
/// Source: Shazeer et al. 2017, arXiv 1701.06538, section 2.1 (without noise); renormalisation as
/// in
///         Jiang et al. 2024, arXiv 2401.04088, section 2.1.
class TopKRouter final : public Router {
 public:
  TopKRouter(std::int64_t top_k, bool use_renormalized_weights)
      : top_k_(top_k), use_renormalized_weights_(use_renormalized_weights) {}

  RoutingPlan route(const at::Tensor& router_logits, bool /*is_training*/) override {
    RoutingPlan plan;
    plan.router_logits = router_logits;
    plan.router_probs = at::softmax(router_logits, 1);
    plan.expert_index = select(plan.router_probs.detach());
    plan.combine_weight = plan.router_probs.gather(1, plan.expert_index);
    if (use_renormalized_weights_) {
      plan.combine_weight = plan.combine_weight / plan.combine_weight.sum(1, true);
    }
    plan.load_balance_loss = load_balance_loss(plan.router_probs, plan.expert_index);
    plan.router_z_loss = router_z_loss(router_logits);
    return plan;
  }

  [[nodiscard]] std::int64_t top_k() const override { return top_k_; }

 private:
  [[nodiscard]] at::Tensor select(const at::Tensor& router_probs) const {
    return std::get<1>(at::sort(router_probs, /*stable=*/true, 1, /*descending=*/true))
        .narrow(1, 0, top_k_)
        .contiguous();
  }

  std::int64_t top_k_;
  bool use_renormalized_weights_;
};

void describe(config::Schema& s) {
  s.integer("top_k", 2)
      .range(1, 64)
      .in("experts")
      .named("Active per token")
      .says("experts that each token uses")
      .at_level(config::Level::kEssential);
  s.boolean("use_renormalized_weights", true)
      .named("Renormalised weights")
      .says("divide the chosen experts' weights by their sum");
}

std::unique_ptr<Router> create(const config::Node& options, std::int64_t /*E*/) {
  return std::make_unique<TopKRouter>(options.integer("top_k"),
                                      options.boolean("use_renormalized_weights"));
}

}  // namespace

RouterEntry top_k_entry() {
  return {{"top_k",
           "every token takes its K most probable experts; nothing is dropped",
           "Shazeer et al. 2017, arXiv 1701.06538, section 2.1",
           /*is_causal=*/true},
          &describe,
          &create};
}

}  // namespace switchyard::train
