#include "engine/train/optim/fused_adam.h"

#include <ATen/ATen.h>

namespace switchyard::train {
namespace {

class Adam final : public Optimizer {
 public:
  Adam(const AdamSettings& settings, const config::Node& options)
      : settings_(settings),
        weight_decay_(options.number("weight_decay")),
        grad_clip_norm_(options.number("grad_clip_norm")) {}

  void update(ParameterStore& parameters, const UpdateInput& input) override {
    const at::NoGradGuard no_grad;
    clip_gradient(parameters, grad_clip_norm_, input);
    for_decay_groups(
        parameters, weight_decay_, [&](std::int64_t begin, std::int64_t end, double decay) {
          const auto slice = [&](const at::Tensor& flat) -> std::vector<at::Tensor> {
            return {flat.narrow(0, begin, end - begin)};
          };
          AdamGroup group{slice(parameters.flat_master),
                          slice(parameters.flat_gradient),
                          slice(parameters.flat_moment1),
                          slice(parameters.flat_moment2),
                          {}};
          if (settings_.use_amsgrad) group.moments3 = slice(parameters.flat_moment3);
          fused_adam(settings_, group, decay, input);
        });
    parameters.refresh_compute_copies();
  }

  [[nodiscard]] int num_moments() const override { return settings_.use_amsgrad ? 3 : 2; }

 private:
  AdamSettings settings_;
  double weight_decay_, grad_clip_norm_;
};

}  // namespace

AdamSettings adam_settings(const config::Node& options) {
  return {options.number("beta1"), options.number("beta2"), options.number("eps")};
}

void fused_adam(const AdamSettings& settings,
                const AdamGroup& group,
                double weight_decay,
                const UpdateInput& input) {
  if (group.weights.empty()) return;
  const std::vector<at::Tensor> steps(group.weights.size(), input.step);
  const at::Tensor is_skipped = at::isfinite(input.grad_norm).logical_not().to(at::kFloat);
  const auto run = [&](const auto& fused) {
    fused(group.weights,
          group.gradients,
          group.moments1,
          group.moments2,
          group.moments3,
          steps,
          input.learning_rate,
          settings.beta1,
          settings.beta2,
          weight_decay,
          settings.eps,
          settings.use_amsgrad,
          /*maximize=*/false,
          /*grad_scale=*/std::nullopt,
          /*found_inf=*/is_skipped);
  };
  // The overloads with a rate on the device; those with a host number would freeze it in a graph.
  settings.is_decoupled ? run(at::_ops::_fused_adamw__tensor_lr::call)
                        : run(at::_ops::_fused_adam__tensor_lr::call);
}

std::unique_ptr<Optimizer> make_adam(const AdamSettings& settings, const config::Node& options) {
  return std::make_unique<Adam>(settings, options);
}

}  // namespace switchyard::train
