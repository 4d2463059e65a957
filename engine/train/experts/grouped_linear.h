#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace switchyard::train {

/// Where each of the N x K slots stands once rows are sorted by expert. Slots without an expert come
/// last and take no part.
struct Dispatch {
  std::int64_t num_tokens = 0;   ///< N
  std::int64_t num_choices = 0;  ///< K
  at::Tensor row_from_slot;      ///< [N*K] int64: sorted row of slot n*K + k; -1 - row without expert
  at::Tensor slot_from_row;      ///< [M] int64: its inverse, M <= N*K rows
  at::Tensor token_from_row;     ///< [M] int64: n of a sorted row
  at::Tensor expert_from_row;    ///< [M] int64 in [0, E]
  at::Tensor is_empty;           ///< [N, K] bool: slots without expert; no elements: there is none
  at::Tensor tokens_per_expert;  ///< [E] int64
  at::Tensor offsets;            ///< [E] int32: cumulative ends of the experts' segments
};

/// Sorts assignments by expert, stably, without the host learning the counts on a GPU.
///
/// `may_be_empty`: slots may hold E, no expert. `num_rows_at_most` > 0: so many slots at most hold
/// one, and M is that; otherwise M is N*K.
///
/// Shapes: expert_index [N, K] int64 in [0, E].
/// Determinism: exact; within an expert, rows keep the order of tokens, then of choices.
/// Source: dropless grouping, Gale et al. 2022, arXiv 2211.15841, section 4.
Dispatch make_dispatch(const at::Tensor& expert_index,
                       std::int64_t E,
                       bool may_be_empty = false,
                       std::int64_t num_rows_at_most = 0);

/// Rows of `x` [N, D] in sorted order: [M, D].
/// Determinism: forward and backward are gathers; no atomics.
at::Tensor dispatch_rows(const at::Tensor& x, const Dispatch& dispatch);

/// Brings expert outputs back: out[n] = sum_k combine_weight[n, k] * y[row of (n, k)], slots
/// without expert left out.
/// Shapes: y [M, D]; combine_weight [N, K]; result [N, D] in the dtype of y.
/// Determinism: forward and backward are gathers; no atomics.
at::Tensor combine_rows(const at::Tensor& y,
                        const at::Tensor& combine_weight,
                        const Dispatch& dispatch);

/// One matrix product per expert over its contiguous segment of rows.
///
/// Math:   y[r] = x[r] W[e]^T for every row r of expert e's segment.
/// Shapes: x [M, D]; weight [E, F, D]; result [M, F].
/// Limits: bfloat16 on a GPU takes LibTorch's grouped product (D and F multiples of 8, compute
///         capability 9.0 or 10.0 for the fast path); other types on a GPU take one padded batched
///         product of E x M rows; the CPU walks the segments.
/// Determinism: exact on the CPU for a fixed thread count; an expert without rows has gradient
/// zero.
at::Tensor grouped_linear(const at::Tensor& x, const at::Tensor& weight, const Dispatch& dispatch);

/// The product alone, without autograd: y[r] = x[r] weight[e]. Shapes: x [M, D]; weight [E, D, F],
/// any strides that LibTorch's products take; result [M, F].
/// Limits: the CPU, or bfloat16 on a GPU with D and F multiples of 8.
at::Tensor grouped_product(const at::Tensor& x, const at::Tensor& weight, const Dispatch& dispatch);

/// gradient[e] += dy[rows of e]^T x[rows of e]. Shapes: dy [M, F]; x [M, D]; gradient [E, F, D] of
/// any floating type. Limits: as grouped_product.
void add_grouped_weight_gradient(const at::Tensor& dy,
                                 const at::Tensor& x,
                                 const Dispatch& dispatch,
                                 const at::Tensor& gradient);

/// y[r] + bias[e] for every row r of expert e's segment.
/// Shapes: y [M, F]; bias [E, F].
/// Determinism: exact; the gradient of a bias is summed in the order of its rows.
at::Tensor add_grouped_bias(const at::Tensor& y, const at::Tensor& bias, const Dispatch& dispatch);

/// y[r] * factor[e] for every row r of expert e's segment. Shapes and determinism as above.
at::Tensor grouped_scale(const at::Tensor& y, const at::Tensor& factor, const Dispatch& dispatch);

}  // namespace switchyard::train
