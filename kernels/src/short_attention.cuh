#pragma once

#include <cmath>

#include "kernels/include/short_attention.h"
#include "kernels/src/tensor_core.cuh"

/// What both directions of short_attention share. A block has one sequence's head: two of its
/// tensors stand in shared memory, and arrive in chunks of 64 rows. A warp works on tiles of 16
/// rows against 32 rows of those tensors at a time; in each round a block's four warps take the
/// four tiles of a chunk, in an order that turns around so that causal work is shared evenly.
namespace switchyard::kernels::short_attention {

using device::Bf16;
using device::SharedAddress;

constexpr int kWarps = 4;
constexpr int kThreads = 32 * kWarps;
constexpr int kBlocks = 3;  // of a multiprocessor at a time
constexpr int kTile = 16;   // rows of a warp
constexpr int kStep = 32;   // rows of the other side in one step
constexpr int kParts = kStep / 8;
constexpr int kChunk = 64;
constexpr int kMostChunks = kShortAttentionLength / kChunk;
constexpr float kLog2E = 1.44269504F;
constexpr float kLn2 = 0.693147181F;

/// Where the weights that dropout keeps come from.
enum class Keep { kAll, kDrawn, kStored };

/// Sizes, random numbers and factors that both directions take.
struct Common {
  int T, H;
  int num_chunks, num_tiles;
  float scale;       ///< of scores
  float scale_log2;  ///< of scores whose powers of two are taken
  const std::int64_t* seed;
  const std::int64_t* offset;
  std::uint32_t threshold;
  float kept;   ///< factor of the weights that are kept
  float share;  ///< 1 / kept
};

inline Common make_common(const AttentionShape& shape,
                          const std::int64_t* seed,
                          const std::int64_t* offset) {
  Common common{};
  common.T = static_cast<int>(shape.T);
  common.H = static_cast<int>(shape.H);
  common.num_chunks = (common.T + kChunk - 1) / kChunk;
  common.num_tiles = (common.T + kTile - 1) / kTile;
  const double scale = 1.0 / std::sqrt(static_cast<double>(shape.C));
  common.scale = static_cast<float>(scale);
  common.scale_log2 = static_cast<float>(scale * 1.4426950408889634);
  common.seed = seed;
  common.offset = offset;
  common.threshold = dropout_threshold(shape.dropout_frac);
  common.kept = static_cast<float>(dropout_scale(common.threshold));
  common.share = static_cast<float>(1.0 / dropout_scale(common.threshold));
  return common;
}

/// What is wrong with the arguments that both directions have, or null.
inline const char* fault_of_pointers(std::initializer_list<const void*> pointers,
                                     const Common& common) {
  for (const void* pointer : pointers) {
    if (pointer == nullptr || !device::is_aligned(pointer, 16)) {
      return "short attention: a pointer is null or not a multiple of 16 bytes";
    }
  }
  if (common.threshold != 0 && (common.seed == nullptr || common.offset == nullptr)) {
    return "short attention: dropout without seed or offset";
  }
  return nullptr;
}

/// Rows of C elements in shared memory. The 16-byte pieces of a row are exchanged so that the same
/// piece of eight rows in turn lies in different banks.
template <int C>
struct Rows {
  static constexpr unsigned kBytes = 2 * C;
  static constexpr unsigned kPieces = C / 8;
  static constexpr int kTileLoads = C / 16;  ///< pieces of a tile that a lane moves

  /// What a row's pieces are exchanged by.
  static __device__ unsigned key(unsigned row) { return C % 64 == 0 ? row % 8 : row / 2 % 4; }

  static __device__ unsigned offset(unsigned row, unsigned piece) {
    return row * kBytes + ((piece ^ key(row)) << 4U);
  }
};

/// A lane's place in its warp, in results of products, and among the rows that ldmatrix reads.
template <int C>
struct Lane {
  unsigned index, g, t;
  unsigned rows_first;    ///< four matrices: two below each other, then the two to their right
  unsigned pieces_first;  ///< two beside each other, then the two below

