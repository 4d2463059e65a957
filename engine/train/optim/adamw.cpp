#include <ATen/ATen.h>

#include "engine/train/optim/registry.h"

namespace switchyard::train {
namespace {

/// Adam with decoupled weight decay, one fused update per group of the flat buffers.
///
/// Math:   g' = g min(1, grad_clip_norm / (|g| + 1e-6)); m = b1 m + (1 - b1) g'; v = b2 v + (1 -
/// b2) g'^2;
///         w = w (1 - lr decay) - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
/// Determinism: exact.
/// Source: Loshchilov & Hutter 2017, arXiv 1711.05101, algorithm 2.
class AdamW final : public Optimizer {
 public:
  explicit AdamW(const config::Node& options)
      : beta1_(options.number("beta1")),
        beta2_(options.number("beta2")),
        eps_(options.number("eps")),
        weight_decay_(options.number("weight_decay")),
        grad_clip_norm_(options.number("grad_clip_norm")) {}

  void step(ParameterStore& parameters,
            double learning_rate,
            const at::Tensor& grad_norm) override {
    const at::NoGradGuard no_grad;
    if (grad_clip_norm_ > 0.0) {
      parameters.flat_gradient.mul_((grad_clip_norm_ / (grad_norm + 1e-6)).clamp_max(1.0));
    }
    ++step_count;
    const at::Tensor steps_before = at::full({},
                                             static_cast<double>(step_count - 1),
                                             parameters.flat_master.options().dtype(at::kFloat));
    const std::int64_t size = parameters.flat_master.numel();
    update(parameters, 0, parameters.num_decayed, learning_rate, weight_decay_, steps_before);
    update(parameters, parameters.num_decayed, size, learning_rate, 0.0, steps_before);
    parameters.refresh_compute_copies();
  }

 private:
  void update(ParameterStore& parameters,
              std::int64_t begin,
              std::int64_t end,
              double learning_rate,
              double weight_decay,
              const at::Tensor& steps_before) const {
    if (begin == end) return;
    const auto slice = [&](const at::Tensor& flat) { return flat.narrow(0, begin, end - begin); };
    at::_fused_adamw_({slice(parameters.flat_master)},
                      {slice(parameters.flat_gradient)},
                      {slice(parameters.flat_moment1)},
                      {slice(parameters.flat_moment2)},
                      {},
                      {steps_before + 1.0},
                      learning_rate,
                      beta1_,
                      beta2_,
                      weight_decay,
                      eps_,
                      /*amsgrad=*/false,
                      /*maximize=*/false);
  }

  double beta1_, beta2_, eps_, weight_decay_, grad_clip_norm_;
};

std::unique_ptr<Optimizer> create(const config::Node& options) {
  return std::make_unique<AdamW>(options);
}

}  // namespace

OptimizerEntry adamw_entry() {
  return {"adamw",
          "Adam with decoupled weight decay",
          "Loshchilov & Hutter 2017, arXiv 1711.05101, algorithm 2",
          &create};
}

}  // namespace switchyard::train
