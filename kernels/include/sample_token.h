#pragma once

#include <cstdint>

#include "kernels/include/status.h"

namespace switchyard::kernels {

/// How a token is drawn, in device memory, so that a recorded step serves any of them.
///
/// Shapes: one value; kernels take it by a device pointer (references: by a host pointer).
/// Source: own.
struct SampleSettings {
  float temperature = 1.0F;  ///< 0: the first arg-max
  float top_p = 1.0F;        ///< 1: off
  float min_p = 0.0F;        ///< 0: off
  std::int32_t top_k = 0;    ///< 0 or >= V: off
};

struct SampleToken {
  std::int64_t M = 0;         ///< rows, one per sequence
  std::int64_t V = 0;         ///< tokens
  std::int64_t stride = 0;    ///< elements between rows of logits
  std::int64_t capacity = 0;  ///< columns of `tokens`
  /// Starts before the kernel queued just before has ended; reads nothing meanwhile. On GPUs that
  /// can.
  bool may_overlap = false;
};

struct SampleTokenArguments {
  const float* logits = nullptr;
  const SampleSettings* settings = nullptr;
  const std::uint64_t* seed = nullptr;
  std::int64_t* num_drawn = nullptr;
  std::int32_t* token = nullptr;
  std::int32_t* length = nullptr;    ///< null: not wanted
  std::int32_t* tokens = nullptr;    ///< null: not wanted
  float* log_probability = nullptr;  ///< null: not wanted
  float* entropy = nullptr;          ///< null: not wanted
};

/// Draws one token per row and steps the sequences on.
///
/// Math:   scores = logits / temperature; top-k removes scores below the k-th largest (ties with it
///         stay); softmax; top-p: in descending order, equal ones by ascending id, a token stays
///         while the probability before it is below top_p; min-p removes what is below min_p times
///         the largest. The token is the first in ascending id order whose cumulative probability
///         exceeds u = philox_uniform(seed[m], num_drawn[m]). Then token[m] is it,
///         tokens[m, num_drawn[m]] too where that is a column, length[m] and num_drawn[m] grow by
///         one. log_probability is ln softmax(logits) of the token, entropy -sum p ln p of
///         softmax(logits), both before all filters. Weights in f32, their sums in f64 (reference:
///         f64).
/// Shapes: logits [M, stride] f32, V of a row used; seed, num_drawn [M]; token, length [M];
///         tokens [M, capacity]; log_probability, entropy [M, capacity] like tokens.
/// Limits: 1 <= V <= 2^24, finite logits. Fast with top-k up to about 800, without filters, and
/// with
///         top-p over a distribution whose larger part is on few tokens; else about 30 more passes
///         over the row.
/// Errors: launch failure; V or stride out of limits.
/// Determinism: exact; no atomics. Host and device draw the same token unless a score or a sum is
///         within rounding of its bound.
/// Source: Fan et al. 2018 (top-k), Holtzman et al. 2020 (top-p), Nguyen et al. 2024 (min-p).
void sample_token_reference(const SampleToken& shape, const SampleTokenArguments& args);
KernelStatus sample_token_cuda(const SampleToken& shape,
                               const SampleTokenArguments& args,
                               CudaStream stream);

}  // namespace switchyard::kernels
