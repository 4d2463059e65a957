#pragma once

#include <cstdint>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"

namespace switchyard::kernels {

struct DecodeAttention {
  std::int64_t B = 0;           ///< sequences
  std::int64_t H = 0;           ///< heads
  std::int64_t C = 0;           ///< width of a head
  std::int64_t S = 0;           ///< positions that the cache has room for
  std::int64_t max_length = 0;  ///< about how long sequences are: decides how they are split
  Dtype dtype = Dtype::kF32;    ///< of qkv, caches and out
  /// Starts before the kernel queued just before has ended, and reads caches and lengths meanwhile:
  /// they must not be among its outputs. On GPUs that can.
  bool may_overlap = false;
};

struct DecodeAttentionArguments {
  const void* qkv = nullptr;
  const float* cosine = nullptr;  ///< null: no rotary embedding
  const float* sine = nullptr;
  const std::int32_t* length = nullptr;
  void* key = nullptr;
  void* value = nullptr;
  void* out = nullptr;
};

/// Attention of one new position per sequence over its earlier ones; its key and value are appended
/// to the cache.
///
/// Math:   t = length[b]; q and k are rotated by the angles of position t (rotary.h) and rounded;
///         key[b, h, t] = k, value[b, h, t] = v; out = softmax(q key^T / sqrt(C)) value over the
///         positions 0 … t. In f32 (reference: f64).
/// Shapes: qkv [B, 3, H, C]; cosine, sine [S, C / 2] f32; length [B] int32, in device memory (it is
///         not changed); key, value [B, H, S, C]; out [B, H, C].
/// Limits: a length in [0, S); of a sequence with another nothing is written. C a multiple of 16
///         bytes up to 512 bytes; pointers multiples of 16 bytes.
/// Errors: launch failure; sizes or pointers out of limits.
/// Determinism: exact for one choice of max_length: a sequence is split over up to eight blocks,
///         whose parts are merged in order.
/// Source: Milakov & Gimelshein 2018, arXiv 1805.02867 (running softmax); splitting a sequence as
///         in flash-decoding, Dao et al. 2023.
void decode_attention_reference(const DecodeAttention& shape, const DecodeAttentionArguments& args);
KernelStatus decode_attention_cuda(const DecodeAttention& shape,
                                   const DecodeAttentionArguments& args,
                                   CudaStream stream);

/// Is C within the limits of the device?
inline bool has_decode_attention(std::int64_t C, Dtype dtype) {
  const std::int64_t width = dtype == Dtype::kF32 ? 4 : 8;
  return C >= width && C % width == 0 && C <= 32 * width;
}

}  // namespace switchyard::kernels
