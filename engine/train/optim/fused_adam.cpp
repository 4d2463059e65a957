#include "engine/train/optim/fused_adam.h"

#include <ATen/ATen.h>

#include "engine/train/fused/launch.h"
#include "kernels/include/adamw.h"

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
    if (has_kernel(parameters)) return update_by_kernel(parameters, input);
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
  /// One pass over everything, on a GPU.
  [[nodiscard]] bool has_kernel(const ParameterStore& parameters) const {
    return kHasKernels && settings_.is_decoupled && !settings_.use_amsgrad &&
           parameters.flat_master.is_cuda() &&
           parameters.flat_master.scalar_type() == at::kFloat &&
           parameters.flat_compute.scalar_type() != at::kHalf;
  }

  void update_by_kernel(ParameterStore& parameters, const UpdateInput& input) const {
    const kernels::AdamW options{static_cast<float>(settings_.beta1),
                                 static_cast<float>(settings_.beta2),
                                 static_cast<float>(settings_.eps),
                                 static_cast<float>(weight_decay_),
                                 static_cast<float>(grad_clip_norm_)};
    kernels::AdamWBuffers buffers;
    buffers.master = parameters.flat_master.mutable_data_ptr<float>();
    buffers.gradient = parameters.flat_gradient.const_data_ptr<float>();
    buffers.moment1 = parameters.flat_moment1.mutable_data_ptr<float>();
    buffers.moment2 = parameters.flat_moment2.mutable_data_ptr<float>();
    if (!parameters.flat_compute.is_same(parameters.flat_master)) {
      buffers.compute = parameters.flat_compute.mutable_data_ptr();
    }
    buffers.size = parameters.flat_master.numel();
    buffers.num_decayed = parameters.num_decayed;
    const auto* const state = static_cast<const kernels::StepState*>(input.state.const_data_ptr());
    const auto* const grad_norm = input.grad_norm.const_data_ptr<float>();
    run_kernel(
        parameters.flat_master.device(),
        [&] { kernels::adamw_reference(options, buffers, state, grad_norm); },
        [&](auto stream) {
          return kernels::adamw_cuda(options, buffers, state, grad_norm, stream);
        });
  }

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
  // LibTorch's GPU version reads step and rate tensors as fp32, whatever the weights are.
  const auto as_read = [](const at::Tensor& number) {
    return number.is_cuda() ? number.to(at::kFloat) : number;
  };
  const std::vector<at::Tensor> steps(group.weights.size(), as_read(input.step));
  const at::Tensor is_skipped = at::isfinite(input.grad_norm).logical_not().to(at::kFloat);
  const auto run = [&](const auto& fused, const auto& learning_rate) {
    fused(group.weights,
          group.gradients,
          group.moments1,
          group.moments2,
          group.moments3,
          steps,
          learning_rate,
          settings.beta1,
          settings.beta2,
          weight_decay,
          settings.eps,
          settings.use_amsgrad,
          /*maximize=*/false,
          /*grad_scale=*/std::nullopt,
          /*found_inf=*/is_skipped);
  };
  const at::Tensor& rate = input.learning_rate;
  if (rate.is_cuda() && group.weights[0].scalar_type() == at::kDouble) {
    // fp32 would cost half the digits: the overloads with a host number, which a graph would freeze.
    const double value = rate.item<double>();
    settings.is_decoupled ? run(at::_ops::_fused_adamw_::call, value)
                          : run(at::_ops::_fused_adam_::call, value);
    return;
  }
  // The overloads with a rate on the device; those with a host number would freeze it in a graph.
  settings.is_decoupled ? run(at::_ops::_fused_adamw__tensor_lr::call, as_read(rate))
                        : run(at::_ops::_fused_adam__tensor_lr::call, as_read(rate));
}

std::unique_ptr<Optimizer> make_adam(const AdamSettings& settings, const config::Node& options) {
  return std::make_unique<Adam>(settings, options);
}

}  // namespace switchyard::train
