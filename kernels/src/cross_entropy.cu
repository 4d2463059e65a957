#include <cstdint>

#include <cub/block/block_reduce.cuh>
#include <cuda_pipeline.h>

#include "kernels/include/cross_entropy.h"
#include "kernels/src/device.cuh"

namespace switchyard::kernels {
namespace {

using device::Pack;
using device::store;
using device::to_float;

/// Running sum of exponentials relative to the largest logit so far.
struct LogSum {
  float largest = -INFINITY;
  float sum = 0.0F;
};

struct MergeLogSums {
  __device__ LogSum operator()(const LogSum& a, const LogSum& b) const {
    const float largest = fmaxf(a.largest, b.largest);
    if (largest == -INFINITY) return {};
    return {largest, a.sum * expf(a.largest - largest) + b.sum * expf(b.largest - largest)};
  }
};

/// One block per row: a pass for the sum, a pass (from L2) that writes the gradient, for rows that
/// are short, off their alignment or too long for shared memory. Packs of
/// kWidth elements; stride is a multiple of kWidth.
template <typename T, int kWidth, int kThreads>
__global__ void __launch_bounds__(kThreads) cross_entropy_kernel(T* logits,
                                                                 const std::int64_t* target,
                                                                 std::int64_t V,
                                                                 std::int64_t stride,
                                                                 float scale,
                                                                 float* loss,
                                                                 float z_coef,
                                                                 float* plain_loss,
                                                                 const float* device_scale) {
  using Reduce = cub::BlockReduce<LogSum, kThreads>;

  __shared__ typename Reduce::TempStorage storage;
  __shared__ float shared_log_sum;
  const std::int64_t n = blockIdx.x;
  auto* row = reinterpret_cast<Pack<T, kWidth>*>(logits + n * stride);
  const std::int64_t num_packs = stride / kWidth;
  LogSum mine;
  for (std::int64_t p = threadIdx.x; p < num_packs; p += kThreads) {
    const Pack<T, kWidth> pack = row[p];
    float x[kWidth], largest = mine.largest;
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      x[i] = p * kWidth + i < V ? to_float(pack.values[i]) : -INFINITY;
      largest = fmaxf(largest, x[i]);
    }
    if (largest == -INFINITY) continue;
    mine.sum *= expf(mine.largest - largest);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) mine.sum += expf(x[i] - largest);
    mine.largest = largest;
  }
  const LogSum all = Reduce(storage).Reduce(mine, MergeLogSums());
  const std::int64_t t = target[n];
  const bool is_counted = t >= 0 && t < V;
  if (threadIdx.x == 0) {
    const float s = all.largest + logf(all.sum);
    shared_log_sum = s;
    const float plain = is_counted ? s - to_float(logits[n * stride + t]) : 0.0F;
    loss[n] = is_counted ? plain + z_coef * s * s : 0.0F;
    if (plain_loss != nullptr) plain_loss[n] = plain;
  }
  __syncthreads();
  const float log_sum = shared_log_sum;
  const float all_scale = device_scale != nullptr ? scale * *device_scale : scale;
  const float hit_scale = is_counted ? all_scale : 0.0F;
  const float row_scale = hit_scale * (1.0F + 2.0F * z_coef * log_sum);
  for (std::int64_t p = threadIdx.x; p < num_packs; p += kThreads) {
    Pack<T, kWidth> pack = row[p];
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const std::int64_t v = p * kWidth + i;
      const float p_v = row_scale * expf(to_float(pack.values[i]) - log_sum);
      const float g = v == t ? p_v - hit_scale : p_v;
      store(&pack.values[i], is_counted && v < V ? g : 0.0F);
    }
    row[p] = pack;
  }
}

constexpr int kKeptThreads = 512;  // of a block that keeps its row in shared memory
constexpr float kLog2E = 1.44269504F;
constexpr float kLn2 = 0.693147181F;

/// 2^x, at most 2 units in the last place off; below 2^-126 it is 0.
__device__ float exp2_fast(float x) {
#if defined(__CUDA_ARCH__)
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return exp2f(x);
#endif
}

/// What a sum relative to 2^a is worth relative to 2^b, b >= a.
__device__ float rescale(float a, float b) {
  return a == b ? 1.0F : exp2_fast(a - b);
}

__device__ float warp_largest(float x) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    x = fmaxf(x, __shfl_xor_sync(0xFFFFFFFFU, x, offset));
  }
  return x;
}