  __device__ Lane() : index(threadIdx.x % 32), g(index / 4), t(index % 4) {
    rows_first = Rows<C>::offset(index % 16, index / 16);
    pieces_first = Rows<C>::offset(index / 16 * 8 + index % 8, index / 8 % 2);
  }
};

/// Begins to copy a chunk's rows of one head; rows from T on become zeros.
template <int C>
__device__ void copy_chunk(
    SharedAddress rows, const Bf16* from, std::int64_t stride, int chunk, int T) {
  constexpr unsigned kPieces = Rows<C>::kPieces;
#pragma unroll
  for (unsigned i = 0; i < kChunk * kPieces / kThreads; ++i) {
    const unsigned index = threadIdx.x + i * kThreads, piece = index % kPieces;
    const int row = chunk * kChunk + static_cast<int>(index / kPieces);
    const bool is_valid = row < T;
    device::copy_async_16(rows + Rows<C>::offset(static_cast<unsigned>(row), piece),
                          from + (is_valid ? row : 0) * stride + piece * 8,
                          is_valid);
  }
}

/// Waits for the chunk of a round, one of kMostChunks groups of copies.
__device__ inline void wait_chunk(int round) {
  static_assert(kMostChunks == 4);
  if (round == 0) {
    device::wait_copies<3>();
  } else if (round == 1) {
    device::wait_copies<2>();
  } else if (round == 2) {
    device::wait_copies<1>();
  } else {
    device::wait_copies<0>();
  }
  __syncthreads();
}

/// The tile of a warp in a chunk. Rounds count from the chunk with the least work.
__device__ inline int tile_of(int chunk, int round) {
  const int warp = static_cast<int>(threadIdx.x / 32);
  return chunk * kWarps + (round % 2 == 0 ? warp : kWarps - 1 - warp);
}

/// A tile as a warp moves it: lane l has pieces l, l + 32, …
template <int C>
struct TilePieces {
  uint4 pieces[Rows<C>::kTileLoads];

  static __device__ unsigned row(unsigned lane, int i) {
    return (lane + 32 * static_cast<unsigned>(i)) / Rows<C>::kPieces;
  }

  static __device__ unsigned piece(unsigned lane) { return lane % Rows<C>::kPieces; }

  /// Rows of one head in memory, `from` the tile's first; rows from T on are zeros.
  __device__ void load(
      const Bf16* from, std::int64_t stride, int tile, int T, const Lane<C>& lane) {
#pragma unroll
    for (int i = 0; i < Rows<C>::kTileLoads; ++i) {
      const int at = tile * kTile + static_cast<int>(row(lane.index, i));
      pieces[i] = uint4{0, 0, 0, 0};
      if (at < T) {
        pieces[i] = *reinterpret_cast<const uint4*>(from + at * stride + piece(lane.index) * 8);
      }
    }
  }

  __device__ void load_shared(SharedAddress tile, const Lane<C>& lane) {
#pragma unroll
    for (int i = 0; i < Rows<C>::kTileLoads; ++i) {
      pieces[i] =
          device::load_shared_16(tile + Rows<C>::offset(row(lane.index, i), piece(lane.index)));
    }
  }

  __device__ void store_shared(SharedAddress tile, const Lane<C>& lane) const {
#pragma unroll
    for (int i = 0; i < Rows<C>::kTileLoads; ++i) {
      device::store_shared_16(tile + Rows<C>::offset(row(lane.index, i), piece(lane.index)),
                              pieces[i]);
    }
  }

  __device__ void store(Bf16* to, std::int64_t stride, int tile, int T, const Lane<C>& lane) const {
#pragma unroll
    for (int i = 0; i < Rows<C>::kTileLoads; ++i) {
      const int at = tile * kTile + static_cast<int>(row(lane.index, i));
      if (at < T) *reinterpret_cast<uint4*>(to + at * stride + piece(lane.index) * 8) = pieces[i];
    }
  }
};

/// A tile as the left side of products.
template <int C>
struct TileOperand {
  std::uint32_t words[C / 16][4];

