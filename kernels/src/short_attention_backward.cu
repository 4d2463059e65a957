#include <type_traits>

#include "kernels/include/short_attention.h"
#include "kernels/src/short_attention.cuh"

namespace switchyard::kernels {
namespace short_attention {
namespace {

struct Call {
  Common common;
  const Bf16 *q, *k, *v, *out, *dout;
  const float* stats;
  Bf16 *dq, *dk, *dv;
  const std::uint8_t* mask;
  std::int64_t q_row, k_row, v_row, out_row, dq_row, dk_row, dv_row;
};

/// One block's part of a call: where its sequence's head stands and its shared memory.
struct Block {
  unsigned sequence;            ///< b H + h
  std::int64_t row;             ///< b T
  int column;                   ///< h C
  SharedAddress first, second;  ///< the two tensors in shared memory
  SharedAddress stage;          ///< a tile of the warp
  float* row_log;               ///< [T] stats for powers of two; columns only
  float* row_sum;               ///< [T] dout . out / kept: slopes are taken without that factor

  template <int C>
  __device__ static Block of(const Call& call, unsigned sequence, uint4* shared) {
    const auto H = static_cast<unsigned>(call.common.H);
    const auto num_rows = static_cast<unsigned>(call.common.num_chunks * kChunk);
    const unsigned stages = 2 * num_rows * Rows<C>::kBytes;
    Block block;
    block.sequence = sequence;
    block.row = static_cast<std::int64_t>(sequence / H) * call.common.T;
    block.column = static_cast<int>(sequence % H) * C;
    block.first = device::shared_address(shared);
    block.second = block.first + num_rows * Rows<C>::kBytes;
    block.stage = block.first + stages + threadIdx.x / 32 * kTile * Rows<C>::kBytes;
    block.row_log = reinterpret_cast<float*>(shared) +
                    (stages + kWarps * kTile * Rows<C>::kBytes) / sizeof(float);
    block.row_sum = block.row_log + kShortAttentionLength;
    return block;
  }

  /// The head's first row in a tensor.
  template <typename T>
  __device__ T* in(T* tensor, std::int64_t stride) const {
    return tensor + row * stride + column;
  }

