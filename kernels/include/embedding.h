#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"
#include "kernels/include/step_state.h"

namespace switchyard::kernels {

/// What both directions of the embedding share.
struct Embedding {
  std::int64_t N = 0;  ///< tokens, sequences of T one after another
  std::int64_t T = 1;
  std::int64_t D = 0;
  std::int64_t V = 0;                 ///< rows of the table
  Dtype stream_dtype = Dtype::kF32;   ///< of x, dx
  Dtype compute_dtype = Dtype::kF32;  ///< of table, position
  float dropout = 0.0F;               ///< in [0, 1)
  std::uint32_t site = 0;             ///< names the place for the random words
};

struct EmbeddingForward {
  const std::int64_t* tokens = nullptr;
  const void* table = nullptr;
  const void* position = nullptr;    ///< null: no positions
  std::int64_t begin = 0;            ///< first position of a sequence
  const StepState* state = nullptr;  ///< null is allowed without dropout
  void* x = nullptr;
};

struct EmbeddingBackward {
  const std::int64_t* tokens = nullptr;
  const void* dx = nullptr;
  const StepState* state = nullptr;  ///< null is allowed without dropout
  float* dtable = nullptr;           ///< null: not wanted
  float beta_table = 0.0F;           ///< 0: overwritten, rows without tokens become 0; 1: added to
  float* dposition = nullptr;        ///< gradient of the rows begin … begin + T - 1; null: none
  float beta_position = 0.0F;        ///< 0: overwritten; 1: added to
  void* workspace = nullptr;         ///< embedding_workspace_bytes; not read by the reference
};

/// Looks up tokens and positions; the backward sums gradients by token and by position.
///
/// Math:   x[n] = keep[n] (table[tokens[n]] + position[n mod T + begin]) / (1 - q);
///         q = p rounded to a multiple of 2^-16 (0: all is kept); keep[n, d] = (16-bit number of
///         (seed, step, site, n D + d) >= q 2^16), see philox.h; g[n] = keep[n] dx[n] / (1 - q);
///         dtable[v] = beta dtable[v] + sum_{tokens[n] = v} g[n];
///         dposition[t] = beta dposition[t] + sum_{n mod T = t} g[n]. Sums in f32 (reference: f64).
/// Shapes: tokens [N] int64; table [V, D], position [>= begin + T, D] of compute_dtype; x, dx
///         [N, D] of stream_dtype; dtable [V, D], dposition [T, D] f32.
/// Limits: N < 2^31; 1 <= V < 2^31; T >= 1; D >= 1; type pairs (f32, f32), (f32, bf16),
///         (bf16, bf16) as (stream, compute). A token outside [0, V) counts as a row of zeros.
/// Errors: launch failure; sizes, dropout or types out of limits; dropout without a state.
/// Determinism: exact (stable sort by token, sums in a fixed order, no floating-point atomics).
/// Source: own; sums over sorted segments in two levels.
void embedding_reference(const Embedding& shape, const EmbeddingForward& args);
KernelStatus embedding_cuda(const Embedding& shape,
                            const EmbeddingForward& args,
                            CudaStream stream);
void embedding_backward_reference(const Embedding& shape, const EmbeddingBackward& args);
KernelStatus embedding_backward_cuda(const Embedding& shape,
                                     const EmbeddingBackward& args,
                                     CudaStream stream);

/// Bytes of the backward's scratch, aligned to 256. Asks the current device for the sort's share.
std::size_t embedding_workspace_bytes(std::int64_t N, std::int64_t D, std::int64_t V);

}  // namespace switchyard::kernels
