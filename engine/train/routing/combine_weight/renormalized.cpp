#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Math:   weight = scale x score / (sum over the chosen experts' scores + eps).
/// Shapes: result [N, K].
/// Limits: with softmax scores and one expert per token the weight is 1 and the router learns from
///         auxiliary losses alone; configs with it are refused.
/// Determinism: exact.
/// Source: Jiang et al. 2024, arXiv 2401.04088, section 2.1; scale: DeepSeek-AI 2024, arXiv
///         2412.19437, eq. 13.
class RenormalizedWeight final : public CombineWeight {
 public:
  RenormalizedWeight(double scale, double eps) : scale_(scale), eps_(eps) {}

  at::Tensor weigh(const Scores& scores, const at::Tensor& expert_index) override {
    const at::Tensor weight = at_chosen(scores.scores, expert_index);
    const at::Tensor sum = weight.sum(1, true);
    const at::Tensor share = weight / (eps_ > 0.0 ? sum + eps_ : sum);
    return scale_ == 1.0 ? share : share * scale_;
  }

 private:
  double scale_, eps_;
};

void describe(config::Schema& s) {
  s.number("scale", 1.0)
      .above(0.0, 1e3)
      .says("factor on every weight: 2.5 in DeepSeek-V3, 1 elsewhere");
  s.number("eps", 1e-20)
      .range(0.0, 1.0)
      .says("added to the sum that divides")
      .at_level(config::Level::kAll);
}

std::unique_ptr<CombineWeight> create(const config::Node& options, const RoutingShape& /*shape*/) {
  return std::make_unique<RenormalizedWeight>(options.number("scale"), options.number("eps"));
}

}  // namespace

CombineWeightEntry renormalized_weight_entry() {
  return {{"renormalized",
           "the chosen experts' scores divided by their sum: Mixtral, Qwen3, nanoMoE",
           "Jiang et al. 2024, arXiv 2401.04088, section 2.1"},
          &describe,
          &create};
}

}  // namespace switchyard::train
