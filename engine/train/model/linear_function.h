#pragma once

#include <ATen/core/Tensor.h>

namespace switchyard::train {

/// x W^T + bias, whose backward adds the gradients of weight and bias straight to `.grad` where the
/// leaf already has one (as every parameter of a ParameterStore does): no temporary, no extra pass.
///
/// Shapes: x [..., in]; weight [out, in]; bias [out] or undefined; result [..., out].
/// Determinism: exact for a device and thread count.
/// Threads: backward passes of one weight must not run at the same time.
at::Tensor accumulating_linear(const at::Tensor& x,
                               const at::Tensor& weight,
                               const at::Tensor& bias);

/// The gradient buffer that a backward pass may add to, or an undefined tensor when it must return
/// its gradient to autograd instead (views, tensors without a gradient buffer, another type).
at::Tensor gradient_buffer(const at::Tensor& leaf, at::ScalarType type);

}  // namespace switchyard::train
