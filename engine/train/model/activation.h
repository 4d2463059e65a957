#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace switchyard::train {

/// Activations of the feed-forward blocks.
enum class Activation { kGeluErf, kGeluTanh, kRelu, kSwiglu, kGeglu };
Activation activation_from_name(const std::string& name);

/// Does it multiply by a second product, the gate?
bool is_gated(Activation activation);

/// act(up), silu(gate) * up or gelu(gate) * up.
at::Tensor activate(Activation activation, const at::Tensor& up, const at::Tensor& gate);

}  // namespace switchyard::train
