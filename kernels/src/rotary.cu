#include <algorithm>

#include <cuda_bf16.h>

#include "kernels/include/rotary.h"

namespace switchyard::kernels {
namespace {

constexpr int kThreads = 256;

__device__ float to_float(float x) {
  return x;
}

__device__ float to_float(__nv_bfloat16 x) {
  return __bfloat162float(x);
}

__device__ void store(float* at, float x) {
  *at = x;
}

__device__ void store(__nv_bfloat16* at, float x) {
  *at = __float2bfloat16(x);
}

template <typename T, int kWidth>
struct alignas(sizeof(T) * kWidth < 16 ? sizeof(T) * kWidth : 16) Pack {
  T values[kWidth];
};

/// One item is kWidth pairs of one head of q or k; `num_packs` items make a head, 2H heads a
/// position. Index is wide enough for all items and one more grid of them.
template <typename T, int kWidth, typename Index>
__global__ void __launch_bounds__(kThreads) rotary_kernel(T* qkv,
                                                          const float* __restrict__ cosine,
                                                          const float* __restrict__ sine,
                                                          Index num_items,
                                                          Index seq_len,
                                                          Index num_heads,
                                                          Index num_packs,
                                                          float sign) {
  const Index stride = static_cast<Index>(gridDim.x) * kThreads;
  for (Index item = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; item < num_items;
       item += stride) {
    const Index row = item / num_packs;  // position and head
    const Index pack = item - row * num_packs;
    const Index n = row / (2 * num_heads);
    const Index head = row - n * (2 * num_heads);
    const std::int64_t half = static_cast<std::int64_t>(num_packs) * kWidth;
    const std::int64_t first = (static_cast<std::int64_t>(n) * 3 * num_heads + head) * 2 * half +
                               static_cast<std::int64_t>(pack) * kWidth;
    const std::int64_t angle =
        static_cast<std::int64_t>(n % seq_len) * half + static_cast<std::int64_t>(pack) * kWidth;
    auto* low = reinterpret_cast<Pack<T, kWidth>*>(qkv + first);
    auto* high = reinterpret_cast<Pack<T, kWidth>*>(qkv + first + half);
    Pack<T, kWidth> a = *low, b = *high;
    const auto c = *reinterpret_cast<const Pack<float, kWidth>*>(cosine + angle);
    const auto s = *reinterpret_cast<const Pack<float, kWidth>*>(sine + angle);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const float x = to_float(a.values[i]), y = to_float(b.values[i]);
      const float turn = sign * s.values[i];
      store(&a.values[i], x * c.values[i] - y * turn);
      store(&b.values[i], y * c.values[i] + x * turn);
    }
    *low = a;
    *high = b;
  }
}

template <typename T, int kWidth>
cudaError_t launch(void* qkv,
                   const float* cosine,
                   const float* sine,
                   std::int64_t num_positions,
                   std::int64_t seq_len,
                   std::int64_t H,
                   std::int64_t C,
                   float sign,
                   cudaStream_t stream) {
  const std::int64_t num_packs = C / 2 / kWidth;
  const std::int64_t num_items = num_positions * 2 * H * num_packs;
  constexpr std::int64_t kLargestGrid = std::int64_t{1} << 30;
  const auto blocks =
      static_cast<unsigned>(std::min((num_items + kThreads - 1) / kThreads, kLargestGrid));
  auto* data = static_cast<T*>(qkv);
  if (num_items <= (std::int64_t{1} << 31)) {
    using Index = std::uint32_t;  // 32-bit divisions are several times cheaper
    rotary_kernel<T, kWidth, Index><<<blocks, kThreads, 0, stream>>>(data,
                                                                     cosine,
                                                                     sine,
                                                                     static_cast<Index>(num_items),
                                                                     static_cast<Index>(seq_len),
                                                                     static_cast<Index>(H),
                                                                     static_cast<Index>(num_packs),
                                                                     sign);
  } else {
    using Index = std::uint64_t;
    rotary_kernel<T, kWidth, Index><<<blocks, kThreads, 0, stream>>>(data,
                                                                     cosine,
                                                                     sine,
                                                                     static_cast<Index>(num_items),
                                                                     static_cast<Index>(seq_len),
                                                                     static_cast<Index>(H),
                                                                     static_cast<Index>(num_packs),
                                                                     sign);
  }
  return cudaGetLastError();
}

bool is_aligned(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0;
}

}  // namespace

KernelStatus rotary_cuda(void* qkv,
                         Dtype dtype,
                         const float* cosine,
                         const float* sine,
                         std::int64_t B,
                         std::int64_t T,
                         std::int64_t H,
                         std::int64_t C,
                         bool is_backward,
                         CudaStream stream) {
  if (B < 0 || T < 0 || H < 0 || C < 0) return {"rotary: a size is negative"};
  if (C % 2 != 0) return {"rotary: C is odd"};
  if (B == 0 || T == 0 || H == 0 || C == 0) return {};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  const float sign = is_backward ? -1.0F : 1.0F;
  const std::int64_t width = dtype == Dtype::kF32 ? 4 : 8;
  const bool is_wide =
      C / 2 % width == 0 && is_aligned(qkv) && is_aligned(cosine) && is_aligned(sine);
  const std::int64_t N = B * T;
  cudaError_t error = cudaSuccess;
  if (dtype == Dtype::kF32) {
    error = is_wide ? launch<float, 4>(qkv, cosine, sine, N, T, H, C, sign, cuda_stream)
                    : launch<float, 1>(qkv, cosine, sine, N, T, H, C, sign, cuda_stream);
  } else {
    using Bf16 = __nv_bfloat16;
    error = is_wide ? launch<Bf16, 8>(qkv, cosine, sine, N, T, H, C, sign, cuda_stream)
                    : launch<Bf16, 1>(qkv, cosine, sine, N, T, H, C, sign, cuda_stream);
  }
  return {error == cudaSuccess ? nullptr : cudaGetErrorString(error)};
}

}  // namespace switchyard::kernels
