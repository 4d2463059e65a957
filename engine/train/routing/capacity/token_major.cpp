#include <ATen/ATen.h>

#include "engine/train/routing/capacity_rule.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Every choice of an earlier token is served before those of later tokens.
///
/// Math:   for t = 1..T, for r = 1..K: choice (r, t) gets the next slot of its expert, or is
/// dropped. Shapes: expert_index [G, T, K]. Limits: causal for groups of one sequence; with group
/// micro_batch earlier sequences decide too. Determinism: exact. Source: Gale et al. 2022, arXiv
/// 2211.15841, section 3.
class TokenMajorCapacity final : public LimitedCapacity {
 public:
  using LimitedCapacity::LimitedCapacity;

 private:
  [[nodiscard]] at::Tensor places(const at::Tensor& expert_index,
                                  const at::Tensor& /*score*/,
                                  std::int64_t num_experts) const override {
    const std::int64_t G = expert_index.size(0);
    return places_in_queues(expert_index.reshape({G, -1}), num_experts).view_as(expert_index);
  }
};

std::unique_ptr<Capacity> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<TokenMajorCapacity>(options, shape);
}

}  // namespace

CapacityEntry token_major_capacity_entry() {
  return {{"token_major",
           "all choices of earlier tokens before those of later ones",
           "Gale et al. 2022, arXiv 2211.15841, section 3",
           /*is_causal=*/true},
          &CapacityRule::describe,
          &create};
}

}  // namespace switchyard::train
