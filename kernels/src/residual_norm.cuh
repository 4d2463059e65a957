#pragma once

#include <cstdint>

#include "kernels/include/residual_norm.h"
#include "kernels/src/device.cuh"

namespace switchyard::kernels::residual_norm {

constexpr int kWarps = 4;         // rows at a time of a block, one per warp
constexpr int kRowThreads = 256;  // of a block that takes one row at a time

/// Elements that move together: 16 bytes of the stream's type.
template <typename Stream>
constexpr int kWidth = 16 / static_cast<int>(sizeof(Stream));

/// Longest row that a warp keeps in registers.
constexpr std::int64_t kWarpElements = 1024;

/// Packs per lane that hold D elements, of those that are compiled: 1, 2, 3, 4, 6, 8.
inline int packs_per_lane(std::int64_t D, int width) {
  const auto needed = static_cast<int>((D + 32 * width - 1) / (32 * width));
  return needed == 5 || needed == 7 ? needed + 1 : needed;
}

inline const char* problem(const ResidualNorm& shape, const StepState* state) {
  if (shape.D < 1 || shape.N < 0) return "residual_norm: expected N >= 0 and D >= 1";
  if (!(shape.dropout >= 0.0F && shape.dropout < 1.0F)) {
    return "residual_norm: expected 0 <= dropout < 1";
  }
  if (shape.dropout > 0.0F && state == nullptr) return "residual_norm: dropout needs a step state";
  if (shape.stream_dtype == Dtype::kBf16 && shape.compute_dtype == Dtype::kF32) {
    return "residual_norm: a bf16 stream with f32 products is not supported";
  }
  return nullptr;
}

}  // namespace switchyard::kernels::residual_norm
