#include "engine/train/model/activation.h"

#include <ATen/ATen.h>

#include "engine/base/core/check.h"

namespace switchyard::train {

Activation activation_from_name(const std::string& name) {
  if (name == "gelu_erf") return Activation::kGeluErf;
  if (name == "gelu_tanh") return Activation::kGeluTanh;
  if (name == "relu") return Activation::kRelu;
  if (name == "geglu") return Activation::kGeglu;
  SY_CHECK(name == "swiglu", "no activation named " + name);
  return Activation::kSwiglu;
}

bool is_gated(Activation activation) {
  return activation == Activation::kSwiglu || activation == Activation::kGeglu;
}

at::Tensor activate(Activation activation, const at::Tensor& up, const at::Tensor& gate) {
  switch (activation) {
    case Activation::kGeluErf:
      return at::gelu(up, "none");
    case Activation::kGeluTanh:
      return at::gelu(up, "tanh");
    case Activation::kRelu:
      return at::relu(up);
    case Activation::kSwiglu:
      return at::silu(gate) * up;
    case Activation::kGeglu:
      return at::gelu(gate, "none") * up;
  }
  return up;
}

}  // namespace switchyard::train
