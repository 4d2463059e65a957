#include <ATen/ATen.h>

#include "engine/train/routing/capacity_rule.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Every first choice is served before every second one; among equal choices earlier tokens first.
///
/// Math:   for r = 1..K, for t = 1..T: choice (r, t) gets the next slot of its expert, or is
/// dropped. Shapes: expert_index [G, T, K]. Limits: causal for K = 1 and groups of one sequence
/// alone: second choices queue behind the first
///         choices of later tokens.
/// Determinism: exact.
/// Source: Lepikhin et al. 2020, arXiv 2006.16668, algorithm 1; Zoph et al. 2022, arXiv 2202.08906.
class ChoiceMajorCapacity final : public LimitedCapacity {
 public:
  using LimitedCapacity::LimitedCapacity;

 private:
  [[nodiscard]] at::Tensor places(const at::Tensor& expert_index,
                                  const at::Tensor& /*score*/,
                                  std::int64_t num_experts) const override {
    return places_choice_by_choice(expert_index, num_experts);
  }
};

std::unique_ptr<Capacity> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<ChoiceMajorCapacity>(options, shape);
}

}  // namespace

CapacityEntry choice_major_capacity_entry() {
  return {{"choice_major",
           "first choices of all tokens before second ones, earlier tokens first: GShard, ST-MoE",
           "Zoph et al. 2022, arXiv 2202.08906, section 3.4",
           /*is_causal=*/false},
          &CapacityRule::describe,
          &create};
}

}  // namespace switchyard::train
