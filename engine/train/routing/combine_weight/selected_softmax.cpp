#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Math:   weight = scale x softmax of the logits over the chosen experts alone.
/// Shapes: result [N, K]; 0 where a slot holds no expert.
/// Limits: with one expert per token the weight is constant; configs with it are refused.
/// Determinism: exact for a device and thread count.
/// Source: Shazeer et al. 2017, arXiv 1701.06538, eq. 3 and 5.
class SelectedSoftmaxWeight final : public CombineWeight {
 public:
  explicit SelectedSoftmaxWeight(double scale) : scale_(scale) {}

  at::Tensor weigh(const Scores& scores, const at::Tensor& expert_index) override {
    constexpr double kNever = -1e30;  // finite, so that a token without experts stays finite too
    const at::Tensor is_empty = expert_index == scores.num_experts();
    const at::Tensor chosen = at_chosen(scores.logits, expert_index).masked_fill(is_empty, kNever);
    const at::Tensor weight = at::softmax(chosen, 1).masked_fill(is_empty, 0.0);
    return scale_ == 1.0 ? weight : weight * scale_;
  }

 private:
  double scale_;
};

void describe(config::Schema& s) {
  s.number("scale", 1.0).above(0.0, 1e3).says("factor on every weight");
}

std::unique_ptr<CombineWeight> create(const config::Node& options, const RoutingShape& /*shape*/) {
  return std::make_unique<SelectedSoftmaxWeight>(options.number("scale"));
}

}  // namespace

CombineWeightEntry selected_softmax_weight_entry() {
  return {{"selected_softmax",
           "softmax over the logits of the chosen experts: Mixtral, gpt-oss, noisy top-k",
           "Shazeer et al. 2017, arXiv 1701.06538, eq. 3"},
          &describe,
          &create};
}

}  // namespace switchyard::train
