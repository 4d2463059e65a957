#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "engine/train/experts/grouped_linear.h"
#include "engine/train/fused/fusion.h"
#include "engine/train/model/activation.h"
#include "engine/train/model/parameter_store.h"
#include "kernels/include/route_top_k.h"

namespace switchyard::train {

// A layer of routed experts as few passes over memory; see functions.h for what all share.

/// What one pass over router logits gives.
struct FusedRoute {
  at::Tensor expert_index;       ///< [N, K] int32
  at::Tensor combine_weight;     ///< [N, K] f32, differentiable
  at::Tensor router_probs;       ///< [N, E] f32, without gradient
  at::Tensor tokens_per_expert;  ///< [E] int64
  at::Tensor load_balance_loss;  ///< 0-d, differentiable
  at::Tensor router_z_loss;      ///< 0-d, differentiable
  at::Tensor importance;         ///< [E] f32
  at::Tensor token_sums;         ///< [2] f32: entropy in nats and margin, summed over tokens
};

/// Scores, the K best experts, their weights, both losses and the sums that statistics need.
///
/// Shapes: router_logits [N, E] f32; selection_bias [E] f32 or undefined.
/// Limits: kernels/include/route_top_k.h.
/// Source: kernels/include/route_top_k.h.
FusedRoute fused_route_top_k(const at::Tensor& router_logits,
                             const at::Tensor& selection_bias,
                             const kernels::RouteTopK& options);

/// Rows of x [N, D] in sorted order, [M, D]; rows without an expert are zero.
/// Source: kernels/include/gather_rows.h.
at::Tensor fused_gather_rows(const at::Tensor& x, const Dispatch& dispatch);

/// Expert outputs y [M, D] weighted and summed per token, [N, D].
/// Source: kernels/include/combine_rows.h.
at::Tensor fused_combine_rows(const at::Tensor& y,
                              const at::Tensor& combine_weight,
                              const Dispatch& dispatch);

/// grouped_linear whose backward pass adds to the gradient of `weight` [E, F, D] itself.
/// Limits: as grouped_linear's path for bfloat16 on a GPU, or any on the CPU.
at::Tensor fused_grouped_linear(const at::Tensor& x, const Slot& weight, const Dispatch& dispatch);

/// Is there a fused form for products with weights [E, F, D] of this type and these widths?
bool has_fused_grouped_linear(const Slot& weight);

/// act(up), or silu(gate) * up. Shapes: up, gate [M, F]; gate undefined unless the activation has
/// one. Limits: no geglu.
at::Tensor fused_row_activation(Activation activation, const at::Tensor& up, const at::Tensor& gate);

}  // namespace switchyard::train
