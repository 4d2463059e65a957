#include "engine/train/optim/update.h"

#include <cstddef>
#include <cstring>

#include <ATen/ATen.h>

#include "kernels/include/step_state.h"

namespace switchyard::train {

UpdateInput update_input(const ParameterStore& parameters,
                         double learning_rate,
                         const at::Tensor& grad_norm,
                         std::int64_t step) {
  const at::Tensor& flat = parameters.flat_master;
  if (flat.is_cpu() || flat.scalar_type() == at::kDouble) {
    const auto options = flat.options().dtype(at::kDouble);
    return {at::full({}, learning_rate, options),
            grad_norm.to(at::kDouble),
            at::full({}, static_cast<double>(step), options),
            {}};
  }
  kernels::StepState numbers;
  numbers.step = static_cast<std::uint64_t>(step - 1);
  numbers.learning_rate = static_cast<float>(learning_rate);
  numbers.update_number = static_cast<float>(step);
  const auto bytes = at::TensorOptions().dtype(at::kByte);
  const at::Tensor host = at::empty({sizeof(numbers)}, bytes);
  std::memcpy(host.mutable_data_ptr(), &numbers, sizeof(numbers));
  const at::Tensor state = host.to(flat.device(), /*non_blocking=*/true);  // one transfer for all
  const auto number = [&](std::size_t offset) {
    return state.view(at::kFloat)[static_cast<std::int64_t>(offset / sizeof(float))];
  };
  return {number(offsetof(kernels::StepState, learning_rate)),
          grad_norm.to(at::kFloat),
          number(offsetof(kernels::StepState, update_number)),
          state};
}

at::Tensor Gate::choose(const at::Tensor& open, double closed) const {
  return at::where(is_finite, open, at::full_like(open, closed));
}

at::Tensor Gate::choose(double open, double closed) const {
  return choose(at::full_like(learning_rate, open), closed);
}

void clip_gradient(ParameterStore& parameters, double grad_clip_norm, const UpdateInput& input) {
  if (grad_clip_norm <= 0.0) return;
  const at::Tensor factor = (grad_clip_norm / (input.grad_norm + 1e-6)).clamp_max(1.0);
  // A factor that is not a number would stay in the padding, where no later gradient replaces it.
  parameters.flat_gradient.mul_(at::where(at::isfinite(input.grad_norm), factor, 1.0));
}

Gate gated_gradient(ParameterStore& parameters, double grad_clip_norm, const UpdateInput& input) {
  clip_gradient(parameters, grad_clip_norm, input);
  Gate gate{at::isfinite(input.grad_norm), {}};
  parameters.flat_gradient.masked_fill_(gate.is_finite.logical_not(), 0.0);
  gate.learning_rate = gate.choose(input.learning_rate, 0.0);
  return gate;
}

at::Tensor matrices(const at::Tensor& view, const ParameterStore::Declaration& declaration) {
  const std::int64_t rows = view.size(-2) / declaration.num_stacked, columns = view.size(-1);
  return view.view({-1, rows, columns});
}

}  // namespace switchyard::train