/// A row's log-sum in base 2 from those of the threads, the same in every thread.
__device__ float log2_of_sum(const LogSum& mine, LogSum (&of_warps)[kKeptThreads / 32]) {
  LogSum of_warp;
  of_warp.largest = warp_largest(mine.largest);
  of_warp.sum = device::warp_sum(mine.sum * rescale(mine.largest, of_warp.largest));
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = of_warp;
  __syncthreads();
  LogSum all;
#pragma unroll
  for (int w = 0; w < kKeptThreads / 32; ++w) all.largest = fmaxf(all.largest, of_warps[w].largest);
#pragma unroll
  for (int w = 0; w < kKeptThreads / 32; ++w) {
    all.sum += of_warps[w].sum * rescale(of_warps[w].largest, all.largest);
  }
  return all.largest + log2f(all.sum);
}

/// One block per row, which is read once into shared memory and written once; two blocks share a
/// multiprocessor, so that one reads while the other computes. A thread reads back only what it
/// copied itself. Exponentials in base 2 of logits times log2 e, in one multiplication and
/// addition.
template <typename T, int kWidth>
__global__ void __launch_bounds__(kKeptThreads, 2) cross_entropy_kept(T* logits,
                                                                      const std::int64_t* target,
                                                                      int V,
                                                                      int stride,
                                                                      float scale,
                                                                      float* loss,
                                                                      float z_coef,
                                                                      float* plain_loss,
                                                                      const float* device_scale) {
  static_assert(sizeof(Pack<T, kWidth>) == 16);
  extern __shared__ float4 shared[];
  __shared__ LogSum of_warps[kKeptThreads / 32];
  const std::int64_t n = blockIdx.x;
  auto* row = reinterpret_cast<Pack<T, kWidth>*>(logits + n * stride);
  auto* kept = reinterpret_cast<Pack<T, kWidth>*>(shared);
  const int thread = static_cast<int>(threadIdx.x);
  const int num_packs = stride / kWidth, num_full = V / kWidth;
#pragma unroll 4
  for (int p = thread; p < num_packs; p += kKeptThreads) {
    __pipeline_memcpy_async(kept + p, row + p, sizeof(Pack<T, kWidth>));
  }
  __pipeline_commit();
  const std::int64_t t = target[n];
  const bool is_counted = t >= 0 && t < V;
  const float target_logit = is_counted ? to_float(logits[n * stride + t]) : 0.0F;
  const float all_scale = device_scale != nullptr ? scale * *device_scale : scale;
  __pipeline_wait_prior(0);

  float largest[2] = {-INFINITY, -INFINITY};
#pragma unroll 2
  for (int p = thread; p < num_full; p += kKeptThreads) {
    const Pack<T, kWidth> pack = kept[p];
#pragma unroll
    for (int i = 0; i < kWidth; ++i)
      largest[i % 2] = fmaxf(largest[i % 2], to_float(pack.values[i]));
  }
  const bool has_edge = num_full % kKeptThreads == thread && V % kWidth != 0;
  if (has_edge) {
    const Pack<T, kWidth> pack = kept[num_full];
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      if (num_full * kWidth + i < V) largest[0] = fmaxf(largest[0], to_float(pack.values[i]));
    }
  }
  LogSum mine;
  mine.largest = kLog2E * fmaxf(largest[0], largest[1]);
  const float base = mine.largest == -INFINITY ? 0.0F : mine.largest;
  float sums[2] = {};
#pragma unroll 2
  for (int p = thread; p < num_full; p += kKeptThreads) {
    const Pack<T, kWidth> pack = kept[p];
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      sums[i % 2] += exp2_fast(fmaf(to_float(pack.values[i]), kLog2E, -base));
    }
  }
  if (has_edge) {
    const Pack<T, kWidth> pack = kept[num_full];
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      if (num_full * kWidth + i >= V) continue;
      sums[0] += exp2_fast(fmaf(to_float(pack.values[i]), kLog2E, -base));
    }
  }
  mine.sum = sums[0] + sums[1];
  const float log2_sum = log2_of_sum(mine, of_warps);
  const float log_sum = kLn2 * log2_sum;
  if (thread == 0) {
    const float plain = is_counted ? log_sum - target_logit : 0.0F;
    loss[n] = is_counted ? plain + z_coef * log_sum * log_sum : 0.0F;
    if (plain_loss != nullptr) plain_loss[n] = plain;
  }

  const float row_scale = is_counted ? all_scale * (1.0F + 2.0F * z_coef * log_sum) : 0.0F;
  const auto target_pack = static_cast<int>(is_counted ? t / kWidth : -1);
  const auto target_place = static_cast<int>(is_counted ? t % kWidth : -1);
