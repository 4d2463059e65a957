#include <ATen/ATen.h>

#include "engine/train/optim/registry.h"
#include "engine/train/optim/update.h"

namespace switchyard::train {
namespace {

/// Adafactor: the second moment of a matrix as the product of its row and column means.
///
/// Math:   s = t^decay_exponent, the weight of a new square;
///         matrices: R = (1 - s) R + s mean_columns(g^2); C = (1 - s) C + s mean_rows(g^2);
///                   v = R C / max(mean(R), eps1)
///         vectors:  v = (1 - s) v + s g^2
///         u = g / sqrt(max(v, eps1^2)); a = max(eps2, rms(w)) min(lr, 1 / sqrt(t));
///         w = w (1 - lr decay) - a u / max(1, rms(u) / clip_threshold)
/// Shapes: R [count, out, 1] begins the first moment of its tensor, C [count, 1, in] the second;
///         v is the second moment. rms and means are of each matrix: experts are matrices of their
///         own, and so are query, key and value.
/// Source: Shazeer & Stern 2018, arXiv 1804.04235, algorithms 4 and 5.
///         Differs: the rate is the schedule's, at most 1 / sqrt(t); the floor eps1 acts on the
///         estimate, not on each square; no first moment.
class Adafactor final : public Optimizer {
 public:
  explicit Adafactor(const config::Node& options)
      : decay_exponent_(options.number("decay_exponent")),
        eps1_(options.number("eps1")),
        eps2_(options.number("eps2")),
        clip_threshold_(options.number("clip_threshold")),
        weight_decay_(options.number("weight_decay")),
        grad_clip_norm_(options.number("grad_clip_norm")) {}

  void update(ParameterStore& parameters, const UpdateInput& input) override {
    const at::NoGradGuard no_grad;
    const Gate gate = gated_gradient(parameters, grad_clip_norm_, input);
    const at::ScalarType type = parameters.flat_master.scalar_type();
    const at::Tensor mix = gate.choose(at::pow(input.step, decay_exponent_), 0.0).to(type);
    const at::Tensor rate = at::minimum(gate.learning_rate, at::rsqrt(input.step)).to(type);
    for (const ParameterStore::Declaration& declaration : parameters.declarations()) {
      const bool is_matrix = declaration.shape.size() >= 2;
      const auto view = [&](const at::Tensor& flat) {
        const at::Tensor part = parameters.view(flat, declaration.name);
        return is_matrix ? matrices(part, declaration) : part.view({1, 1, -1});
      };
      const at::Tensor weight = view(parameters.flat_master);
      const at::Tensor gradient = view(parameters.flat_gradient);
      const at::Tensor moment1 = view(parameters.flat_moment1);
      const at::Tensor moment2 = view(parameters.flat_moment2);
      const at::Tensor square = is_matrix ? factored(gradient, moment1, moment2, mix)
                                          : moment2.lerp_(gradient.square(), mix);
      const at::Tensor step = gradient * square.clamp_min(eps1_ * eps1_).rsqrt_();
      const at::Tensor size =
          rate * rms(weight).clamp_min(eps2_) / (rms(step) / clip_threshold_).clamp_min(1.0);
      if (declaration.is_decayed) weight.mul_(1.0 - gate.learning_rate * weight_decay_);
      weight.addcmul_(step, size, -1.0);
    }
    parameters.refresh_compute_copies();
  }

 private:
  static at::Tensor rms(const at::Tensor& x) { return x.square().mean({1, 2}, true).sqrt(); }

  [[nodiscard]] at::Tensor factored(const at::Tensor& gradient,
                                    const at::Tensor& moment1,
                                    const at::Tensor& moment2,
                                    const at::Tensor& mix) const {
    const std::int64_t count = gradient.size(0), rows = gradient.size(1),
                       columns = gradient.size(2);
    const at::Tensor row = moment1.flatten().narrow(0, 0, count * rows).view({count, rows, 1});
    const at::Tensor column =
        moment2.flatten().narrow(0, 0, count * columns).view({count, 1, columns});
    const at::Tensor square = gradient.square();
    row.lerp_(square.mean(2, true), mix);
    column.lerp_(square.mean(1, true), mix);
    return row * column / row.mean(1, true).clamp_min(eps1_);
  }

  double decay_exponent_, eps1_, eps2_, clip_threshold_, weight_decay_, grad_clip_norm_;
};

std::unique_ptr<Optimizer> create(const config::Node& options) {
  return std::make_unique<Adafactor>(options);
}

}  // namespace

OptimizerEntry adafactor_entry() {
  return {"adafactor",
          "second moments of matrices by their rows and columns",
          "Shazeer & Stern 2018, arXiv 1804.04235, algorithms 4 and 5",
          &create};
}

}  // namespace switchyard::train
