#include <ATen/ATen.h>

#include "engine/train/routing/balance/bias_controller.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Loss-free balancing: a fixed step up for experts with few tokens, down for those with many.
///
/// Math:   d = gamma sign(mean(c) - c), sign(0) = 0; bias += d, or d - mean(d) where centred; c =
///         assignments of the step.
/// Shapes: [E].
/// Determinism: exact.
/// Source: Wang et al. 2024, arXiv 2408.15664, algorithm 1; DeepSeek-AI 2024, arXiv 2412.19437,
///         section 2.1.2; centring as in TorchTitan.
class SignController final : public CountingController {
 public:
  SignController(const config::Node& options, const RoutingShape& shape)
      : CountingController(options, shape),
        gamma_(options.number("gamma")),
        is_centred_(options.boolean("is_centred")) {}

 private:
  at::Tensor change(const at::Tensor& counts, const at::Tensor& mean) override {
    const at::Tensor step = at::sign(mean - counts) * gamma_;
    return is_centred_ ? step - step.mean() : step;
  }

  double gamma_;
  bool is_centred_;
};

void describe(config::Schema& s) {
  s.number("gamma", 0.001)
      .above(0.0, 10.0)
      .says("step of the bias; DeepSeek-V3: 0.001");
  s.boolean("is_centred", false)
      .says("subtract the mean of the steps, so that the biases' mean stays: TorchTitan")
      .at_level(config::Level::kAll);
  CountingController::describe_freezing(s);
}

std::unique_ptr<BalanceController> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<SignController>(options, shape);
}

}  // namespace

BalanceEntry bias_sign_entry() {
  return {{"bias_sign",
           "a bias that moves by a fixed step against the load: DeepSeek-V3",
           "Wang et al. 2024, arXiv 2408.15664, algorithm 1"},
          &describe,
          &create};
}

}  // namespace switchyard::train
