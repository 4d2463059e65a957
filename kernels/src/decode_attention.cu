#include <cmath>

#include <cooperative_groups.h>

#include "kernels/include/decode_attention.h"
#include "kernels/src/overlap.cuh"

namespace switchyard::kernels {
namespace {

using device::Bf16;
using device::Pack;
using device::store;
using device::store_pack;
using device::to_float;

constexpr int kWarps = 8;
constexpr int kThreads = 32 * kWarps;
constexpr int kAtOnce = 4;       // positions of a lane whose keys and values are in flight
constexpr int kMostSplits = 8;   // blocks of one sequence's head: a cluster that every GPU can form
constexpr int kMostWidth = 256;  // elements of a head
constexpr float kNone = -1e30F;  // largest score of no position

/// Elements that move together: 16 bytes.
template <typename T>
constexpr int kWidth = 16 / static_cast<int>(sizeof(T));

struct Call {
  DecodeAttention shape;
  DecodeAttentionArguments args;
  int num_splits;
  float scale;  ///< of scores, for powers of two
};

/// The softmax sum over some positions: their largest score, the sum of weights relative to it, and
/// the weighted values.
template <int kSize>
struct Sums {
  float largest = kNone, total = 0.0F;
  float values[kSize] = {};

  __device__ void add(const Sums& other) {
    const float both = fmaxf(largest, other.largest);
    const float own = exp2f(largest - both), its = exp2f(other.largest - both);
    largest = both;
    total = total * own + other.total * its;
#pragma unroll
    for (int i = 0; i < kSize; ++i) values[i] = values[i] * own + other.values[i] * its;
  }
};

/// What a warp or a block hands on, in shared memory.
struct Part {
  float largest, total;
  float values[kMostWidth];
};

/// 16 bytes that blocks of earlier kernels may have written.
template <typename T>
__device__ Pack<T, kWidth<T>> load_past_l1(const T* at) {
  const uint4 bits = __ldcg(reinterpret_cast<const uint4*>(at));
  return *reinterpret_cast<const Pack<T, kWidth<T>>*>(&bits);
}

/// Elements d … of the new query (part 0), key (1) or value (2), rotated and rounded.
template <typename T>
__device__ Pack<T, kWidth<T>> load_new(
    const Call& call, std::int64_t b, std::int64_t h, int part, int d, std::int64_t t) {
  const int C = static_cast<int>(call.shape.C), half = C / 2;
  const T* row = static_cast<const T*>(call.args.qkv) + ((b * 3 + part) * call.shape.H + h) * C;
  if (call.args.cosine == nullptr || part == 2) return load_past_l1(row + d);
  Pack<T, kWidth<T>> x;
#pragma unroll
  for (int i = 0; i < kWidth<T>; ++i) {
    const bool is_low = d + i < half;
    const int pair = is_low ? d + i : d + i - half;
    const float own = to_float(__ldcg(row + d + i));
    const float other = to_float(__ldcg(row + (is_low ? pair + half : pair)));
    const float c = call.args.cosine[t * half + pair], s = call.args.sine[t * half + pair];
    store(&x.values[i], is_low ? own * c - other * s : own * c + other * s);
  }
  return x;
}

template <int kLanes>
__device__ float sum_over_lanes(float x) {
#pragma unroll
  for (int offset = kLanes / 2; offset > 0; offset /= 2) {
    x += __shfl_xor_sync(0xFFFFFFFFU, x, offset);
  }
  return x;
}

/// Sums of parts in order, element d of the values.
__device__ Sums<1> merged(const Part* parts, int num_parts, int d) {
  Sums<1> sums;
  for (int i = 0; i < num_parts; ++i) {
    Sums<1> part;
    part.largest = parts[i].largest;
    part.total = parts[i].total;
    part.values[0] = parts[i].values[d];
    sums.add(part);
  }
  return sums;
}

__device__ void arrive_in_cluster() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.release;" ::: "memory");
#endif
}

__device__ void wait_in_cluster() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.wait.acquire;" ::: "memory");
#endif
}

/// The same place in the shared memory of the cluster's first block.
__device__ Part* in_first_block(Part* part) {
#if __CUDA_ARCH__ >= 900
  return cooperative_groups::this_cluster().map_shared_rank(part, 0);
#else
  return part;
#endif
}