  __device__ float log2_sum(const Call& call, int t) const {
    if (t >= call.common.T) return 0.0F;
    return call.stats[static_cast<std::int64_t>(sequence) * call.common.T + t] * kLog2E;
  }
};

__device__ inline float dot_of_pair(std::uint32_t a, std::uint32_t b) {
  const float low = __uint_as_float(a << 16U) * __uint_as_float(b << 16U);
  return fmaf(__uint_as_float(a & 0xFFFF0000U), __uint_as_float(b & 0xFFFF0000U), low);
}

/// Writes the dot product of each row of two tiles by `factor`, the tile's first at sums[0].
template <int C>
__device__ void write_row_sums(const TilePieces<C>& a,
                               const TilePieces<C>& b,
                               float factor,
                               float* sums,
                               const Lane<C>& lane) {
#pragma unroll
  for (int i = 0; i < Rows<C>::kTileLoads; ++i) {
    const uint4 &x = a.pieces[i], &y = b.pieces[i];
    const float own = dot_of_pair(x.x, y.x) + dot_of_pair(x.y, y.y) + dot_of_pair(x.z, y.z) +
                      dot_of_pair(x.w, y.w);
    const float sum = device::warp_sum<static_cast<int>(Rows<C>::kPieces)>(own);
    if (TilePieces<C>::piece(lane.index) == 0)
      sums[TilePieces<C>::row(lane.index, i)] = sum * factor;
  }
}

/// dq of one tile of rows, from all keys and values before its end.
template <int C, Keep kKeep>
__device__ void rows_tile(const Call& call,
                          const Block& block,
                          const TileOperand<C>& query,
                          const TileOperand<C>& dout,
                          int tile,
                          const Draw* draw,
                          const Lane<C>& lane) {
  const Common& common = call.common;
  float log2_sum[2], row_sum[2];
#pragma unroll
  for (int low = 0; low < 2; ++low) {
    const int row = tile * kTile + static_cast<int>(lane.g) + 8 * low;
    log2_sum[low] = block.log2_sum(call, row);
    row_sum[low] = block.row_sum[row];
  }
  float sum[C / 8][4] = {};
  const int last = tile / 2;
  for (int step = 0; step <= last; ++step) {
    const unsigned begin = static_cast<unsigned>(step) * kStep * Rows<C>::kBytes;
    unsigned bits = 0;
    if constexpr (kKeep == Keep::kStored) {
      bits = *reinterpret_cast<const std::uint16_t*>(
          mask_at(common, call.mask, block.sequence, tile, 2 * step, lane.index));
    } else if constexpr (kKeep == Keep::kDrawn) {
      bits = draw->tile(tile, 2 * step, lane.index) | draw->tile(tile, 2 * step + 1, lane.index)
                                                          << 8U;
    }
    float weights[kParts][4], slopes[kParts][4];
    multiply_by_rows<C>(weights, query, block.first + begin, lane);
    if (step == last) hide_later<true>(weights, tile * kTile, step * kStep, lane);
    multiply_by_rows<C>(slopes, dout, block.second + begin, lane);
#pragma unroll
    for (int n = 0; n < kParts; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float weight =
            device::exp2_fast(fmaf(weights[n][i], common.scale_log2, -log2_sum[i / 2]));
        const bool is_kept = kKeep == Keep::kAll || (bits >> (4 * n + i) & 1U) != 0;
        slopes[n][i] = weight * ((is_kept ? slopes[n][i] : 0.0F) - row_sum[i / 2]);
      }
    }
    add_weighted_rows<C>(sum, slopes, block.first + begin, lane);
  }
  const float factors[2] = {common.scale * common.kept, common.scale * common.kept};
  write_tile<C>(
      sum, factors, block.stage, block.in(call.dq, call.dq_row), call.dq_row, tile, common.T, lane);
}

/// Gradients of the queries: keys and values stand in shared memory.
template <int C, Keep kKeep>
__device__ void rows_block(const Call& call, const Block& block, const Draw* draw) {
  const int T = call.common.T, num_chunks = call.common.num_chunks;
  for (int chunk = 0; chunk < kMostChunks; ++chunk) {
    if (chunk < num_chunks) {
      copy_chunk<C>(block.first, block.in(call.k, call.k_row), call.k_row, chunk, T);
      copy_chunk<C>(block.second, block.in(call.v, call.v_row), call.v_row, chunk, T);
    }
    device::commit_copies();
  }
  const Lane<C> lane;
  for (int round = 0; round < num_chunks; ++round) {
    const int tile = tile_of(round, round);
    TileOperand<C> query, dout;
    {
      TilePieces<C> q, g, o;
      q.load(block.in(call.q, call.q_row), call.q_row, tile, T, lane);
      g.load(block.in(call.dout, call.out_row), call.out_row, tile, T, lane);
      o.load(block.in(call.out, call.out_row), call.out_row, tile, T, lane);
      query.take(q, block.stage, lane);
      dout.take(g, block.stage, lane);
      write_row_sums<C>(g, o, call.common.share, block.row_sum + tile * kTile, lane);
    }
    wait_chunk(round);
    if (tile * kTile < T) rows_tile<C, kKeep>(call, block, query, dout, tile, draw, lane);
  }
}

/// Turns the bits of two row tiles, one below the other, into those that a lane needs which has
/// the tiles' columns: bit 8 j + 4 b + 2 a + c is for weight [2 t + 8 b + c][g + 8 a] of tile j.
/// They lie with two lanes that have rows: those of rows 2 t and 2 t + 1, columns g and its
/// neighbour.
__device__ inline unsigned bits_of_columns(unsigned even_row, unsigned odd_row, unsigned g) {
  const unsigned odd = g % 2;
  const unsigned both = (even_row >> odd & 0x5555U) | (odd_row >> odd & 0x5555U) << 1U;
  return (both & 0xC3C3U) | (both << 2U & 0x3030U) | (both >> 2U & 0x0C0CU);  // a and b change
}

/// The weights that dropout keeps of a tile of columns, two row tiles at a time.
template <int C, Keep kKeep>
class ColumnMask {
 public:
  __device__ ColumnMask(
      const Call& call, const Block& block, int tile, const Draw* draw, const Lane<C>& lane)
      : tile_(tile), num_tiles_(call.common.num_tiles), g_(lane.g), draw_(draw) {
    lane_ = 8 * lane.t + lane.g / 2;  // that has rows 2 t; the one of rows 2 t + 1 is 4 further
    if constexpr (kKeep == Keep::kStored) {
      at_ = mask_at(call.common, call.mask, block.sequence, tile / 2 * 2, tile, lane_);
      row_bytes_ = static_cast<unsigned>(num_tiles_ + 1) / 2 * 64;
    }
  }

