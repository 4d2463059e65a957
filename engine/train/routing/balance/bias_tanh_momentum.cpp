#include <ATen/ATen.h>

#include "engine/train/routing/balance/bias_controller.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Soft-clamped steps with momentum (SMEBU).
///
/// Math:   v = (mean(c) - c) / mean(c); u = tanh(kappa v), minus its mean; m = mu m + (1 - mu) u;
///         bias += gamma m; c = assignments of the step. m moves on while the bias is frozen.
/// Shapes: [E]; buffer NAME.bias_momentum [E].
/// Determinism: exact.
/// Source: Arcee 2026, arXiv 2602.17004 (Trinity Large), section on balance; constants are ours.
class TanhMomentumController final : public CountingController {
 public:
  TanhMomentumController(const config::Node& options, const RoutingShape& shape)
      : CountingController(options, shape),
        gamma_(options.number("gamma")),
        kappa_(options.number("kappa")),
        momentum_(options.number("momentum")) {}

  void declare(ParameterStore& parameters) const override {
    CountingController::declare(parameters);
    parameters.declare_buffer(shape().name + ".bias_momentum", {shape().num_experts});
  }

  void bind(ParameterStore& parameters) override {
    CountingController::bind(parameters);
    moving_ = parameters.buffer(shape().name + ".bias_momentum");
  }

 private:
  at::Tensor change(const at::Tensor& counts, const at::Tensor& mean) override {
    constexpr double kSmallestMean = 1e-9;
    const at::Tensor off = (mean - counts) / mean.clamp_min(kSmallestMean);
    const at::Tensor push = at::tanh(off * kappa_);
    moving_.mul_(momentum_).add_(push - push.mean(), 1.0 - momentum_);
    return moving_ * gamma_;
  }

  double gamma_, kappa_, momentum_;
  at::Tensor moving_;
};

void describe(config::Schema& s) {
  s.number("gamma", 0.001).above(0.0, 10.0).says("largest step of the bias; typically 0.001");
  s.number("kappa", 2.0)
      .above(0.0, 1e3)
      .says("steepness: how soon a load's distance from the mean counts in full");
  s.number("momentum", 0.9)
      .range(0.0, 0.9999)
      .says("share of the former step that is kept; typically 0.9");
  CountingController::describe_freezing(s);
}

std::unique_ptr<BalanceController> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<TanhMomentumController>(options, shape);
}

}  // namespace

BalanceEntry bias_tanh_momentum_entry() {
  return {{"bias_tanh_momentum",
           "a bias with soft steps and momentum: SMEBU of Trinity Large",
           "Arcee 2026, arXiv 2602.17004"},
          &describe,
          &create};
}

}  // namespace switchyard::train
