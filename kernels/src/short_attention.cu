#include <type_traits>

#include "kernels/include/short_attention.h"
#include "kernels/src/short_attention.cuh"

namespace switchyard::kernels {
namespace short_attention {
namespace {

struct Call {
  Common common;
  const Bf16 *q, *k, *v;
  Bf16* out;
  float* stats;
  std::uint8_t* mask;
  std::int64_t q_row, k_row, v_row, out_row;
};

/// Weights of a tile of rows, summed so far.
template <int C>
struct Mixture {
  float sum[C / 8][4] = {};
  float largest[2] = {-INFINITY, -INFINITY};  ///< scores of rows g and g + 8, unscaled
  float total[2] = {0.0F, 0.0F};              ///< of this lane's columns

  /// Turns scores into weights relative to the largest one so far.
  __device__ void weigh(float (&scores)[kParts][4], float scale_log2) {
#pragma unroll
    for (int low = 0; low < 2; ++low) {
      float most = largest[low];
#pragma unroll
      for (int n = 0; n < kParts; ++n) {
        most = fmaxf(most, fmaxf(scores[n][2 * low], scores[n][2 * low + 1]));
      }
      most = fmaxf(most, __shfl_xor_sync(0xFFFFFFFFU, most, 1));
      most = fmaxf(most, __shfl_xor_sync(0xFFFFFFFFU, most, 2));
      const float shrink = device::exp2_fast((largest[low] - most) * scale_log2);
      largest[low] = most;
      const float shift = most * scale_log2;
      float added = 0.0F;
#pragma unroll
      for (int n = 0; n < kParts; ++n) {
#pragma unroll
        for (int i = 2 * low; i < 2 * low + 2; ++i) {
          scores[n][i] = device::exp2_fast(fmaf(scores[n][i], scale_log2, -shift));
          added += scores[n][i];
        }
      }
      total[low] = fmaf(total[low], shrink, added);
#pragma unroll
      for (int n = 0; n < C / 8; ++n) {
        sum[n][2 * low] *= shrink;
        sum[n][2 * low + 1] *= shrink;
      }
    }
  }
};

/// out and stats of one tile of rows; `stage` is the warp's own.
template <int C, Keep kKeep>
__device__ void attend_tile(const Call& call,
                            const TileOperand<C>& query,
                            int tile,
                            unsigned sequence,
                            SharedAddress keys,
                            SharedAddress values,
                            SharedAddress stage,
                            Bf16* out,
                            const Draw* draw,
                            const Lane<C>& lane) {
  Mixture<C> mixture;
  const int last = tile / 2;
  for (int step = 0; step <= last; ++step) {
    const unsigned begin = static_cast<unsigned>(step) * kStep * Rows<C>::kBytes;
    float weights[kParts][4];
    multiply_by_rows<C>(weights, query, keys + begin, lane);
    if (step == last) hide_later<true>(weights, tile * kTile, step * kStep, lane);
    mixture.weigh(weights, call.common.scale_log2);
    if constexpr (kKeep != Keep::kAll) {
      const unsigned bits =
          draw->tile(tile, 2 * step, lane.index) | draw->tile(tile, 2 * step + 1, lane.index) << 8U;
      if constexpr (kKeep == Keep::kStored) {
        *reinterpret_cast<std::uint16_t*>(
            mask_at(call.common, call.mask, sequence, tile, 2 * step, lane.index)) =
            static_cast<std::uint16_t>(bits);
      }
#pragma unroll
      for (int n = 0; n < kParts; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          if ((bits >> (4 * n + i) & 1U) == 0) weights[n][i] = 0.0F;
        }
      }
    }
    add_weighted_rows<C>(mixture.sum, weights, values + begin, lane);
  }
  float factors[2];
#pragma unroll
  for (int low = 0; low < 2; ++low) {
    const float total = device::warp_sum<4>(mixture.total[low]);
    factors[low] = call.common.kept / total;
    const int row = tile * kTile + static_cast<int>(lane.g) + 8 * low;
    if (lane.t == 0 && row < call.common.T) {
      call.stats[static_cast<std::int64_t>(sequence) * call.common.T + row] =
          (mixture.largest[low] * call.common.scale_log2 + log2f(total)) * kLn2;
    }
  }
  write_tile<C>(mixture.sum, factors, stage, out, call.out_row, tile, call.common.T, lane);
}

template <int C, Keep kKeep>
__global__ void __launch_bounds__(kThreads, kBlocks) forward_kernel(const Call call) {
  extern __shared__ uint4 shared[];
  const int T = call.common.T, num_chunks = call.common.num_chunks;
  const unsigned sequence = blockIdx.x, H = static_cast<unsigned>(call.common.H);
  const std::int64_t b = sequence / H, h = sequence % H;
  const Bf16* const q = call.q + b * T * call.q_row + h * C;
  const Bf16* const k = call.k + b * T * call.k_row + h * C;
  const Bf16* const v = call.v + b * T * call.v_row + h * C;
  Bf16* const out = call.out + b * T * call.out_row + h * C;
  const SharedAddress keys = device::shared_address(shared);
  const unsigned tensor_bytes = static_cast<unsigned>(num_chunks) * kChunk * Rows<C>::kBytes;
  const SharedAddress values = keys + tensor_bytes;
  const SharedAddress stage = values + tensor_bytes + threadIdx.x / 32 * kTile * Rows<C>::kBytes;
  for (int chunk = 0; chunk < kMostChunks; ++chunk) {
    if (chunk < num_chunks) {
      copy_chunk<C>(keys, k, call.k_row, chunk, T);
      copy_chunk<C>(values, v, call.v_row, chunk, T);
    }
    device::commit_copies();
  }
  const Lane<C> lane;
  for (int round = 0; round < num_chunks; ++round) {
    const int tile = tile_of(round, round);
    TilePieces<C> pieces;
    pieces.load(q, call.q_row, tile, T, lane);
    TileOperand<C> query;
    query.take(pieces, stage, lane);
    wait_chunk(round);
    if (tile * kTile >= T) continue;
    if constexpr (kKeep == Keep::kAll) {
      attend_tile<C, kKeep>(call, query, tile, sequence, keys, values, stage, out, nullptr, lane);
    } else {
      const Draw draw(call.common, sequence);
      attend_tile<C, kKeep>(call, query, tile, sequence, keys, values, stage, out, &draw, lane);
    }
  }
}

}  // namespace
}  // namespace short_attention

