#pragma once

#include <cstdint>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"

namespace switchyard::kernels {

/// Turns rows of logits into the gradient of their cross-entropy, in place, and gives the losses.
///
/// Math:   s = log sum_{v < V} exp logits[n, v]; loss[n] = s - logits[n, target[n]];
///         logits[n, v] <- scale (exp(logits[n, v] - s) - [v == target[n]]) for v < V, 0 for the
///         padding V <= v < stride. Sums in f32 (reference: f64).
/// Shapes: logits [N, stride] of `dtype`; target [N] int64; loss [N] f32, overwritten.
/// Units:  nats.
/// Limits: 1 <= V <= stride. A row whose target is outside [0, V) has loss 0 and gradient 0.
/// Errors: launch failure; V out of limits.
/// Determinism: exact (one block per row, no atomics).
/// Source: gradient of log-softmax; in place and before the backward pass as in Hsu et al. 2024,
///         arXiv 2410.10989, section 3.2.
void cross_entropy_reference(void* logits,
                             Dtype dtype,
                             const std::int64_t* target,
                             std::int64_t N,
                             std::int64_t V,
                             std::int64_t stride,
                             float scale,
                             float* loss);
KernelStatus cross_entropy_cuda(void* logits,
                                Dtype dtype,
                                const std::int64_t* target,
                                std::int64_t N,
                                std::int64_t V,
                                std::int64_t stride,
                                float scale,
                                float* loss,
                                CudaStream stream);

}  // namespace switchyard::kernels
