#pragma once

#include <cstdint>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"

namespace switchyard::kernels {

/// Copies every token to the rows of its choices; the backward sums them again.
///
/// Math:   r = row_from_slot[n K + k], as expert_permutation writes it; y[r] = x[n] for r >= 0;
///         y[-1 - r] = 0 for r < 0 (the choice has no expert) if y has that row. Rows that no slot
///         names are not written.
///         Backward: dx[n] = addend[n] + sum_k [r >= 0] dy[r], in the order of k, in f32
///         (reference: f64). Rows without an expert are not read.
/// Shapes: x, dx, addend [N, D], y, dy [num_rows, D] of `dtype`, every row with an expert
///         among them; row_from_slot [N K] int64.
///         addend null: none; dx may be addend.
/// Limits: D >= 1, K >= 1. 16 bytes at a time with aligned pointers and rows.
/// Errors: launch failure; D, K or sizes out of limits.
/// Determinism: exact.
/// Source: Gale et al. 2022, arXiv 2211.15841, section 4.
void gather_rows_reference(Dtype dtype,
                           const void* x,
                           const std::int64_t* row_from_slot,
                           std::int64_t N,
                           std::int64_t K,
                           std::int64_t D,
                           std::int64_t num_rows,
                           void* y);
KernelStatus gather_rows_cuda(Dtype dtype,
                              const void* x,
                              const std::int64_t* row_from_slot,
                              std::int64_t N,
                              std::int64_t K,
                              std::int64_t D,
                              std::int64_t num_rows,
                              void* y,
                              CudaStream stream);
void gather_rows_backward_reference(Dtype dtype,
                                    const void* dy,
                                    const std::int64_t* row_from_slot,
                                    std::int64_t N,
                                    std::int64_t K,
                                    std::int64_t D,
                                    const void* addend,
                                    void* dx);
KernelStatus gather_rows_backward_cuda(Dtype dtype,
                                       const void* dy,
                                       const std::int64_t* row_from_slot,
                                       std::int64_t N,
                                       std::int64_t K,
                                       std::int64_t D,
                                       const void* addend,
                                       void* dx,
                                       CudaStream stream);

}  // namespace switchyard::kernels
