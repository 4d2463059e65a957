#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Math:   weight = 1 / number of the token's experts.
/// Shapes: result [N, K]; 0 where a slot holds no expert.
/// Limits: without gradient: the router learns from auxiliary losses alone.
/// Determinism: exact.
/// Source: Zuo et al. 2021, arXiv 2110.04260 (THOR), eq. 3.
class MeanWeight final : public CombineWeight {
 public:
  at::Tensor weigh(const Scores& scores, const at::Tensor& expert_index) override {
    const at::Tensor is_filled =
        (expert_index < scores.num_experts()).to(scores.scores.scalar_type());
    return is_filled / is_filled.sum(1, true).clamp_min(1.0);
  }
};

std::unique_ptr<CombineWeight> create(const config::Node& /*options*/,
                                      const RoutingShape& /*shape*/) {
  return std::make_unique<MeanWeight>();
}

}  // namespace

CombineWeightEntry mean_weight_entry() {
  return {{"mean",
           "the same share for each of a token's experts: hash and random routing",
           "Zuo et al. 2021, arXiv 2110.04260, eq. 3"},
          nullptr,
          &create};
}

}  // namespace switchyard::train
