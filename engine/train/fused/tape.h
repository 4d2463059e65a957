#pragma once

#include <string>

#include <torch/csrc/autograd/custom_function.h>

#include "engine/train/fused/fusion.h"
#include "engine/train/model/parameter_store.h"

namespace switchyard::train {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What a fused function keeps for its backward pass beside activations. Parameters are kept as
/// they are: the backward pass adds to their gradients.
inline void keep(AutogradContext& context, Fusion& fusion) {
  context.saved_data["fusion"] = reinterpret_cast<std::int64_t>(&fusion);
  context.set_materialize_grads(false);
}

inline Fusion& kept_fusion(AutogradContext& context) {
  return *reinterpret_cast<Fusion*>(context.saved_data.at("fusion").toInt());
}

inline void keep(AutogradContext& context, const std::string& name, const Slot& slot) {
  if (!slot.defined()) return;
  context.saved_data[name] = slot.value;
  context.saved_data[name + ".gradient"] = slot.gradient;
}

inline Slot kept_slot(AutogradContext& context, const std::string& name) {
  const auto found = context.saved_data.find(name);
  if (found == context.saved_data.end()) return {};
  return {found->second.toTensor(), context.saved_data.at(name + ".gradient").toTensor()};
}

/// The rows [N, D] of [..., D], without gaps.
inline at::Tensor rows_of(const at::Tensor& x) {
  return x.contiguous().view({-1, x.size(-1)});
}

inline const void* pointer_or_null(const at::Tensor& x) {
  return x.defined() ? x.const_data_ptr() : nullptr;
}

}  // namespace switchyard::train
