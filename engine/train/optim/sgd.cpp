#include <ATen/ATen.h>

#include "engine/train/optim/registry.h"
#include "engine/train/optim/update.h"

namespace switchyard::train {
namespace {

/// Gradient descent with momentum over the flat buffers; the momentum is the first moment.
///
/// Math:   g = g + decay w; b = g at the first step, then b = momentum b + (1 - dampening) g;
///         w = w - lr (use_nesterov ? g + momentum b : b)
/// Source: Sutskever et al. 2013, ICML, section 2 (momentum and Nesterov's form).
///         Differs: the rate multiplies the whole step, as common libraries have it.
class Sgd final : public Optimizer {
 public:
  explicit Sgd(const config::Node& options)
      : momentum_(options.number("momentum")),
        dampening_(options.number("dampening")),
        use_nesterov_(options.boolean("use_nesterov")),
        weight_decay_(options.number("weight_decay")),
        grad_clip_norm_(options.number("grad_clip_norm")) {}

  void update(ParameterStore& parameters, const UpdateInput& input) override {
    const at::NoGradGuard no_grad;
    const Gate gate = gated_gradient(parameters, grad_clip_norm_, input);
    const at::ScalarType type = parameters.flat_master.scalar_type();
    const at::Tensor kept = gate.choose(momentum_, 1.0);
    const at::Tensor taken =
        gate.choose(at::where(input.step == 1.0, at::ones_like(input.step), 1.0 - dampening_), 0.0);
    for_decay_groups(
        parameters, weight_decay_, [&](std::int64_t begin, std::int64_t end, double decay) {
          const at::Tensor weight = parameters.flat_master.narrow(0, begin, end - begin);
          const at::Tensor gradient = parameters.flat_gradient.narrow(0, begin, end - begin);
          const at::Tensor buffer = parameters.flat_moment1.narrow(0, begin, end - begin);
          if (decay > 0.0) gradient.add_(weight, decay);
          buffer.mul_(kept).addcmul_(gradient, taken.to(type));
          if (use_nesterov_) gradient.add_(buffer, momentum_);
          weight.addcmul_(use_nesterov_ ? gradient : buffer, gate.learning_rate.to(type), -1.0);
        });
    parameters.refresh_compute_copies();
  }

 private:
  double momentum_, dampening_;
  bool use_nesterov_;
  double weight_decay_, grad_clip_norm_;
};

std::unique_ptr<Optimizer> create(const config::Node& options) {
  return std::make_unique<Sgd>(options);
}

}  // namespace

OptimizerEntry sgd_entry() {
  return {
      "sgd", "gradient descent with momentum", "Sutskever et al. 2013, ICML, section 2", &create};
}

}  // namespace switchyard::train
