#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace switchyard::train {

/// Is there a fused form of head and loss for this tensor? On a GPU, in builds with CUDA kernels.
bool has_fused_head_loss(const at::Tensor& hidden);

/// Mean cross-entropy of the output product, a block of rows at a time: the logits of all tokens
/// never stand in memory together, and the gradients are ready when the forward pass ends.
///
/// Math:   mean_n (log sum_{v < num_classes} exp z[n, v] - z[n, target[n]]), z = hidden weight^T
/// Shapes: hidden [N, D]; weight [V, D] with V >= num_classes (the rest is padding and takes no
///         part); targets [N] int64 in [0, num_classes); result 0-d, fp32.
/// Units:  nats per token.
/// Limits: N >= 1; fp32 and bfloat16; only where has_fused_head_loss().
/// Determinism: exact; no atomics.
/// Source: Hsu et al. 2024, arXiv 2410.10989, section 3.2.
at::Tensor fused_head_loss(const at::Tensor& hidden,
                           const at::Tensor& weight,
                           const at::Tensor& targets,
                           std::int64_t num_classes);

}  // namespace switchyard::train
