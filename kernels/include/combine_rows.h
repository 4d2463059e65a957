#pragma once

#include <cstdint>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"

namespace switchyard::kernels {

/// What both directions of the weighted sum over choices share.
struct CombineRows {
  std::int64_t N = 0;
  std::int64_t K = 0;
  std::int64_t D = 0;
  std::int64_t num_rows = 0;                    ///< of y and dy; the forward does not read it
  Dtype dtype = Dtype::kF32;                    ///< of y, addend, out and their gradients
  const std::int64_t* row_from_slot = nullptr;  ///< as expert_permutation writes it
  const float* combine_weight = nullptr;        ///< null: 1, in the forward alone
};

struct CombineRowsForward {
  const void* y = nullptr;
  const void* addend = nullptr;  ///< null: none
  void* out = nullptr;           ///< may be addend
};

struct CombineRowsBackward {
  const void* dout = nullptr;
  const void* y = nullptr;
  void* dy = nullptr;  ///< may be y
  float* dcombine_weight = nullptr;
};

/// Brings the experts' results back to their tokens, weighted and summed over the choices.
///
/// Math:   r = row_from_slot[n K + k], w = combine_weight[n, k];
///         out[n] = addend[n] + sum_k [r >= 0] w y[r], in the order of k. Rows with r < 0 have no
///         expert: they count as zero and are not read.
///         Backward: dy[r] = w dout[n] and dcombine_weight[n, k] = sum_d dout[n, d] y[r, d] for
///         r >= 0; dy[-1 - r] = 0 if dy has that row, and dcombine_weight[n, k] = 0, for r < 0. The
///         gradient of addend is dout. Sums in f32 (reference: f64).
/// Shapes: y, dy [num_rows, D], every row with an expert among them; addend, out, dout [N, D];
/// row_from_slot [N K] int64;
///         combine_weight, dcombine_weight [N, K] f32. Rows that no slot names are not written.
/// Limits: D >= 1, K >= 1. 16 bytes at a time with aligned pointers and rows.
/// Errors: launch failure; D, K or sizes out of limits; a backward without weights.
/// Determinism: exact (sums in an order that depends on D, K and the alignment alone).
/// Source: Shazeer et al. 2017, arXiv 1701.06538, eq. 1.
void combine_rows_reference(const CombineRows& shape, const CombineRowsForward& args);
KernelStatus combine_rows_cuda(const CombineRows& shape,
                               const CombineRowsForward& args,
                               CudaStream stream);
void combine_rows_backward_reference(const CombineRows& shape, const CombineRowsBackward& args);
KernelStatus combine_rows_backward_cuda(const CombineRows& shape,
                                        const CombineRowsBackward& args,
                                        CudaStream stream);

}  // namespace switchyard::kernels
