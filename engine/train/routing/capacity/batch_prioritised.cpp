#include <ATen/ATen.h>

#include "engine/train/routing/capacity_rule.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Every first choice before every second one; among equal choices tokens by their best score.
///
/// Math:   tokens are sorted by max_r score[t, r], descending, earlier tokens first on ties; then
/// as
///         choice by choice.
/// Shapes: expert_index, score [G, T, K].
/// Limits: not causal; for encoders.
/// Determinism: exact; a stable sort decides ties.
/// Source: Riquelme et al. 2021, arXiv 2106.05974, section 4, algorithm 2.
class BatchPrioritisedCapacity final : public LimitedCapacity {
 public:
  using LimitedCapacity::LimitedCapacity;

 private:
  [[nodiscard]] at::Tensor places(const at::Tensor& expert_index,
                                  const at::Tensor& score,
                                  std::int64_t num_experts) const override {
    const at::Tensor order =
        std::get<1>(at::sort(score.amax(2), /*stable=*/true, 1, /*descending=*/true));
    return places_choice_by_choice(expert_index, num_experts, order);
  }
};

std::unique_ptr<Capacity> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<BatchPrioritisedCapacity>(options, shape);
}

}  // namespace

CapacityEntry batch_prioritised_capacity_entry() {
  return {{"batch_prioritised",
           "tokens by their best score, all first choices before second ones: V-MoE",
           "Riquelme et al. 2021, arXiv 2106.05974, section 4",
           /*is_causal=*/false},
          &CapacityRule::describe,
          &create};
}

}  // namespace switchyard::train
