#include <ATen/ATen.h>

#include "engine/train/routing/balance/bias_controller.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// A step in proportion to how far an expert's load is from the mean.
///
/// Math:   bias += gamma (mean(c) - c) / mean(c), c = assignments of the step.
/// Shapes: [E].
/// Determinism: exact.
/// Source: Meituan 2025, arXiv 2509.01322 (LongCat-Flash), section 2.2, without the target for
///         experts that compute nothing.
class ProportionalController final : public CountingController {
 public:
  ProportionalController(const config::Node& options, const RoutingShape& shape)
      : CountingController(options, shape), gamma_(options.number("gamma")) {}

 private:
  at::Tensor change(const at::Tensor& counts, const at::Tensor& mean) override {
    constexpr double kSmallestMean = 1e-9;  // a step that saw nothing changes nothing
    return (mean - counts) / mean.clamp_min(kSmallestMean) * gamma_;
  }

  double gamma_;
};

void describe(config::Schema& s) {
  s.number("gamma", 0.001)
      .above(0.0, 10.0)
      .says("step of the bias for a load that is off by its mean; typically 0.001 to 0.02");
  CountingController::describe_freezing(s);
}

std::unique_ptr<BalanceController> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<ProportionalController>(options, shape);
}

}  // namespace

BalanceEntry bias_proportional_entry() {
  return {{"bias_proportional",
           "a bias that moves in proportion to the load's distance from the mean: LongCat",
           "Meituan 2025, arXiv 2509.01322, section 2.2"},
          &describe,
          &create};
}

}  // namespace switchyard::train