  /// Bits as of bits_of_columns. Called for row tiles tile / 2 * 2, that + 2, ….
  __device__ unsigned next(int row_tile) {
    if constexpr (kKeep == Keep::kStored) {
      unsigned even_row = at_[0], odd_row = at_[8];
      if (row_tile + 1 < num_tiles_) {
        even_row |= static_cast<unsigned>(at_[row_bytes_]) << 8U;
        odd_row |= static_cast<unsigned>(at_[row_bytes_ + 8]) << 8U;
      }
      at_ += 2 * row_bytes_;
      return bits_of_columns(even_row, odd_row, g_);
    } else {
      const unsigned source = lane_ + 4 * (g_ % 2);
      const unsigned own =
          draw_->tile(row_tile, tile_, source) | draw_->tile(row_tile + 1, tile_, source) << 8U;
      const unsigned other = __shfl_xor_sync(0xFFFFFFFFU, own, 4);
      return g_ % 2 == 0 ? bits_of_columns(own, other, g_) : bits_of_columns(other, own, g_);
    }
  }

 private:
  int tile_, num_tiles_;
  unsigned g_, lane_, row_bytes_ = 0;
  const std::uint8_t* at_ = nullptr;
  const Draw* draw_;
};

/// dk and dv of one tile of keys, from all rows from its begin on.
template <int C, Keep kKeep>
__device__ void columns_tile(const Call& call,
                             const Block& block,
                             const TileOperand<C>& key,
                             const TileOperand<C>& value,
                             int tile,
                             const Draw* draw,
                             const Lane<C>& lane) {
  const Common& common = call.common;
  float key_sum[C / 8][4] = {}, value_sum[C / 8][4] = {};
  const int first = tile / 2;
  ColumnMask<C, kKeep> mask(call, block, tile, draw, lane);
  for (int step = first; step * kStep < common.T; ++step) {
    const unsigned begin = static_cast<unsigned>(step) * kStep * Rows<C>::kBytes;
    unsigned bits = 0;
    if constexpr (kKeep != Keep::kAll) bits = mask.next(2 * step);
    const int row = step * kStep + static_cast<int>(2 * lane.t);
    float weights[kParts][4];
    multiply_by_rows<C>(weights, key, block.first + begin, lane);
    if (step == first) hide_later<false>(weights, tile * kTile, step * kStep, lane);
#pragma unroll
    for (int n = 0; n < kParts; ++n) {
      const auto log2_sum = *reinterpret_cast<const float2*>(block.row_log + row + 8 * n);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        weights[n][i] = device::exp2_fast(
            fmaf(weights[n][i], common.scale_log2, i % 2 == 0 ? -log2_sum.x : -log2_sum.y));
      }
    }
    float slopes[kParts][4];
    multiply_by_rows<C>(slopes, value, block.second + begin, lane);
#pragma unroll
    for (int n = 0; n < kParts; ++n) {
      const auto row_sum = *reinterpret_cast<const float2*>(block.row_sum + row + 8 * n);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const bool is_kept = kKeep == Keep::kAll || (bits >> (4 * n + i) & 1U) != 0;
        const float slope = is_kept ? slopes[n][i] : 0.0F;
        slopes[n][i] = weights[n][i] * (slope - (i % 2 == 0 ? row_sum.x : row_sum.y));
        if (!is_kept) weights[n][i] = 0.0F;
      }
    }
    add_weighted_rows<C>(value_sum, weights, block.second + begin, lane);
    add_weighted_rows<C>(key_sum, slopes, block.first + begin, lane);
  }
  const float kept[2] = {common.kept, common.kept};
  const float scales[2] = {common.scale * common.kept, common.scale * common.kept};
  write_tile<C>(key_sum,
                scales,
                block.stage,
                block.in(call.dk, call.dk_row),
                call.dk_row,
                tile,
                common.T,
                lane);
  write_tile<C>(value_sum,
                kept,
                block.stage,
                block.in(call.dv, call.dv_row),
                call.dv_row,
                tile,
                common.T,
                lane);
}

