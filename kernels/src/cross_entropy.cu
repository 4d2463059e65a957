#include <cstdint>

#include <cub/block/block_reduce.cuh>

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

/// One block per row: a pass for the sum, a pass (from L2) that writes the gradient. Packs of
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
