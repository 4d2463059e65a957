#include "kernels/include/gelu.h"
#include "kernels/src/activation.cuh"
#include "kernels/src/device.cuh"

namespace switchyard::kernels {
namespace {

using device::Bf16;
using device::load_pack;
using device::Pack;
using device::store;
using device::store_pack;
using device::to_float;

constexpr int kThreads = 256;
constexpr int kPacks = 2;  // per thread, both loaded before either is used

/// y or dh: the value of h, or with kIsBackward its slope times dy. Any output may be an input.
template <typename T, int kSize, GeluKind kKind, bool kIsBackward>
__global__ void __launch_bounds__(kThreads)
    gelu_kernel(const T* dy, const T* h, std::int64_t size, T* out) {
  const std::int64_t first = std::int64_t{blockIdx.x} * kThreads * kPacks + threadIdx.x;
  Pack<T, kSize> h_packs[kPacks], dy_packs[kPacks];
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    const std::int64_t at = (first + k * kThreads) * kSize;
    if (at + kSize > size) continue;
    h_packs[k] = load_pack<T, kSize>(h + at);
    if constexpr (kIsBackward) dy_packs[k] = load_pack<T, kSize>(dy + at);
  }
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    const std::int64_t at = (first + k * kThreads) * kSize;
    if (at + kSize <= size) {
      Pack<T, kSize> pack;
#pragma unroll
      for (int i = 0; i < kSize; ++i) {
        const float x = to_float(h_packs[k].values[i]);
        if constexpr (kIsBackward) {
          store(&pack.values[i], to_float(dy_packs[k].values[i]) * device::gelu_slope<kKind>(x));
        } else {
          store(&pack.values[i], device::gelu<kKind>(x));
        }
      }
      store_pack(out + at, pack);
      continue;
    }
    for (std::int64_t i = at; i < size; ++i) {  // the end that fills no pack
      const float x = to_float(h[i]);
      if constexpr (kIsBackward) {
        store(out + i, to_float(dy[i]) * device::gelu_slope<kKind>(x));
      } else {
        store(out + i, device::gelu<kKind>(x));
      }
    }
  }
}

template <typename T, int kSize, GeluKind kKind, bool kIsBackward>
void launch_packs(
    const void* dy, const void* h, std::int64_t size, void* out, cudaStream_t stream) {
  constexpr std::int64_t kPerBlock = std::int64_t{kThreads} * kPacks * kSize;
  const auto blocks = static_cast<unsigned>((size + kPerBlock - 1) / kPerBlock);
  gelu_kernel<T, kSize, kKind, kIsBackward><<<blocks, kThreads, 0, stream>>>(
      static_cast<const T*>(dy), static_cast<const T*>(h), size, static_cast<T*>(out));
}

template <typename T, GeluKind kKind, bool kIsBackward>
void launch(const void* dy, const void* h, std::int64_t size, void* out, cudaStream_t stream) {
  constexpr int kWide = 16 / static_cast<int>(sizeof(T));
  if (device::is_aligned(dy, 16) && device::is_aligned(h, 16) && device::is_aligned(out, 16)) {
    launch_packs<T, kWide, kKind, kIsBackward>(dy, h, size, out, stream);
  } else {
    launch_packs<T, 1, kKind, kIsBackward>(dy, h, size, out, stream);
  }
}

template <bool kIsBackward>
KernelStatus run(GeluKind kind,
                 Dtype dtype,
                 const void* dy,
                 const void* h,
                 std::int64_t size,
                 void* out,
                 CudaStream stream) {
  if (size <= 0) return {};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  if (kind == GeluKind::kErf) {
    if (dtype == Dtype::kF32) {
      launch<float, GeluKind::kErf, kIsBackward>(dy, h, size, out, cuda_stream);
    } else {
      launch<Bf16, GeluKind::kErf, kIsBackward>(dy, h, size, out, cuda_stream);
    }
  } else if (dtype == Dtype::kF32) {
    launch<float, GeluKind::kTanh, kIsBackward>(dy, h, size, out, cuda_stream);
  } else {
    launch<Bf16, GeluKind::kTanh, kIsBackward>(dy, h, size, out, cuda_stream);
  }
  return device::launched();
}

}  // namespace

KernelStatus gelu_cuda(
    GeluKind kind, Dtype dtype, const void* h, std::int64_t size, void* y, CudaStream stream) {
  return run<false>(kind, dtype, nullptr, h, size, y, stream);
}

KernelStatus gelu_backward_cuda(GeluKind kind,
                                Dtype dtype,
                                const void* dy,
                                const void* h,
                                std::int64_t size,
                                void* dh,
                                CudaStream stream) {
  return run<true>(kind, dtype, dy, h, size, dh, stream);
}

}  // namespace switchyard::kernels
