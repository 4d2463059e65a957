#pragma once

#include <cstdint>

#include "kernels/src/device.cuh"

namespace switchyard::kernels::device {

/// Kernels that give every thread packs of rows, without regard to where rows end: a block has
/// kThreads kPacks neighbouring packs, a thread every kThreads-th of them.

struct PackPlace {
  std::int64_t row;
  unsigned pack;  ///< within the row
};

/// Where the thread's pack j lies; the row may lie behind the last one.
template <int kThreads, int kPacks>
__device__ PackPlace pack_place(int j, unsigned packs_per_row) {
  const std::int64_t first = std::int64_t{blockIdx.x} * (kThreads * kPacks);  // of the block
  const std::int64_t row = first / packs_per_row;
  const unsigned at = static_cast<unsigned>(first - row * packs_per_row) +
                      static_cast<unsigned>(j * kThreads) + threadIdx.x;
  return {row + at / packs_per_row, at % packs_per_row};
}

/// Blocks for so many rows; 0: more than a launch takes.
template <int kThreads, int kPacks>
std::int64_t num_pack_blocks(std::int64_t num_rows, std::int64_t packs_per_row) {
  constexpr std::int64_t kMost = (std::int64_t{1} << 31) - 1, kPerBlock = kThreads * kPacks;
  if (packs_per_row > kMost || num_rows > kMost * kPerBlock / packs_per_row) return 0;
  return (num_rows * packs_per_row + kPerBlock - 1) / kPerBlock;
}

}  // namespace switchyard::kernels::device