#pragma unroll 2
  for (int p = thread; p < num_packs; p += kKeptThreads) {
    Pack<T, kWidth> pack{};
    if (is_counted) pack = kept[p];
    float g[kWidth];
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      g[i] = row_scale * exp2_fast(fmaf(to_float(pack.values[i]), kLog2E, -log2_sum));
    }
    if (p >= num_full || !is_counted) {
#pragma unroll
      for (int i = 0; i < kWidth; ++i) {
        if (!is_counted || p * kWidth + i >= V) g[i] = 0.0F;
      }
    }
    if (p == target_pack) {
#pragma unroll
      for (int i = 0; i < kWidth; ++i) {
        if (i == target_place) g[i] -= all_scale;
      }
    }
#pragma unroll
    for (int i = 0; i < kWidth; ++i) store(&pack.values[i], g[i]);
    row[p] = pack;
  }
}

/// Whether a multiprocessor holds two rows of so many bytes: long enough to be worth it.
bool keeps_rows(std::int64_t stride, std::int64_t bytes) {
  constexpr std::int64_t kShortest = 4096, kPerBlock = 2048;  // of the system and of the sums
  return stride > kShortest &&
         bytes <= device::device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin) - kPerBlock &&
         2 * (bytes + kPerBlock) <=
             device::device_attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor);
}

template <typename T, int kWidth>
cudaError_t launch(void* logits,
                   const std::int64_t* target,
                   std::int64_t N,
                   std::int64_t V,
                   std::int64_t stride,
                   float scale,
                   float* loss,
                   const CrossEntropyOptions& options,
                   cudaStream_t stream) {
  auto* data = static_cast<T*>(logits);
  constexpr std::int64_t kLargestGrid = 1 << 30;
  for (std::int64_t n = 0; n < N; n += kLargestGrid) {
    const auto blocks = static_cast<unsigned>(N - n < kLargestGrid ? N - n : kLargestGrid);
    float* plain = options.plain_loss != nullptr ? options.plain_loss + n : nullptr;
    if constexpr (sizeof(Pack<T, kWidth>) == 16) {
      const std::int64_t bytes = stride * static_cast<std::int64_t>(sizeof(T));
      if (keeps_rows(stride, bytes)) {
        const auto kernel = cross_entropy_kept<T, kWidth>;
        const cudaError_t error = device::allow_shared_bytes(kernel, bytes);
        if (error != cudaSuccess) return error;
        kernel<<<blocks, kKeptThreads, static_cast<std::size_t>(bytes), stream>>>(
            data + n * stride,
            target + n,
            static_cast<int>(V),
            static_cast<int>(stride),
            scale,
            loss + n,
            options.z_coef,
            plain,
            options.device_scale);
        continue;
      }
    }
    if (stride <= 4096) {
      cross_entropy_kernel<T, kWidth, 128><<<blocks, 128, 0, stream>>>(data + n * stride,
                                                                       target + n,
                                                                       V,
                                                                       stride,
                                                                       scale,
                                                                       loss + n,
                                                                       options.z_coef,
                                                                       plain,
                                                                       options.device_scale);
    } else {
      cross_entropy_kernel<T, kWidth, 1024><<<blocks, 1024, 0, stream>>>(data + n * stride,
                                                                         target + n,
                                                                         V,
                                                                         stride,
                                                                         scale,
                                                                         loss + n,
                                                                         options.z_coef,
                                                                         plain,
                                                                         options.device_scale);
    }
  }
  return cudaGetLastError();
}

}  // namespace

KernelStatus cross_entropy_cuda(void* logits,
                                Dtype dtype,
                                const std::int64_t* target,
                                std::int64_t N,
                                std::int64_t V,
                                std::int64_t stride,
                                float scale,
                                float* loss,
                                CudaStream stream,
                                const CrossEntropyOptions& options) {
  if (V < 1 || V > stride) return {"cross_entropy: expected 1 <= V <= stride"};
  if (N == 0) return {};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  const std::int64_t width = dtype == Dtype::kF32 ? 4 : 8;
  const bool is_aligned = stride % width == 0 && device::is_aligned(logits, 16);
  cudaError_t error = cudaSuccess;
  if (dtype == Dtype::kF32) {
    error = is_aligned
                ? launch<float, 4>(logits, target, N, V, stride, scale, loss, options, cuda_stream)
                : launch<float, 1>(logits, target, N, V, stride, scale, loss, options, cuda_stream);
  } else {
    using device::Bf16;
    error = is_aligned
                ? launch<Bf16, 8>(logits, target, N, V, stride, scale, loss, options, cuda_stream)
                : launch<Bf16, 1>(logits, target, N, V, stride, scale, loss, options, cuda_stream);
  }
  return {error == cudaSuccess ? nullptr : cudaGetErrorString(error)};
}

}  // namespace switchyard::kernels
