#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Math:   weight = 1.
/// Shapes: result [N, K]; 0 where a slot holds no expert.
/// Limits: without gradient: the router learns from auxiliary losses alone.
/// Determinism: exact.
/// Source: Roller et al. 2021, arXiv 2106.04426 (hash layers), section 3.
class UnitWeight final : public CombineWeight {
 public:
  at::Tensor weigh(const Scores& scores, const at::Tensor& expert_index) override {
    return (expert_index < scores.num_experts()).to(scores.scores.scalar_type());
  }
};

std::unique_ptr<CombineWeight> create(const config::Node& /*options*/,
                                      const RoutingShape& /*shape*/) {
  return std::make_unique<UnitWeight>();
}

}  // namespace

CombineWeightEntry unit_weight_entry() {
  return {{"unit",
           "1 for every chosen expert: hash layers",
           "Roller et al. 2021, arXiv 2106.04426, section 3"},
          nullptr,
          &create};
}

}  // namespace switchyard::train
