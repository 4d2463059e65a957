#pragma once

#include <cstdint>

#include "kernels/include/embedding.h"
#include "kernels/src/device.cuh"

namespace switchyard::kernels::embedding {

inline const char* problem(const Embedding& shape, const StepState* state) {
  constexpr std::int64_t kLargest = (std::int64_t{1} << 31) - 1;
  if (shape.N < 0 || shape.N > kLargest || shape.V < 1 || shape.V > kLargest) {
    return "embedding: expected 0 <= N < 2^31 and 1 <= V < 2^31";
  }
  if (shape.T < 1 || shape.D < 1) return "embedding: expected T >= 1 and D >= 1";
  if (!(shape.dropout >= 0.0F && shape.dropout < 1.0F)) {
    return "embedding: expected 0 <= dropout < 1";
  }
  if (shape.dropout > 0.0F && state == nullptr) return "embedding: dropout needs a step state";
  if (shape.stream_dtype == Dtype::kBf16 && shape.compute_dtype == Dtype::kF32) {
    return "embedding: a bf16 stream with f32 products is not supported";
  }
  return nullptr;
}

}  // namespace switchyard::kernels::embedding