  /// Takes the pieces by way of a warp's own tile in shared memory.
  __device__ void take(const TilePieces<C>& from, SharedAddress stage, const Lane<C>& lane) {
    from.store_shared(stage, lane);
    __syncwarp();
#pragma unroll
    for (unsigned k = 0; k < C / 16; ++k) {
      device::load_matrices(words[k], stage + (lane.rows_first ^ k << 5U));
    }
    __syncwarp();
  }
};

/// Products of a tile with 32 rows: result[n] is 16 x 8, columns 8 n … of the 32.
template <int C>
__device__ void multiply_by_rows(float (&result)[kParts][4],
                                 const TileOperand<C>& tile,
                                 SharedAddress rows,
                                 const Lane<C>& lane) {
#pragma unroll
  for (int n = 0; n < kParts; ++n) {
#pragma unroll
    for (int i = 0; i < 4; ++i) result[n][i] = 0.0F;
  }
#pragma unroll
  for (unsigned k = 0; k < C / 16; ++k) {
#pragma unroll
    for (unsigned half = 0; half < 2; ++half) {
      std::uint32_t b[4];
      device::load_matrices(b,
                            rows + half * kTile * Rows<C>::kBytes + (lane.pieces_first ^ k << 5U));
      device::multiply_add(result[2 * half], tile.words[k], b[0], b[1]);
      device::multiply_add(result[2 * half + 1], tile.words[k], b[2], b[3]);
    }
  }
}

/// Takes away the scores of keys that are later than their query: `begin` is the position of the
/// first of a tile's rows, `other_begin` that of the first of 32 columns; which side has the
/// queries says the constant.
template <bool kTileHasQueries, int C>
__device__ void hide_later(float (&scores)[kParts][4],
                           int begin,
                           int other_begin,
                           const Lane<C>& lane) {
  const int first = begin + static_cast<int>(lane.g);
  const int other_first = other_begin + static_cast<int>(2 * lane.t);
#pragma unroll
  for (int n = 0; n < kParts; ++n) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int own = first + i / 2 * 8, other = other_first + 8 * n + i % 2;
      if (kTileHasQueries ? other > own : own > other) scores[n][i] = -INFINITY;
    }
  }
}

/// Adds the products of 16 x 32 weights, rounded to bf16, with 32 rows.
template <int C>
__device__ void add_weighted_rows(float (&sum)[C / 8][4],
                                  const float (&weights)[kParts][4],
                                  SharedAddress rows,
                                  const Lane<C>& lane) {
#pragma unroll
  for (unsigned half = 0; half < 2; ++half) {
    const float(&left)[4] = weights[2 * half], (&right)[4] = weights[2 * half + 1];
    const std::uint32_t a[4] = {device::pack_bf16(left[0], left[1]),
                                device::pack_bf16(left[2], left[3]),
                                device::pack_bf16(right[0], right[1]),
                                device::pack_bf16(right[2], right[3])};
#pragma unroll
    for (unsigned n = 0; n < C / 16; ++n) {
      std::uint32_t b[4];
      device::load_matrices_transposed(
          b, rows + half * kTile * Rows<C>::kBytes + (lane.rows_first ^ n << 5U));
      device::multiply_add(sum[2 * n], a, b[0], b[1]);
      device::multiply_add(sum[2 * n + 1], a, b[2], b[3]);
    }
  }
}

/// Writes sums as rows of bf16, rows g by factors[0], rows g + 8 by factors[1].
template <int C>
__device__ void write_tile(const float (&sum)[C / 8][4],
                           const float (&factors)[2],
                           SharedAddress stage,
                           Bf16* to,
                           std::int64_t stride,
                           int tile,
                           int T,
                           const Lane<C>& lane) {
#pragma unroll
  for (unsigned n = 0; n < C / 8; ++n) {
    device::store_shared_4(stage + Rows<C>::offset(lane.g, n) + 4 * lane.t,
                           device::pack_bf16(sum[n][0] * factors[0], sum[n][1] * factors[0]));
    device::store_shared_4(stage + Rows<C>::offset(lane.g + 8, n) + 4 * lane.t,
                           device::pack_bf16(sum[n][2] * factors[1], sum[n][3] * factors[1]));
  }
  __syncwarp();
  TilePieces<C> pieces;
  pieces.load_shared(stage, lane);
  pieces.store(to, stride, tile, T, lane);
  __syncwarp();
}