/// Gradients of keys and values: queries and the output's gradient stand in shared memory, the
/// last rows first, which all keys need.
template <int C, Keep kKeep>
__device__ void columns_block(const Call& call, const Block& block, const Draw* draw) {
  const int T = call.common.T, num_chunks = call.common.num_chunks;
  for (int round = 0; round < kMostChunks; ++round) {
    if (round < num_chunks) {
      copy_chunk<C>(
          block.first, block.in(call.q, call.q_row), call.q_row, num_chunks - 1 - round, T);
      copy_chunk<C>(
          block.second, block.in(call.dout, call.out_row), call.out_row, num_chunks - 1 - round, T);
    }
    device::commit_copies();
  }
  const Lane<C> lane;
  for (int round = 0; round < num_chunks; ++round) {
    const int chunk = num_chunks - 1 - round, tile = tile_of(chunk, round);
    TileOperand<C> key, value;
    TilePieces<C> o;
    {
      TilePieces<C> k, v;
      k.load(block.in(call.k, call.k_row), call.k_row, tile, T, lane);
      v.load(block.in(call.v, call.v_row), call.v_row, tile, T, lane);
      o.load(block.in(call.out, call.out_row), call.out_row, tile, T, lane);
      key.take(k, block.stage, lane);
      value.take(v, block.stage, lane);
    }
    wait_chunk(round);
    TilePieces<C> g;
    g.load_shared(block.second + static_cast<unsigned>(tile) * kTile * Rows<C>::kBytes, lane);
    write_row_sums<C>(g, o, call.common.share, block.row_sum + tile * kTile, lane);
    if (lane.index < kTile) {
      const int row = tile * kTile + static_cast<int>(lane.index);
      block.row_log[row] = block.log2_sum(call, row);
    }
    __syncthreads();
    if (tile * kTile < T) columns_tile<C, kKeep>(call, block, key, value, tile, draw, lane);
  }
}

/// Two blocks for each sequence's head, side by side. Which of them is first changes from place to
/// place, so that no multiprocessor gets blocks of one kind alone.
template <int C, Keep kKeep>
__global__ void __launch_bounds__(kThreads, kBlocks) backward_kernel(const Call call) {
  extern __shared__ uint4 shared[];
  const auto block = Block::of<C>(call, blockIdx.x / 2, shared);
  const bool has_rows = (blockIdx.x + blockIdx.x / 128) % 2 == 0;
  if constexpr (kKeep == Keep::kDrawn) {
    const Draw draw(call.common, block.sequence);
    has_rows ? rows_block<C, kKeep>(call, block, &draw)
             : columns_block<C, kKeep>(call, block, &draw);
  } else {
    has_rows ? rows_block<C, kKeep>(call, block, nullptr)
             : columns_block<C, kKeep>(call, block, nullptr);
  }
}

}  // namespace
}  // namespace short_attention

KernelStatus short_attention_backward_cuda(const AttentionShape& shape,
                                           const ShortAttentionBackward& args,
                                           CudaStream stream) {
  using namespace short_attention;  // NOLINT(google-build-using-namespace): of this operation
  if (const char* fault = fault_of_short_attention(shape); fault != nullptr) return {fault};
  if (shape.B == 0 || shape.T == 0 || shape.H == 0) return {};
  const Common common = make_common(shape, args.seed, args.offset);
  if (const char* fault = fault_of_pointers({args.in.q,
                                             args.in.k,
                                             args.in.v,
                                             args.out,
                                             args.stats,
                                             args.dout,
                                             args.gradients.dq,
                                             args.gradients.dk,
                                             args.gradients.dv},
                                            common);
      fault != nullptr) {
    return {fault};
  }
  const Call call{common,
                  static_cast<const Bf16*>(args.in.q),
                  static_cast<const Bf16*>(args.in.k),
                  static_cast<const Bf16*>(args.in.v),
                  static_cast<const Bf16*>(args.out),
                  static_cast<const Bf16*>(args.dout),
                  args.stats,
                  static_cast<Bf16*>(args.gradients.dq),
                  static_cast<Bf16*>(args.gradients.dk),
                  static_cast<Bf16*>(args.gradients.dv),
                  args.mask,
                  shape.q_row,
                  shape.k_row,
                  shape.v_row,
                  shape.out_row,
                  shape.dq_row,
                  shape.dk_row,
                  shape.dv_row};
  return with_constants(
      shape, keep_of(common, args.mask), [&](auto width, auto keep) -> KernelStatus {
        constexpr int C = decltype(width)::value;
        auto* const kernel = backward_kernel<C, decltype(keep)::value>;
        const auto bytes = static_cast<unsigned>(shared_bytes<C>(common) +
                                                 2 * kShortAttentionLength * sizeof(float));
        if (const cudaError_t error = device::allow_shared_bytes(kernel, bytes);
            error != cudaSuccess) {
          return {cudaGetErrorString(error)};
        }
        kernel<<<static_cast<unsigned>(2 * shape.B * shape.H),
                 kThreads,
                 bytes,
                 static_cast<cudaStream_t>(stream)>>>(call);
        return device::launched();
      });
}

}  // namespace switchyard::kernels
