#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace switchyard::train {

/// Activations of the feed-forward blocks.
enum class Activation { kGeluErf, kGeluTanh, kSwiglu };
Activation activation_from_name(const std::string& name);

/// act(up) or silu(gate) * up.
at::Tensor activate(Activation activation, const at::Tensor& up, const at::Tensor& gate);

}  // namespace switchyard::train
