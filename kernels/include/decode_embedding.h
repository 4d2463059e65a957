#pragma once

#include <cstdint>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"

namespace switchyard::kernels {

struct DecodeEmbedding {
  std::int64_t M = 0;  ///< rows, one per sequence
  std::int64_t D = 0;
  std::int64_t V = 0;                ///< rows of the table
  std::int64_t S = 0;                ///< rows of the positions
  Dtype table_dtype = Dtype::kF32;   ///< of table and position
  Dtype stream_dtype = Dtype::kF32;  ///< of x
  /// Starts before the kernel queued just before has ended; reads nothing meanwhile, nor does what
  /// is queued behind. On GPUs that can.
  bool may_overlap = false;
};

struct DecodeEmbeddingArguments {
  const std::int32_t* token = nullptr;
  const std::int32_t* length = nullptr;
  const void* table = nullptr;
  const void* position = nullptr;  ///< null: none
  void* x = nullptr;
};

/// The residual stream of one new token per sequence, each at a position of its own.
///
/// Math:   x[m] = table[token[m]] + position[length[m]], rounded to the stream's type. A token or a
///         position out of range counts as a row of zeros.
/// Shapes: token, length [M] int32, in device memory; table [V, D]; position [S, D]; x [M, D].
/// Limits: sizes >= 0.
/// Errors: launch failure.
/// Determinism: exact.
/// Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.4.
void decode_embedding_reference(const DecodeEmbedding& shape, const DecodeEmbeddingArguments& args);
KernelStatus decode_embedding_cuda(const DecodeEmbedding& shape,
                                   const DecodeEmbeddingArguments& args,
                                   CudaStream stream);

}  // namespace switchyard::kernels