/// A block has a share of the earlier positions of one head of one sequence; kLanes lanes hold one
/// position. The first block of a cluster has the new position too, and merges.
template <typename T, int kLanes>
__global__ void __launch_bounds__(kThreads, 2) attention_kernel(const Call call) {
  constexpr int kSize = kWidth<T>, kPerWarp = 32 / kLanes;
  __shared__ Part of_warp[kWarps];
  __shared__ Part of_block[kMostSplits];  // filled in the cluster's first block
  const bool is_split = call.num_splits > 1;
  if (is_split) arrive_in_cluster();  // tells the others that this block's memory is there
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int split = static_cast<int>(blockIdx.x) % call.num_splits;
  const std::int64_t head = blockIdx.x / call.num_splits;
  const std::int64_t b = head / call.shape.H, h = head % call.shape.H;
  const int C = static_cast<int>(call.shape.C), d = lane % kLanes * kSize;
  const bool has_elements = d < C;
  const std::int64_t t = __ldcg(call.args.length + b);
  const bool is_inside = t >= 0 && t < call.shape.S;
  const std::int64_t cache = head * call.shape.S;
  T* const keys = static_cast<T*>(call.args.key) + cache * C + d;
  T* const values = static_cast<T*>(call.args.value) + cache * C + d;
  const std::int64_t share = (t + call.num_splits - 1) / call.num_splits;
  const std::int64_t end = is_inside ? min(t, (split + 1) * share) : 0;
  std::int64_t begin = (is_inside ? split * share : 0) + warp * kPerWarp;  // of the warp

  Pack<T, kSize> key[kAtOnce], value[kAtOnce];
  const auto load = [&] {
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const std::int64_t p = begin + i * kWarps * kPerWarp + lane / kLanes;
      if (p >= end || !has_elements) continue;
      key[i] = load_past_l1<T>(keys + p * C);
      value[i] = load_past_l1<T>(values + p * C);
    }
  };
  load();
  device::let_next_start();
  device::wait_for_previous();

  float query[kSize] = {};
  Sums<kSize> sums;
  if (is_inside && has_elements) {
    const Pack<T, kSize> q = load_new<T>(call, b, h, 0, d, t);
#pragma unroll
    for (int i = 0; i < kSize; ++i) query[i] = to_float(q.values[i]) * call.scale;
  }
  const auto score_of = [&](const Pack<T, kSize>& k) {
    float score = 0.0F;
#pragma unroll
    for (int i = 0; i < kSize; ++i) score += query[i] * to_float(k.values[i]);
    return score;
  };
  if (is_inside && split == 0 && warp == 0) {  // the new position
    Pack<T, kSize> k{}, v{};
    if (has_elements) {
      k = load_new<T>(call, b, h, 1, d, t);
      v = load_new<T>(call, b, h, 2, d, t);
      if (lane < kLanes) {
        store_pack(keys + t * C, k);
        store_pack(values + t * C, v);
      }
    }
    const float score = sum_over_lanes<kLanes>(has_elements ? score_of(k) : 0.0F);
    if (lane < kLanes) {
      sums.largest = score;
      sums.total = 1.0F;
#pragma unroll
      for (int i = 0; i < kSize; ++i) sums.values[i] = has_elements ? to_float(v.values[i]) : 0.0F;
    }
  }
  while (begin < end) {  // the same for the whole warp
    float scores[kAtOnce], largest = sums.largest;
    bool is_there[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      is_there[i] = begin + i * kWarps * kPerWarp + lane / kLanes < end;
      scores[i] = sum_over_lanes<kLanes>(is_there[i] && has_elements ? score_of(key[i]) : 0.0F);
      if (is_there[i]) largest = fmaxf(largest, scores[i]);
    }
    const float kept = exp2f(sums.largest - largest);
    sums.largest = largest;
    sums.total *= kept;
#pragma unroll
    for (int i = 0; i < kSize; ++i) sums.values[i] *= kept;
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (!is_there[i]) continue;
      const float weight = exp2f(scores[i] - largest);
      sums.total += weight;
      if (!has_elements) continue;
#pragma unroll
      for (int e = 0; e < kSize; ++e) sums.values[e] += weight * to_float(value[i].values[e]);
    }
    begin += kAtOnce * kWarps * kPerWarp;
    load();
  }
