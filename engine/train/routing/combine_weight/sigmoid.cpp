#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Math:   weight = 1 / (1 + exp(-logit of the chosen expert)).
/// Shapes: result [N, K]; 0 where a slot holds no expert.
/// Determinism: exact.
/// Source: Clark et al. 2022, arXiv 2202.01169, section 3.1 (S-BASE with one expert per token).
class SigmoidWeight final : public CombineWeight {
 public:
  at::Tensor weigh(const Scores& scores, const at::Tensor& expert_index) override {
    return at_chosen(at::sigmoid(scores.logits), expert_index);
  }
};

std::unique_ptr<CombineWeight> create(const config::Node& /*options*/,
                                      const RoutingShape& /*shape*/) {
  return std::make_unique<SigmoidWeight>();
}

}  // namespace

CombineWeightEntry sigmoid_weight_entry() {
  return {{"sigmoid",
           "sigmoid of the chosen expert's logit, whatever the score: S-BASE, Llama 4",
           "Clark et al. 2022, arXiv 2202.01169, section 3.1"},
          nullptr,
          &create};
}

}  // namespace switchyard::train
