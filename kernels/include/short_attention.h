#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/include/attention.h"
#include "kernels/include/dtype.h"
#include "kernels/include/philox.h"
#include "kernels/include/status.h"

namespace switchyard::kernels {

/// Most positions of a sequence that short_attention takes.
inline constexpr std::int64_t kShortAttentionLength = 256;

struct ShortAttentionForward {
  AttentionInputs in;
  void* out = nullptr;
  float* stats = nullptr;
  const std::int64_t* seed = nullptr;    ///< null is allowed without dropout
  const std::int64_t* offset = nullptr;  ///< null is allowed without dropout
  std::uint8_t* mask = nullptr;          ///< null: not wanted; not written without dropout
};

struct ShortAttentionBackward {
  AttentionInputs in;
  const void* out = nullptr;
  const float* stats = nullptr;
  const void* dout = nullptr;
  AttentionGradients gradients;        ///< may not overlap what is read
  const std::int64_t* seed = nullptr;  ///< of the forward, as offset
  const std::int64_t* offset = nullptr;
  const std::uint8_t* mask = nullptr;  ///< of the forward; null: drawn again, same result
};

/// Causal attention of sequences that fit into a multiprocessor, both directions in one kernel
/// each.
///
/// Math:   s[t, u] = q[t] . k[u] / sqrt(C) for u <= t; stats[t] = log sum_u exp s[t, u];
///         p = exp(s - stats); m[t, u] = keep[t, u] / (1 - x), x = dropout_frac rounded to a
///         multiple of 2^-16, keep[t, u] = (16-bit number of (seed, offset, site 0,
///         short_attention_number(b H + h, t, u)) >= x 2^16), see philox.h;
///         out[t] = sum_u p[t, u] m[t, u] v[u].
///         Backward, with r[t] = dout[t] . out[t]: dv[u] = sum_t p[t, u] m[t, u] dout[t];
///         ds[t, u] = p[t, u] (m[t, u] dout[t] . v[u] - r[t]);
///         dq[t] = sum_u ds[t, u] k[u] / sqrt(C); dk[u] = sum_t ds[t, u] q[t] / sqrt(C).
///         On the device weights and ds are rounded to bf16 before they are multiplied, sums in
///         f32; the reference sums in f64.
/// Shapes: as AttentionShape, bf16 (reference: any); stats [B, H, T] f32; seed, offset: one int64
///         each, on the device and read when the kernel runs, so that a captured graph sees new
///         values; mask [short_attention_mask_bytes] bytes, aligned to 2, in the device's own
///         order.
/// Units:  stats in nats.
/// Limits: what fault_of_short_attention says; pointers of 16 bytes.
/// Errors: launch failure; a shape out of limits; a null or misaligned pointer; dropout without
///         seed or offset.
/// Determinism: exact (fixed order, no atomics), whatever is_deterministic says.
/// Source: Dao 2023, arXiv 2307.08691, algorithms 1 and 2. Differs: the backward computes the
///         scores twice, once by rows for dq and once by columns for dk and dv, so that no sum
///         crosses warps.
void short_attention_reference(const AttentionShape& shape,
                               Dtype dtype,
                               const ShortAttentionForward& args);
KernelStatus short_attention_cuda(const AttentionShape& shape,
                                  const ShortAttentionForward& args,
                                  CudaStream stream);
void short_attention_backward_reference(const AttentionShape& shape,
                                        Dtype dtype,
                                        const ShortAttentionBackward& args);
KernelStatus short_attention_backward_cuda(const AttentionShape& shape,
                                           const ShortAttentionBackward& args,
                                           CudaStream stream);

/// Why the kernels do not take a shape, in words; null when they do: T <= 256, C 32 or 64, causal,
/// B H < 2^30, and what fault_of_attention_shape asks.
///
/// Shapes: as AttentionShape.
/// Source: own.
const char* fault_of_short_attention(const AttentionShape& shape);

/// Bytes of the mask that the forward may leave to the backward, a bit for each weight of the
/// square; 0 without dropout.
///
/// Shapes: as AttentionShape.
/// Source: own.
std::size_t short_attention_mask_bytes(const AttentionShape& shape);

/// Index of the random number of weight [t, u] of sequence and head i = b H + h.
///
/// Math:   a tile of 16 x 16 weights has 32 packs of 8: pack 4 (t mod 8) + floor((u mod 8) / 2)
///         holds rows t and t + 8, columns u, u + 1, u + 8 and u + 9 of the tile: what a lane of a
///         warp holds of a product's result. Inside: 4 (u mod 2) + 2 (floor(u / 8) mod 2) +
///         floor(t / 8) mod 2.
/// Shapes: none; t, u in [0, 256).
/// Source: own; the layout of results is that of PTX ISA, mma.m16n8k16.
SY_HOST_DEVICE inline std::uint64_t short_attention_number(std::uint64_t i,
                                                           std::uint32_t t,
                                                           std::uint32_t u) {
  const std::uint64_t tile = (i * 16 + t / 16) * 16 + u / 16;
  const std::uint64_t pack = tile * 32 + t % 8 * 4 + u % 8 / 2;
  return pack * 8 + u % 2 * 4 + u / 8 % 2 * 2 + t / 8 % 2;
}

}  // namespace switchyard::kernels
