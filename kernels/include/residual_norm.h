#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"
#include "kernels/include/step_state.h"

namespace switchyard::kernels {

/// What both directions of the residual sum with norm share.
struct ResidualNorm {
  std::int64_t N = 0;
  std::int64_t D = 0;
  Dtype stream_dtype = Dtype::kF32;   ///< of x, sum, dsum, dx
  Dtype compute_dtype = Dtype::kF32;  ///< of delta, y, dy, ddelta
  bool is_rms = false;                ///< no mean is taken off
  float eps = 1e-5F;
  float dropout = 0.0F;    ///< of delta, in [0, 1)
  std::uint32_t site = 0;  ///< names the place for the random words
};

struct ResidualNormForward {
  const void* x = nullptr;
  const void* delta = nullptr;  ///< null: the sum is x and is not written
  const float* weight = nullptr;
  const float* bias = nullptr;       ///< null: none
  const StepState* state = nullptr;  ///< null is allowed without dropout
  void* sum = nullptr;               ///< may be x
  void* y = nullptr;
  float* mean = nullptr;         ///< null: not wanted; not written for RMS
  float* rstd = nullptr;         ///< null: not wanted
  std::uint8_t* mask = nullptr;  ///< null: not wanted; not written without a dropout of delta
};

struct ResidualNormBackward {
  const void* dy = nullptr;
  const void* dsum = nullptr;  ///< null: no gradient reached the sum from later layers
  const void* sum = nullptr;
  const float* mean = nullptr;  ///< not read for RMS
  const float* rstd = nullptr;
  const float* weight = nullptr;
  const StepState* state = nullptr;    ///< null is allowed without dropout
  const std::uint8_t* mask = nullptr;  ///< of the forward; null: drawn again, with the same result
  void* dx = nullptr;                  ///< may be dsum
  void* ddelta = nullptr;     ///< null: not wanted (without dropout it equals dx); may be dy
  float* dweight = nullptr;   ///< null: not wanted
  float* dbias = nullptr;     ///< null: not wanted
  float beta = 0.0F;          ///< 0: dweight, dbias overwritten; 1: added to
  void* workspace = nullptr;  ///< residual_norm_workspace_bytes; not read by the reference
};

/// Adds a branch to the residual stream and normalises the sum; the backward joins both gradients.
///
/// Math:   sum[n, d] = x[n, d] + keep[n, d] delta[n, d] / (1 - q), rounded to the stream's type;
///         q = p rounded to a multiple of 2^-16 (0: all is kept); keep[n, d] = (16-bit number of
///         (seed, step, site, n D + d) >= q 2^16), see philox.h; mask: bit d mod 8 of byte
///         [n, floor(d / 8)] is keep[n, d], bits beyond D are 0;
///         LayerNorm: m = mean_d sum, r = (mean_d (sum - m)^2 + eps)^(-1/2);
///         RMSNorm: m = 0, r = (mean_d sum^2 + eps)^(-1/2); h = (sum - m) r;
///         y = h weight + bias.
///         Backward: g = dy weight; dx = dsum + r (g - [LayerNorm] mean_d g - h mean_d (g h));
///         ddelta = keep dx / (1 - q); dweight = beta dweight + sum_n dy h;
///         dbias = beta dbias + sum_n dy. Sums in f32 (reference: f64).
/// Shapes: x, sum, dsum, dx [N, D] of stream_dtype; delta, y, dy, ddelta [N, D] of compute_dtype;
///         mean, rstd [N] f32; weight, bias, dweight, dbias [D] f32; mask [N, ceil(D / 8)] bytes.
///         Outputs may be inputs only where a field says so.
/// Limits: D >= 1; type pairs (f32, f32), (f32, bf16), (bf16, bf16) as (stream, compute). Fast for
///         aligned rows with D a multiple of 8 up to 1024; else one block per row.
/// Errors: launch failure; D, dropout or types out of limits; dropout without a state.
/// Determinism: exact on one model of GPU (partial sums per block in a fixed order, no atomics).
/// Source: Ba et al. 2016, arXiv 1607.06450; Zhang & Sennrich 2019, arXiv 1910.07467; dropout of
///         the branch as in Vaswani et al. 2017, arXiv 1706.03762, section 5.4.
void residual_norm_reference(const ResidualNorm& shape, const ResidualNormForward& args);
KernelStatus residual_norm_cuda(const ResidualNorm& shape,
                                const ResidualNormForward& args,
                                CudaStream stream);
void residual_norm_backward_reference(const ResidualNorm& shape, const ResidualNormBackward& args);
KernelStatus residual_norm_backward_cuda(const ResidualNorm& shape,
                                         const ResidualNormBackward& args,
                                         CudaStream stream);

/// Bytes of the backward's scratch, aligned to 16.
std::size_t residual_norm_workspace_bytes(std::int64_t N, std::int64_t D);

}  // namespace switchyard::kernels
