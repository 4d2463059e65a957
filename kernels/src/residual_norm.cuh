#pragma once

#include <cstdint>

#include <cuda_pipeline.h>

#include "kernels/include/residual_norm.h"
#include "kernels/src/device.cuh"

namespace switchyard::kernels::residual_norm {

constexpr int kRowThreads = 256;  // of a block that takes one row at a time

/// Elements that move together: 16 bytes of the stream's type.
template <typename Stream>
constexpr int kWidth = 16 / static_cast<int>(sizeof(Stream));

/// Longest row that a warp keeps in registers.
constexpr std::int64_t kWarpElements = 1024;

/// How a warp takes rows: kLanes lanes to a row, so 32 / kLanes rows at a time; a lane has kPacks
/// packs of each, kLanes packs apart.
template <int kLanes_, int kPacks_>
struct Tile {
  static constexpr int kLanes = kLanes_;
  static constexpr int kPacks = kPacks_;
  static constexpr int kRows = 32 / kLanes;
};

/// Calls `run` with the tile that leaves the fewest lanes without work at D <= kWarpElements.
template <int kSize, typename Run>
void with_tile(std::int64_t D, const Run& run) {
  const std::int64_t packs = D / kSize;
  if (packs <= 16) return run(Tile<16, 1>());
  if (packs > 32 && packs <= 48) return run(Tile<16, 3>());
  if (packs <= 32) return run(Tile<32, 1>());
  if (packs <= 64) return run(Tile<32, 2>());
  if (packs <= 96) return run(Tile<32, 3>());
  if (packs <= 128) return run(Tile<32, 4>());
  if constexpr (kSize == 4) {
    if (packs <= 192) return run(Tile<32, 6>());
    run(Tile<32, 8>());
  }
}

/// What a warp has under way: copies into shared memory of its next rows, a stage for each. A lane
/// reads only what it copied itself, so waiting for its own copies is enough.
template <typename Stream, typename Compute, typename T, int kStreams>
class Rows {
 public:
  static constexpr int kSize = kWidth<Stream>;
  using StreamPack = device::Pack<Stream, kSize>;
  using ComputePack = device::Pack<Compute, kSize>;
  static constexpr int kElements = T::kPacks * kSize;  ///< of a lane
  static constexpr int kStages = kElements <= 8 ? 4 : 2;
  static constexpr int kStreamBytes = 32 * static_cast<int>(sizeof(StreamPack));
  static constexpr int kComputeBytes = 32 * static_cast<int>(sizeof(ComputePack));
  static constexpr int kStageBytes = T::kPacks * (kStreams * kStreamBytes + kComputeBytes);
  static constexpr int kWarpBytes = kStages * kStageBytes;

  __device__ Rows(void* shared, int warp, int lane)
      : base_(static_cast<char*>(shared) + warp * kWarpBytes), lane_(lane) {}

  [[nodiscard]] __device__ StreamPack* stream(int stage, int which, int k) const {
    char* at = base_ + stage * kStageBytes + (which * T::kPacks + k) * kStreamBytes;
    return reinterpret_cast<StreamPack*>(at) + lane_;
  }

  [[nodiscard]] __device__ ComputePack* compute(int stage, int k) const {
    char* at =
        base_ + stage * kStageBytes + kStreams * T::kPacks * kStreamBytes + k * kComputeBytes;
    return reinterpret_cast<ComputePack*>(at) + lane_;
  }

 private:
  char* base_;
  int lane_;
};

/// Begins the copy of one pack from global to shared memory.
template <typename Pack, typename Element>
__device__ void copy_pack(Pack* to, const Element* from) {
  __pipeline_memcpy_async(to, from, sizeof(Pack));
}

/// Draws the bits of a row that begins at the flat index `at`, for every pack of a lane; D is a
/// multiple of 8, `columns` is D or 0 for no row. One draw per eight elements: lanes with packs of
/// four draw for each other, so every lane of the warp must call it. Writes the row's bytes if
/// `bytes` is not null.
template <int kSize, typename T>
__device__ void draw_row(const device::Mask& mask,
                         std::int64_t at,
                         int columns,
                         int lane,
                         std::uint8_t* bytes,
                         unsigned (&bits)[T::kPacks]) {
  const auto first = static_cast<std::uint64_t>(at) / 8;
  if constexpr (kSize == 8) {
#pragma unroll
    for (int k = 0; k < T::kPacks; ++k) {
      const int byte = k * T::kLanes + lane;
      if (byte * 8 >= columns) continue;
      bits[k] = mask.draw(first + static_cast<unsigned>(byte));
      if (bytes != nullptr) bytes[byte] = static_cast<std::uint8_t>(bits[k]);
    }
  } else {
    static_assert(kSize == 4);
#pragma unroll
    for (int pair = 0; pair < (T::kPacks + 1) / 2; ++pair) {
      const int byte = pair * T::kLanes + lane;
      unsigned drawn = 0;
      if (byte * 8 < columns) {
        drawn = mask.draw(first + static_cast<unsigned>(byte));
        if (bytes != nullptr) bytes[byte] = static_cast<std::uint8_t>(drawn);
      }
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int k = 2 * pair + half;
        if (k >= T::kPacks) continue;
        const int from = half * (T::kLanes / 2) + lane / 2;
        bits[k] = __shfl_sync(0xFFFFFFFFU, drawn, from, T::kLanes) >> 4 * (lane % 2) & 15U;
      }
    }
  }
}

/// The bits of kSize elements from element d of a row whose mask is at `bytes`.
template <int kSize>
__device__ unsigned stored_bits(const std::uint8_t* bytes, std::int64_t d) {
  return static_cast<unsigned>(bytes[d / 8]) >> static_cast<unsigned>(d % 8) & ((1U << kSize) - 1U);
}

/// Threads of a block that is alone on its multiprocessor, and the blocks: up to kWarps warps,
/// fewer where the rows or the shared memory (`warp_bytes` each) do not suffice.
struct Grid {
  int blocks, warps;

  Grid(std::int64_t N, int rows_per_warp, int most_warps, int warp_bytes) {
    const std::int64_t multiprocessors = device::num_multiprocessors();
    const std::int64_t bytes = device::device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
    const std::int64_t fitting = bytes / warp_bytes,
                       groups = (N + rows_per_warp - 1) / rows_per_warp;
    std::int64_t count = (groups + multiprocessors - 1) / multiprocessors;
    if (count > fitting) count = fitting;
    if (count > most_warps) count = most_warps;
    if (count < 1) count = 1;
    const std::int64_t at_once = multiprocessors * count, rounds = (groups + at_once - 1) / at_once;
    count = (groups + multiprocessors * rounds - 1) / (multiprocessors * rounds);  // rounds as full
    warps = static_cast<int>(count);
    const std::int64_t wanted = (groups + count - 1) / count;
    blocks = static_cast<int>(wanted < multiprocessors ? wanted : multiprocessors);
  }
};

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
