#include <ATen/ATen.h>

#include "engine/train/routing/capacity_rule.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Every expert serves the choices with the highest scores first, earlier tokens first on ties.
///
/// Math:   an expert's queue is sorted by score[t, r], descending.
/// Shapes: expert_index, score [G, T, K].
/// Limits: not causal: a later token with a higher score displaces an earlier one.
/// Determinism: exact; a stable sort decides ties.
/// Source: Megatron-LM core MoE, drop policy probs; Mesh-TensorFlow switch_max.
class ProbabilityCapacity final : public LimitedCapacity {
 public:
  using LimitedCapacity::LimitedCapacity;

 private:
  [[nodiscard]] at::Tensor places(const at::Tensor& expert_index,
                                  const at::Tensor& score,
                                  std::int64_t num_experts) const override {
    const std::int64_t G = expert_index.size(0);
    const at::Tensor order =
        std::get<1>(at::sort(score.reshape({G, -1}), /*stable=*/true, 1, /*descending=*/true));
    return places_in_queues(expert_index.reshape({G, -1}), num_experts, order)
        .view_as(expert_index);
  }
};

std::unique_ptr<Capacity> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<ProbabilityCapacity>(options, shape);
}

}  // namespace

CapacityEntry probability_capacity_entry() {
  return {{"probability",
           "each expert serves the tokens with the highest scores first: Megatron",
           "Narayanan et al. 2021, Megatron-LM, drop policy probs",
           /*is_causal=*/false},
          &CapacityRule::describe,
          &create};
}

}  // namespace switchyard::train
