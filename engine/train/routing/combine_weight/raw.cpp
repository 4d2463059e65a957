#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Math:   weight = scale x score of the chosen expert.
/// Shapes: result [N, K].
/// Determinism: exact.
/// Source: Fedus et al. 2021, arXiv 2101.03961, eq. 2.
class RawWeight final : public CombineWeight {
 public:
  explicit RawWeight(double scale) : scale_(scale) {}

  at::Tensor weigh(const Scores& scores, const at::Tensor& expert_index) override {
    const at::Tensor weight = at_chosen(scores.scores, expert_index);
    return scale_ == 1.0 ? weight : weight * scale_;
  }

 private:
  double scale_;
};

void describe(config::Schema& s) {
  s.number("scale", 1.0).above(0.0, 1e3).says("factor on every weight");
}

std::unique_ptr<CombineWeight> create(const config::Node& options, const RoutingShape& /*shape*/) {
  return std::make_unique<RawWeight>(options.number("scale"));
}

}  // namespace

CombineWeightEntry raw_weight_entry() {
  return {{"raw",
           "the scores of the chosen experts as they are: OLMoE, Switch",
           "Fedus et al. 2021, arXiv 2101.03961, eq. 2"},
          &describe,
          &create};
}

}  // namespace switchyard::train
