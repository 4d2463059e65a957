#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "engine/train/optim/fused_adam.h"
#include "engine/train/optim/registry.h"

namespace switchyard::train {
namespace {

constexpr double kSmallestNorm = 1e-7;

/// The matrices of a batch [count, out, in] with all singular values near one.
///
/// Math:   X = X / max(|X|, 1e-7), on the transpose when out > in; then num_steps times
///         A = X X^T; X = 3.4445 X + (-4.7750 A + 2.0315 A A) X.
at::Tensor orthogonalized(const at::Tensor& batch, std::int64_t num_steps) {
  const bool is_tall = batch.size(1) > batch.size(2);
  at::Tensor x = is_tall ? batch.transpose(1, 2) : batch;
  x = x / at::linalg_vector_norm(x, 2, {1, 2}, true).clamp_min(kSmallestNorm);
  for (std::int64_t i = 0; i < num_steps; ++i) {
    const at::Tensor a = at::bmm(x, x.transpose(1, 2));
    const at::Tensor polynomial = at::baddbmm(a, a, a, /*beta=*/-4.7750, /*alpha=*/2.0315);
    x = at::baddbmm(x, polynomial, x, /*beta=*/3.4445, /*alpha=*/1.0);
  }
  return is_tall ? x.transpose(1, 2) : x;
}

/// Muon for hidden matrices, AdamW for embeddings, head and vectors.
///
/// Math:   b = momentum b + (1 - momentum) g; u = use_nesterov ? (1 - momentum) g + momentum b : b;
///         w = w (1 - lr decay) - lr r orthogonalized(u), where r = sqrt(max(1, out / in))
///         ("original") or 0.2 sqrt(max(out, in)) ("match_rms_adamw": steps as large as AdamW's).
///         The others follow AdamW at the rate adamw_rate_ratio lr.
/// Shapes: experts [E, out, in] are E matrices, packed query, key and value three; b is the first
///         moment.
/// Limits: the products run in the type of the masters; float masters on a GPU use bfloat16.
/// Source: Jordan et al. 2024, kellerjordan.github.io/posts/muon; Liu et al. 2025, arXiv
///         2502.16982, eq. 4 (match_rms_adamw).
class Muon final : public Optimizer {
 public:
  explicit Muon(const config::Node& options)
      : adam_(adam_settings(options)),
        momentum_(options.number("momentum")),
        use_nesterov_(options.boolean("use_nesterov")),
        num_iterations_(options.integer("newton_schulz_iterations")),
        matches_adamw_(options.text("update_scale") == "match_rms_adamw"),
        adamw_rate_ratio_(options.number("adamw_rate_ratio")),
        weight_decay_(options.number("weight_decay")),
        grad_clip_norm_(options.number("grad_clip_norm")) {}

  void update(ParameterStore& parameters, const UpdateInput& input) override {
    const at::NoGradGuard no_grad;
    const Gate gate = gated_gradient(parameters, grad_clip_norm_, input);
    AdamGroup decayed, others;
    for (const ParameterStore::Declaration& declaration : parameters.declarations()) {
      const auto view = [&](const at::Tensor& flat) {
        return parameters.view(flat, declaration.name);
      };
      if (declaration.is_hidden && declaration.shape.size() >= 2) {
        update_matrices(matrices(view(parameters.flat_master), declaration),
                        matrices(view(parameters.flat_gradient), declaration),
                        matrices(view(parameters.flat_moment1), declaration),
                        declaration.is_decayed ? weight_decay_ : 0.0,
                        gate);
        continue;
      }
      AdamGroup& group = declaration.is_decayed ? decayed : others;
      group.weights.push_back(view(parameters.flat_master));
      group.gradients.push_back(view(parameters.flat_gradient));
      group.moments1.push_back(view(parameters.flat_moment1));
      group.moments2.push_back(view(parameters.flat_moment2));
    }
    const UpdateInput adamw{input.learning_rate * adamw_rate_ratio_, input.grad_norm, input.step};
    fused_adam(adam_, decayed, weight_decay_, adamw);
    fused_adam(adam_, others, 0.0, adamw);
    parameters.refresh_compute_copies();
  }

 private:
  void update_matrices(const at::Tensor& weight,
                       const at::Tensor& gradient,
                       const at::Tensor& momentum,
                       double weight_decay,
                       const Gate& gate) const {
    momentum.mul_(gate.choose(momentum_, 1.0)).add_(gradient, 1.0 - momentum_);
    at::Tensor direction = momentum;
    if (use_nesterov_) direction = at::add(momentum * momentum_, gradient, 1.0 - momentum_);
    const bool is_half = weight.is_cuda() && weight.scalar_type() == at::kFloat;
    if (is_half) direction = direction.to(at::kBFloat16);
    direction = orthogonalized(direction, num_iterations_).to(weight.scalar_type());
    const auto rows = static_cast<double>(weight.size(1));
    const auto columns = static_cast<double>(weight.size(2));
    const double scale = matches_adamw_ ? 0.2 * std::sqrt(std::max(rows, columns))
                                        : std::sqrt(std::max(1.0, rows / columns));
    if (weight_decay > 0.0) weight.mul_(1.0 - gate.learning_rate * weight_decay);
    weight.addcmul_(direction, gate.learning_rate.to(weight.scalar_type()), -scale);
  }

  AdamSettings adam_;
  double momentum_;
  bool use_nesterov_;
  std::int64_t num_iterations_;
  bool matches_adamw_;
  double adamw_rate_ratio_, weight_decay_, grad_clip_norm_;
};

std::unique_ptr<Optimizer> create(const config::Node& options) {
  return std::make_unique<Muon>(options);
}

}  // namespace

OptimizerEntry muon_entry() {
  return {"muon",
          "orthogonal steps for hidden matrices, AdamW for the rest",
          "Jordan et al. 2024, kellerjordan.github.io/posts/muon",
          &create};
}

}  // namespace switchyard::train
