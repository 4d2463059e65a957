#pragma once

#include <vector>

#include "engine/train/optim/update.h"

namespace switchyard::train {

/// The family of Adam: what its members share, and where they differ.
struct AdamSettings {
  double beta1 = 0.9, beta2 = 0.99, eps = 1e-8;
  bool is_decoupled = true;  ///< decay shrinks the weights; else it is added to the gradient
  bool use_amsgrad = false;  ///< divide by the largest second moment so far (third moment buffer)
};

AdamSettings adam_settings(const config::Node& options);

/// Tensors that are updated alike. `moments3` is empty without use_amsgrad.
struct AdamGroup {
  std::vector<at::Tensor> weights, gradients, moments1, moments2, moments3;
};

/// One update of a group by LibTorch's fused kernel, skipped when the gradient is not finite.
///
/// Math:   m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; u = use_amsgrad ? max(u, v) : v;
///         w = w - lr (m / (1 - b1^t)) / (sqrt(u / (1 - b2^t)) + eps)
///         where before w = w (1 - lr decay) (decoupled) or g = g + decay w (else)
void fused_adam(const AdamSettings& settings,
                const AdamGroup& group,
                double weight_decay,
                const UpdateInput& input);

/// An optimizer of this family over the whole flat buffers.
std::unique_ptr<Optimizer> make_adam(const AdamSettings& settings, const config::Node& options);

}  // namespace switchyard::train
