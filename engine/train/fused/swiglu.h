#pragma once

#include <ATen/core/Tensor.h>

namespace switchyard::train {

/// y = silu(gate) * up. Shapes: [N, F]. Source: kernels/include/swiglu.h.
void swiglu(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& y);

/// Gradients of gate and up, [N, 2 F], gates first. Source: kernels/include/swiglu.h.
at::Tensor swiglu_backward(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& dy);

}  // namespace switchyard::train
