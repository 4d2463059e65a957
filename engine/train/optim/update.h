#pragma once

#include "engine/train/optim/optimizer.h"

namespace switchyard::train {

/// Whether this update happens, and how far it goes; 0-d tensors on the device.
struct Gate {
  at::Tensor is_finite;      ///< bool: the gradient norm is a finite number
  at::Tensor learning_rate;  ///< 0 when it is not

  /// `open` when the gradient is finite, else `closed`; in the type of the rate.
  [[nodiscard]] at::Tensor choose(const at::Tensor& open, double closed) const;
  [[nodiscard]] at::Tensor choose(double open, double closed) const;
};

/// Scales the flat gradient by min(1, grad_clip_norm / (grad_norm + 1e-6)); 0 does not clip.
void clip_gradient(ParameterStore& parameters, double grad_clip_norm, const UpdateInput& input);

/// clip_gradient, and zeros for a gradient that is not finite: together with a rate of zero and a
/// decay of the moments by one, nothing changes.
Gate gated_gradient(ParameterStore& parameters, double grad_clip_norm, const UpdateInput& input);

/// Calls update(begin, end, weight_decay) for the decayed part of the flat buffers and the rest.
template <typename Update>
void for_decay_groups(const ParameterStore& parameters, double weight_decay, Update update) {
  const std::int64_t size = parameters.flat_master.numel();
  if (parameters.num_decayed > 0) update(0, parameters.num_decayed, weight_decay);
  if (parameters.num_decayed < size) update(parameters.num_decayed, size, 0.0);
}

/// A tensor of two or more dimensions as the matrices it consists of: [count, out, in]. Experts are
/// matrices of their own, and so are query, key and value in one packed tensor.
at::Tensor matrices(const at::Tensor& view, const ParameterStore::Declaration& declaration);

}  // namespace switchyard::train
