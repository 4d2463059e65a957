#include "kernels/src/route_top_k.cuh"

namespace switchyard::kernels {
namespace {

using device::kAllLanes;
using device::kRouteThreads;
using device::kRouteWarps;
using device::warp_sum;

constexpr int kMostBlocks = 528;  // the same on every GPU: their number decides the order of sums
constexpr int kFinishThreads = 1024;
constexpr int kNumScalars = 3;  // squares of logsumexp, entropy, margin

int num_blocks(std::int64_t N) {
  const std::int64_t wanted = (N + kRouteWarps - 1) / kRouteWarps;
  return wanted < 1 ? 1 : wanted < kMostBlocks ? static_cast<int>(wanted) : kMostBlocks;
}

/// What each block leaves for the last kernel.
struct Partials {
  unsigned* num_finished;
  float* scalars;     ///< [kNumScalars, blocks]
  float* balance;     ///< one for every 32 experts
  float* probs;       ///< [blocks, E]
  float* importance;  ///< [blocks, E]
  int* counts;        ///< [blocks, E]

  static constexpr int kMostBalances = device::kMostRoutedExperts / 32;

  Partials(void* workspace, int blocks, int E)
      : num_finished(static_cast<unsigned*>(workspace)),
        scalars(static_cast<float*>(workspace) + 4),
        balance(scalars + kNumScalars * blocks),
        probs(balance + kMostBalances),
        importance(probs + std::int64_t{blocks} * E),
        counts(reinterpret_cast<int*>(importance + std::int64_t{blocks} * E)) {}
};

/// A number as an unsigned one with the same order; at least 1, what is not a number the largest.
__device__ unsigned ordered(float x) {
  if (isnan(x)) return 0xFFFFFFFFU;
  const unsigned bits = __float_as_uint(x + 0.0F);  // minus zero equals zero
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

/// The largest of a value over the warp, for numbers that are not negative; NaN is above all.
__device__ float warp_largest(float x) {
  return __uint_as_float(__reduce_max_sync(kAllLanes, __float_as_uint(x)));
}

/// Largest minus second largest probability of the warp's token.
template <int kPerLane>
__device__ float top1_margin(const float (&p)[kPerLane]) {
  float first = 0.0F, second = 0.0F;
#pragma unroll
  for (int v = 0; v < kPerLane; ++v) {
    second = fmaxf(second, fminf(first, p[v]));
    first = fmaxf(first, p[v]);
  }
  const float largest = warp_largest(first);
  const unsigned owners = __ballot_sync(kAllLanes, first == largest);
  const bool is_owner = static_cast<int>(threadIdx.x % 32) == __ffs(static_cast<int>(owners)) - 1;
  return largest - warp_largest(is_owner ? second : first);
}

/// Adds the warps' sums in the order of warps; the block's sums go to `out`.
template <typename X, int kPerLane>
__device__ void add_warps(const X (&of_lane)[kPerLane], int E, X* shared, X* out) {
  constexpr int kStride = 32 * kPerLane;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  __syncthreads();  // the readers of earlier sums are done
#pragma unroll
  for (int v = 0; v < kPerLane; ++v) shared[warp * kStride + lane + 32 * v] = of_lane[v];
  __syncthreads();
  for (int e = threadIdx.x; e < E; e += kRouteThreads) {
    X sum = 0;
#pragma unroll
    for (int w = 0; w < kRouteWarps; ++w) sum += shared[w * kStride + e];
    out[e] = sum;
  }
}

/// A warp takes every (blocks kRouteWarps)-th token and keeps its sums in registers.
template <int kPerLane>
__global__ void __launch_bounds__(kRouteThreads, kPerLane > 8 ? 1 : 2)
    route_kernel(const RouteTopK shape, const RouteTopKForward args, const Partials partials) {
  __shared__ float float_sums[kRouteWarps * 32 * kPerLane];
  __shared__ int int_sums[kRouteWarps * 32 * kPerLane];
  __shared__ float scalar_sums[32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const bool is_own_softmax = shape.score == RouterScore::kSoftmaxOfSelected;
  float probs[kPerLane] = {}, importance[kPerLane] = {};
  int counts[kPerLane] = {};
  float squares = 0.0F, entropy = 0.0F, margin = 0.0F;  // of the token; entropy of the lane
  float bias[kPerLane];
#pragma unroll
  for (int v = 0; v < kPerLane; ++v) {
    const int e = lane + 32 * v;
    bias[v] = args.selection_bias != nullptr && e < shape.E ? args.selection_bias[e] : 0.0F;
  }
  const std::int64_t step = std::int64_t{gridDim.x} * kRouteWarps;
  for (std::int64_t n = std::int64_t{blockIdx.x} * kRouteWarps + warp; n < shape.N; n += step) {
    float x[kPerLane], s[kPerLane];
    device::load_logits(args.router_logits + n * shape.E, shape.E, x);
    float largest = x[0], exponentials = 0.0F;
#pragma unroll
    for (int v = 1; v < kPerLane; ++v) largest = fmaxf(largest, x[v]);
    largest = device::warp_max(largest);
#pragma unroll
    for (int v = 0; v < kPerLane; ++v) exponentials += expf(x[v] - largest);
    const float logsumexp = largest + logf(warp_sum(exponentials));
    device::scores_of(shape.score, logsumexp, x, s);

    unsigned keys[kPerLane];
    unsigned taken = 0;  // bit v: the lane's expert v is selected
#pragma unroll
    for (int v = 0; v < kPerLane; ++v) {
      float key = args.selection_bias == nullptr || is_own_softmax ? x[v] : s[v];
      if (args.selection_bias != nullptr) key += bias[v];
      keys[v] = lane + 32 * v < shape.E ? ordered(key) : 0U;
    }
    int own_index = 0;  // lane k: of choice k
    float own_logit = 0.0F;
    for (int k = 0; k < shape.K; ++k) {
      unsigned best = 0, best_index = 0;
#pragma unroll
      for (int v = 0; v < kPerLane; ++v) {
        if (keys[v] > best) {
          best = keys[v];
          best_index = static_cast<unsigned>(lane + 32 * v);
        }
      }
      const unsigned largest_key = __reduce_max_sync(kAllLanes, best);
      const unsigned index =
          __reduce_min_sync(kAllLanes, best == largest_key ? best_index : 0xFFFFFFFFU);
      float logit = 0.0F;
#pragma unroll
      for (int v = 0; v < kPerLane; ++v) {
        if (index / 32 == static_cast<unsigned>(v)) logit = x[v];
        if (index == static_cast<unsigned>(lane + 32 * v)) {
          keys[v] = 0;
          taken |= 1U << v;
        }
      }
      logit = __shfl_sync(kAllLanes, logit, static_cast<int>(index % 32));
      if (lane == k) {
        own_index = static_cast<int>(index);
        own_logit = logit;
      }
    }
    const bool is_choice = lane < shape.K;
    const device::SelectedScore selected =
        device::selected_score(shape, is_choice, own_logit, logsumexp);
    const float weight = shape.scale * selected.inverse * selected.score;
    if (is_choice) {
      args.expert_index[n * shape.K + lane] = own_index;
      args.combine_weight[n * shape.K + lane] = weight;
    }
    for (int k = 0; k < shape.K; ++k) {
      const int index = __shfl_sync(kAllLanes, own_index, k);
      const float weight_of_choice = __shfl_sync(kAllLanes, weight, k);
#pragma unroll
      for (int v = 0; v < kPerLane; ++v) {
        if (index == lane + 32 * v) importance[v] += weight_of_choice;
      }
    }
    const float inverse = device::is_softmax(shape.score) ? 1.0F : 1.0F / device::warp_sum_of(s);
    float p[kPerLane];
#pragma unroll
    for (int v = 0; v < kPerLane; ++v) {
      const int e = lane + 32 * v;
      p[v] = s[v] * inverse;
      probs[v] += p[v];
      counts[v] += static_cast<int>(taken >> v & 1U);
      if (args.token_entropy_nats != nullptr && p[v] > 0.0F) entropy -= p[v] * logf(p[v]);
      if (args.router_probs != nullptr && e < shape.E) args.router_probs[n * shape.E + e] = p[v];
    }
    if (args.top1_margin != nullptr && shape.E > 1) margin += top1_margin(p);
    squares += logsumexp * logsumexp;
    if (lane == 0) args.logsumexp[n] = logsumexp;
  }
  const std::int64_t first = std::int64_t{blockIdx.x} * shape.E;
  add_warps(probs, shape.E, float_sums, partials.probs + first);
  add_warps(importance, shape.E, float_sums, partials.importance + first);
  add_warps(counts, shape.E, int_sums, partials.counts + first);
  const float scalars[kNumScalars] = {
      lane == 0 ? squares : 0.0F, entropy, lane == 0 ? margin : 0.0F};
#pragma unroll
  for (int i = 0; i < kNumScalars; ++i) {
    const float sum = device::block_sum<kRouteThreads>(scalars[i], scalar_sums);
    if (threadIdx.x == 0) partials.scalars[i * gridDim.x + blockIdx.x] = sum;
  }
  if (blockIdx.x == 0 && threadIdx.x == 0) *partials.num_finished = 0;
}

/// The sum of one column over the blocks' partials, in warp 0: its lane's column.
template <typename X>
__device__ X add_blocks(const X* partial, int num_partials, int E, X (*shared)[33]) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int e = static_cast<int>(blockIdx.x) * 32 + lane;
  X sum = 0;
  if (e < E) {
#pragma unroll 4
    for (int block = warp; block < num_partials; block += kFinishThreads / 32) {
      sum += partial[std::int64_t{block} * E + e];
    }
  }
  __syncthreads();  // the readers of earlier sums are done
  shared[warp][lane] = sum;
  __syncthreads();
  X total = 0;
  if (warp == 0) {
#pragma unroll
    for (int w = 0; w < kFinishThreads / 32; ++w) total += shared[w][lane];
  }
  return total;
}

/// A block sums the partials of 32 experts; the last one to end sums the balance loss, in the order
/// of blocks.
__global__ void __launch_bounds__(kFinishThreads) finish_kernel(const RouteTopK shape,
                                                                const RouteTopKForward args,
                                                                const Partials partials,
                                                                int num_partials) {
  __shared__ float float_sums[kFinishThreads / 32][33];
  __shared__ int int_sums[kFinishThreads / 32][33];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int e = static_cast<int>(blockIdx.x) * 32 + lane;
  const float probs = add_blocks(partials.probs, num_partials, shape.E, float_sums);
  const float importance = add_blocks(partials.importance, num_partials, shape.E, float_sums);
  const int count = add_blocks(partials.counts, num_partials, shape.E, int_sums);
  const float N = shape.N > 0 ? static_cast<float>(shape.N) : 1.0F;
  if (blockIdx.x == 0 && warp > 0 && warp <= kNumScalars) {
    const int i = warp - 1;
    float sum = 0.0F;
    for (int block = lane; block < num_partials; block += 32) {
      sum += partials.scalars[i * num_partials + block];
    }
    sum = warp_sum(sum);
    float* out = i == 0 ? args.router_z_loss : i == 1 ? args.token_entropy_nats : args.top1_margin;
    if (lane == 0 && out != nullptr) *out = i == 0 ? sum / N : sum;
  }
  if (warp != 0) return;
  if (e < shape.E) {
    args.tokens_per_expert[e] = count;
    if (args.sum_probs != nullptr) args.sum_probs[e] = probs;
    if (args.importance != nullptr) args.importance[e] = importance;
  }
  if (args.load_balance_loss == nullptr) return;
  const float share = static_cast<float>(count) / (N * static_cast<float>(shape.K));
  const float balance = warp_sum(share * (probs / N));
  if (lane != 0) return;
  partials.balance[blockIdx.x] = balance;
  __threadfence();
  if (atomicAdd(partials.num_finished, 1U) + 1U != gridDim.x) return;
  __threadfence();
  float sum = 0.0F;
  for (unsigned block = 0; block < gridDim.x; ++block) {
    sum += *const_cast<const volatile float*>(partials.balance + block);
  }
  *args.load_balance_loss = sum * static_cast<float>(shape.E);
}

template <int kPerLane>
void launch(const RouteTopK& shape,
            const RouteTopKForward& args,
            const Partials& partials,
            int blocks,
            cudaStream_t stream) {
  route_kernel<kPerLane><<<blocks, kRouteThreads, 0, stream>>>(shape, args, partials);
}

}  // namespace

std::size_t route_top_k_workspace_bytes(std::int64_t N, int E) {
  const auto blocks = static_cast<std::size_t>(num_blocks(N));
  const std::size_t num_words =
      4 + Partials::kMostBalances + blocks * (kNumScalars + 3 * static_cast<std::size_t>(E));
  return (num_words + 3) / 4 * 16;
}

KernelStatus route_top_k_cuda(const RouteTopK& shape,
                              const RouteTopKForward& args,
                              CudaStream stream) {
  if (const char* complaint = device::route_top_k_complaint(shape)) return {complaint};
  const int blocks = num_blocks(shape.N);
  const Partials partials(args.workspace, blocks, shape.E);
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  if (shape.E <= 32) {
    launch<1>(shape, args, partials, blocks, cuda_stream);
  } else if (shape.E <= 64) {
    launch<2>(shape, args, partials, blocks, cuda_stream);
  } else if (shape.E <= 128) {
    launch<4>(shape, args, partials, blocks, cuda_stream);
  } else if (shape.E <= 256) {
    launch<8>(shape, args, partials, blocks, cuda_stream);
  } else {
    launch<16>(shape, args, partials, blocks, cuda_stream);
  }
  const int finish_blocks = (shape.E + 31) / 32;
  finish_kernel<<<finish_blocks, kFinishThreads, 0, cuda_stream>>>(shape, args, partials, blocks);
  return device::launched();
}

}  // namespace switchyard::kernels