#pragma unroll
  for (int offset = kLanes; offset < 32; offset *= 2) {
    Sums<kSize> other;
    other.largest = __shfl_xor_sync(0xFFFFFFFFU, sums.largest, offset);
    other.total = __shfl_xor_sync(0xFFFFFFFFU, sums.total, offset);
#pragma unroll
    for (int i = 0; i < kSize; ++i) {
      other.values[i] = __shfl_xor_sync(0xFFFFFFFFU, sums.values[i], offset);
    }
    sums.add(other);
  }
  if (lane < kLanes && has_elements) {
    if (lane == 0) {
      of_warp[warp].largest = sums.largest;
      of_warp[warp].total = sums.total;
    }
#pragma unroll
    for (int i = 0; i < kSize; ++i) of_warp[warp].values[d + i] = sums.values[i];
  }
  __syncthreads();
  const auto own = static_cast<int>(threadIdx.x);
  Sums<1> result;
  if (own < C) result = merged(of_warp, kWarps, own);
  if (is_split) {
    wait_in_cluster();
    if (own < C) {
      Part* const to = in_first_block(&of_block[split]);
      if (own == 0) {
        to->largest = result.largest;
        to->total = result.total;
      }
      to->values[own] = result.values[0];
    }
    arrive_in_cluster();
    wait_in_cluster();
    if (split != 0) return;
    if (own < C) result = merged(of_block, call.num_splits, own);
  }
  if (own < C && is_inside) {
    store(static_cast<T*>(call.args.out) + head * C + own, result.values[0] / result.total);
  }
}

template <typename T>
KernelStatus launch_lanes(const Call& call, const device::LaunchShape& grid, CudaStream stream) {
  const std::int64_t packs = call.shape.C / kWidth<T>;
  if (packs <= 4) return device::launch(attention_kernel<T, 4>, grid, stream, call);
  if (packs <= 8) return device::launch(attention_kernel<T, 8>, grid, stream, call);
  if (packs <= 16) return device::launch(attention_kernel<T, 16>, grid, stream, call);
  return device::launch(attention_kernel<T, 32>, grid, stream, call);
}

const char* problem(const DecodeAttention& shape) {
  if (shape.B < 0 || shape.H < 0 || shape.S < 0) return "decode_attention: a size is negative";
  if (!has_decode_attention(shape.C, shape.dtype)) {
    return "decode_attention: expected heads of a multiple of 16 bytes, at most 512";
  }
  if (shape.B * shape.H * kMostSplits >= (std::int64_t{1} << 31U)) {
    return "decode_attention: too many heads";
  }
  return nullptr;
}

/// Blocks per head: enough for the whole GPU, none with fewer than 128 positions.
int splits_for(const DecodeAttention& shape) {
  if (!device::has_overlap()) return 1;
  const std::int64_t most = 3 * std::int64_t{device::num_multiprocessors()};
  int splits = 1;
  while (splits < kMostSplits && 128 * splits < shape.max_length &&
         2 * splits * shape.B * shape.H <= most) {
    splits *= 2;
  }
  return splits;
}

}  // namespace

KernelStatus decode_attention_cuda(const DecodeAttention& shape,
                                   const DecodeAttentionArguments& args,
                                   CudaStream stream) {
  if (const char* message = problem(shape)) return {message};
  if (shape.B == 0 || shape.H == 0 || shape.S == 0) return {};
  for (const void* pointer :
       {args.qkv, static_cast<const void*>(args.key), static_cast<const void*>(args.value)}) {
    if (!device::is_aligned(pointer, 16)) {
      return {"decode_attention: expected pointers that are multiples of 16 bytes"};
    }
  }
  constexpr double kLog2E = 1.4426950408889634;
  Call call{shape, args, splits_for(shape), 0.0F};
  call.scale = static_cast<float>(kLog2E / std::sqrt(static_cast<double>(shape.C)));
  device::LaunchShape grid;
  grid.num_blocks = static_cast<unsigned>(shape.B * shape.H * call.num_splits);
  grid.num_threads = kThreads;
  grid.cluster_size = static_cast<unsigned>(call.num_splits);
  grid.may_overlap = shape.may_overlap;
  return shape.dtype == Dtype::kF32 ? launch_lanes<float>(call, grid, stream)
                                    : launch_lanes<Bf16>(call, grid, stream);
}

}  // namespace switchyard::kernels
