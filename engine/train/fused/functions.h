#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "engine/train/fused/fusion.h"
#include "engine/train/model/activation.h"
#include "engine/train/model/parameter_store.h"

namespace switchyard::train {

/// The layers of a model as few passes over memory: on a GPU each works on kernels of our own, on
/// the CPU on their host references. Parameters are Slots, so a backward pass adds to their
/// gradients and hands on the gradient of the activations alone.
///
/// Shapes: rows [N, D] are [B, T, D] seen flat; all contiguous.
/// Errors: throws c10::Error with the reason when a kernel cannot run.
/// Determinism: exact; no atomics.

/// Dropout with the place that its mask belongs to (kernels/include/philox.h).
struct Dropout {
  double p = 0.0;
  std::uint32_t site = 0;
};

struct NormOptions {
  bool is_rms = false;
  double eps = 1e-5;
};

/// x = dropout(table[token] + position[t]).
///
/// Shapes: tokens [B, T] int64; table [V, D]; position [seq_len, D] or undefined, its rows `begin`
///         and on; result [B, T, D] of type `stream`. `anchor`: any leaf that requires a gradient,
///         so that autograd takes part.
/// Source: kernels/include/embedding.h.
at::Tensor fused_embedding(Fusion& fusion,
                           const at::Tensor& tokens,
                           const Slot& table,
                           const Slot& position,
                           std::int64_t begin,
                           const Dropout& dropout,
                           at::ScalarType stream,
                           const at::Tensor& anchor);

struct Normed {
  at::Tensor sum;  ///< the residual stream
  at::Tensor y;
};

/// sum = x + dropout(delta); y = norm(sum). Without `delta` the sum is x.
///
/// Shapes: x [B, T, D] of the stream's type; delta, y [B, T, D] in compute precision; weight, bias
///         [D] f32, bias undefined or not.
/// Source: kernels/include/residual_norm.h.
Normed fused_residual_norm(Fusion& fusion,
                           const at::Tensor& x,
                           const at::Tensor& delta,
                           const Slot& weight,
                           const Slot& bias,
                           const NormOptions& norm,
                           const Dropout& dropout,
                           at::ScalarType compute);

/// The parameters of y = x W^T + b.
///
/// Shapes: weight [out, in]; bias [out] or undefined.
struct LinearSlots {
  Slot weight, bias;
};

/// x W^T + b. Shapes: x [..., in]; result [..., out].
at::Tensor fused_linear(Fusion& fusion, const at::Tensor& x, const LinearSlots& slots);

/// down(act(up x)), or down(silu(gate x) up x) with an activation that has a gate.
///
/// Shapes: x, result [B, T, D].
/// Source: kernels/include/gelu.h.
at::Tensor fused_feed_forward(Fusion& fusion,
                              const at::Tensor& x,
                              Activation activation,
                              const LinearSlots& up,
                              const LinearSlots& gate,
                              const LinearSlots& down);

/// Cosines and sines of the rotary embedding, [seq_len, C / 2] each.
struct RotaryTable {
  at::Tensor cosine, sine;
};

/// Causal attention over packed queries, keys and values: short sequences through our own kernels,
/// others through cuDNN; undefined where there is no fused form (the CPU with dropout, types and
/// head sizes that cuDNN refuses).
///
/// Shapes: qkv [B, T, 3, H, C]; result [B, T, H C]. The backward pass may write over qkv.
/// Source: kernels/include/attention.h, kernels/include/short_attention.h.
at::Tensor fused_attention(Fusion& fusion,
                           const at::Tensor& qkv,
                           const RotaryTable& rotary,
                           double dropout,
                           std::int64_t layer);

struct HeadLoss {
  at::Tensor total;          ///< what is differentiated, without share
  at::Tensor cross_entropy;  ///< not differentiable
};

/// Mean cross-entropy of the output product, a block of rows at a time: the logits of all tokens
/// never stand in memory together.
///
/// Math:   z = hidden weight^T; s[n] = log sum_{v < num_classes} exp z[n, v];
///         cross_entropy = mean_n (s[n] - z[n, target[n]]);
///         total = cross_entropy + z_coef mean_n s[n]^2. The backward pass hands on the gradient of
///         share x total, whatever it is given.
/// Shapes: hidden [N, D]; weight [V, D] with V >= num_classes (the rest is padding and takes no
///         part); targets [N] int64 in [0, num_classes); results 0-d, fp32.
/// Units:  nats per token.
/// Limits: N >= 1.
/// Source: Hsu et al. 2024, arXiv 2410.10989, section 3.2; squared log-sum: Chowdhery et al. 2022,
///         arXiv 2204.02311, section 5.
HeadLoss fused_head_loss(Fusion& fusion,
                         const at::Tensor& hidden,
                         const Slot& weight,
                         const at::Tensor& targets,
                         std::int64_t num_classes,
                         double z_coef,
                         double share);

}  // namespace switchyard::train
