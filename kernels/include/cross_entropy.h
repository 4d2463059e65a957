#pragma once

#include <cstdint>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"

namespace switchyard::kernels {

/// What a cross-entropy may have beyond the plain loss.
struct CrossEntropyOptions {
  float z_coef = 0.0F;                  ///< factor of the squared log-sum; 0: none
  float* plain_loss = nullptr;          ///< [N] losses without the squared log-sum; null: unwanted
  const float* device_scale = nullptr;  ///< one f32 beside `scale`, read on the device; null: 1
};

/// Turns rows of logits into the gradient of their cross-entropy, in place, and gives the losses.
///
/// Math:   s = log sum_{v < V} exp logits[n, v]; plain_loss[n] = s - logits[n, target[n]];
///         loss[n] = plain_loss[n] + z_coef s^2; logits[n, v] <- scale device_scale
///         ((1 + 2 z_coef s) exp(logits[n, v] - s) - [v == target[n]]) for v < V, 0 for the padding
///         V <= v < stride. Sums in f32 (reference: f64). Long rows of at most about 112 KB take
///         exp as 2^(x log2 e): a relative error near 2^-22 + 2^-24 |s log2 e| in a share, and
///         shares below 2^-126 are 0.
/// Shapes: logits [N, stride] of `dtype`; target [N] int64; loss, plain_loss [N] f32, overwritten.
/// Units:  nats.
/// Limits: 1 <= V <= stride. A row whose target is outside [0, V) has loss 0 and gradient 0.
/// Errors: launch failure; V out of limits.
/// Determinism: exact (one block per row, no atomics).
/// Source: gradient of log-softmax; in place and before the backward pass as in Hsu et al. 2024,
///         arXiv 2410.10989, section 3.2; squared log-sum: Chowdhery et al. 2022, arXiv 2204.02311,
///         section 5.
void cross_entropy_reference(void* logits,
                             Dtype dtype,
                             const std::int64_t* target,
                             std::int64_t N,
                             std::int64_t V,
                             std::int64_t stride,
                             float scale,
                             float* loss,
                             const CrossEntropyOptions& options = {});
KernelStatus cross_entropy_cuda(void* logits,
                                Dtype dtype,
                                const std::int64_t* target,
                                std::int64_t N,
                                std::int64_t V,
                                std::int64_t stride,
                                float scale,
                                float* loss,
                                CudaStream stream,
                                const CrossEntropyOptions& options = {});

}  // namespace switchyard::kernels
