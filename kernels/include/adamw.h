#pragma once

#include <cstdint>

#include "kernels/include/status.h"
#include "kernels/include/step_state.h"

namespace switchyard::kernels {

/// Constants of the update.
struct AdamW {
  float beta1 = 0.9F;
  float beta2 = 0.95F;
  float eps = 1e-8F;
  float weight_decay = 0.1F;
  float grad_clip_norm = 0.0F;  ///< 0: gradients are not clipped
};

struct AdamWBuffers {
  float* master = nullptr;
  const float* gradient = nullptr;
  float* moment1 = nullptr;
  float* moment2 = nullptr;
  void* compute = nullptr;  ///< bf16 copy of the masters; null: none
  std::int64_t size = 0;
  std::int64_t num_decayed = 0;  ///< weight decay reaches the elements below this one
};

/// Updates flat parameters and their copy for products in one pass.
///
/// Math:   t = state.step + 1; c = min(1, grad_clip_norm / (grad_norm + 1e-6)), or 1 without a
///         limit or norm; g = c gradient; m <- beta1 m + (1 - beta1) g;
///         v <- beta2 v + (1 - beta2) g^2; w <- (1 - learning_rate weight_decay) w if decayed;
///         w <- w - learning_rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps);
///         compute <- w rounded. f32, the bias corrections in f64 (reference: f64).
/// Shapes: master, gradient, moment1, moment2 [size] f32; compute [size] bf16; state one value;
///         grad_norm one f32 or null: no clipping. Buffers do not overlap.
/// Limits: 0 <= num_decayed <= size; 0 <= beta < 1.
/// Errors: launch failure; num_decayed out of limits. A grad_norm that is not finite leaves every
///         buffer as it was.
/// Determinism: exact.
/// Source: Loshchilov & Hutter 2017, arXiv 1711.05101, algorithm 2.
void adamw_reference(const AdamW& options,
                     const AdamWBuffers& buffers,
                     const StepState* state,
                     const float* grad_norm);
KernelStatus adamw_cuda(const AdamW& options,
                        const AdamWBuffers& buffers,
                        const StepState* state,
                        const float* grad_norm,
                        CudaStream stream);

}  // namespace switchyard::kernels