/// Draws which weights dropout keeps.
class Draw {
 public:
  /// `sequence` is b H + h.
  __device__ Draw(const Common& common, std::uint64_t sequence)
      : first_pack_(sequence * 8192), high_(common.threshold << 16U) {
    seed_ = static_cast<std::uint64_t>(*common.seed);
    step_ = static_cast<std::uint64_t>(*common.offset);
  }

  /// Bit 4 a + 2 b + c is set if weight [g + 8 b][2 t + 8 a + c] of a tile is kept, for the lane
  /// that has g and t.
  [[nodiscard]] __device__ unsigned tile(int row_tile, int column_tile, unsigned lane) const {
    const auto tile = static_cast<unsigned>(row_tile * 16 + column_tile);
    const PhiloxWords random = philox(seed_, step_, 0, first_pack_ + (tile * 32 + lane));
    unsigned bits = 0;
#pragma unroll
    for (unsigned w = 0; w < 4; ++w) {
      const unsigned place = w % 2 * 4 + w / 2;
      if (random.words[w] << 16U >= high_) bits |= 1U << place;
      if (random.words[w] >= high_) bits |= 4U << place;
    }
    return bits;
  }

 private:
  std::uint64_t first_pack_, seed_, step_;
  std::uint32_t high_;  ///< the least of an upper half that is kept
};

/// A lane's bits of a tile in the stored mask: tiles lie by rows, two neighbours of a row together,
/// a lane's two bytes beside each other.
template <typename Byte>
__device__ Byte* mask_at(const Common& common,
                         Byte* mask,
                         unsigned sequence,
                         int row_tile,
                         int column_tile,
                         unsigned lane) {
  const unsigned num_pairs = static_cast<unsigned>(common.num_tiles + 1) / 2;
  const unsigned bytes = static_cast<unsigned>(common.num_tiles) * num_pairs * 64;
  const unsigned pair =
      static_cast<unsigned>(row_tile) * num_pairs + static_cast<unsigned>(column_tile) / 2;
  return mask + static_cast<std::int64_t>(sequence) * bytes +
         (pair * 64 + lane * 2 + static_cast<unsigned>(column_tile) % 2);
}

/// Runs `launch` with the constants that a shape chooses: C and where kept weights come from.
template <typename Launch>
KernelStatus with_constants(const AttentionShape& shape, Keep keep, const Launch& launch) {
  const auto with_keep = [&](auto width) {
    switch (keep) {
      case Keep::kAll:
        return launch(width, std::integral_constant<Keep, Keep::kAll>());
      case Keep::kDrawn:
        return launch(width, std::integral_constant<Keep, Keep::kDrawn>());
      case Keep::kStored:
        break;
    }
    return launch(width, std::integral_constant<Keep, Keep::kStored>());
  };
  return shape.C == 32 ? with_keep(std::integral_constant<int, 32>())
                       : with_keep(std::integral_constant<int, 64>());
}

/// Where the weights that dropout keeps come from, given the mask's pointer.
inline Keep keep_of(const Common& common, const void* mask) {
  if (common.threshold == 0) return Keep::kAll;
  return mask == nullptr ? Keep::kDrawn : Keep::kStored;
}

/// Bytes of two tensors' rows and a tile for each warp.
template <int C>
unsigned shared_bytes(const Common& common) {
  return (2 * static_cast<unsigned>(common.num_chunks) * kChunk + kWarps * kTile) * Rows<C>::kBytes;
}

}  // namespace switchyard::kernels::short_attention