KernelStatus short_attention_cuda(const AttentionShape& shape,
                                  const ShortAttentionForward& args,
                                  CudaStream stream) {
  using namespace short_attention;  // NOLINT(google-build-using-namespace): of this operation
  if (const char* fault = fault_of_short_attention(shape); fault != nullptr) return {fault};
  if (shape.B == 0 || shape.T == 0 || shape.H == 0) return {};
  const Common common = make_common(shape, args.seed, args.offset);
  if (const char* fault =
          fault_of_pointers({args.in.q, args.in.k, args.in.v, args.out, args.stats}, common);
      fault != nullptr) {
    return {fault};
  }
  const Call call{common,
                  static_cast<const Bf16*>(args.in.q),
                  static_cast<const Bf16*>(args.in.k),
                  static_cast<const Bf16*>(args.in.v),
                  static_cast<Bf16*>(args.out),
                  args.stats,
                  args.mask,
                  shape.q_row,
                  shape.k_row,
                  shape.v_row,
                  shape.out_row};
  return with_constants(
      shape, keep_of(common, args.mask), [&](auto width, auto keep) -> KernelStatus {
        constexpr int C = decltype(width)::value;
        auto* const kernel = forward_kernel<C, decltype(keep)::value>;
        const unsigned bytes = shared_bytes<C>(common);
        if (const cudaError_t error = device::allow_shared_bytes(kernel, bytes);
            error != cudaSuccess) {
          return {cudaGetErrorString(error)};
        }
        kernel<<<static_cast<unsigned>(shape.B * shape.H),
                 kThreads,
                 bytes,
                 static_cast<cudaStream_t>(stream)>>>(call);
        return device::launched();
      });
}

}  // namespace switchyard::kernels
