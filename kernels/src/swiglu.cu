#include "kernels/include/swiglu.h"
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

constexpr int kThreads = 128;

struct Swiglu {
  const void* dy;  ///< null: forward
  const void* gate;
  const void* up;
  void* out;
  std::int64_t stride;  ///< elements between rows of gate and of up
  std::int64_t F;
  std::int64_t blocks_per_row;
};

/// A thread has one pack of a row; in the backward it reads both halves before it writes them.
template <typename T, int kSize, bool kIsBackward>
__global__ void __launch_bounds__(kThreads) swiglu_kernel(const Swiglu args) {
  const std::int64_t n = blockIdx.x / args.blocks_per_row;
  const std::int64_t f = ((blockIdx.x % args.blocks_per_row) * kThreads + threadIdx.x) * kSize;
  if (f >= args.F) return;
  const auto gate = load_pack<T, kSize>(static_cast<const T*>(args.gate) + n * args.stride + f);
  const auto up = load_pack<T, kSize>(static_cast<const T*>(args.up) + n * args.stride + f);
  if constexpr (kIsBackward) {
    const auto dy = load_pack<T, kSize>(static_cast<const T*>(args.dy) + n * args.F + f);
    Pack<T, kSize> dgate, dup;
#pragma unroll
    for (int i = 0; i < kSize; ++i) {
      const device::SwigluGradient gradient = device::swiglu_gradient(
          to_float(dy.values[i]), to_float(gate.values[i]), to_float(up.values[i]));
      store(&dgate.values[i], gradient.gate);
      store(&dup.values[i], gradient.up);
    }
    T* out = static_cast<T*>(args.out) + n * 2 * args.F + f;
    store_pack(out, dgate);
    store_pack(out + args.F, dup);
  } else {
    Pack<T, kSize> y;
#pragma unroll
    for (int i = 0; i < kSize; ++i) {
      store(&y.values[i], device::swiglu(to_float(gate.values[i]), to_float(up.values[i])));
    }
    store_pack(static_cast<T*>(args.out) + n * args.F + f, y);
  }
}

template <typename T, int kSize, bool kIsBackward>
KernelStatus launch_packs(Swiglu args, std::int64_t N, cudaStream_t stream) {
  constexpr std::int64_t kPerBlock = std::int64_t{kThreads} * kSize;
  constexpr std::int64_t kLargestGrid = (std::int64_t{1} << 31) - 1;
  args.blocks_per_row = (args.F + kPerBlock - 1) / kPerBlock;
  if (N > kLargestGrid / args.blocks_per_row) return {"swiglu: too many elements"};
  const auto blocks = static_cast<unsigned>(N * args.blocks_per_row);
  swiglu_kernel<T, kSize, kIsBackward><<<blocks, kThreads, 0, stream>>>(args);
  return device::launched();
}

template <typename T, bool kIsBackward>
KernelStatus launch(const void* dy,
                    const void* gate,
                    const void* up,
                    std::int64_t N,
                    std::int64_t F,
                    void* out,
                    cudaStream_t stream) {
  constexpr int kWide = 16 / static_cast<int>(sizeof(T));
  Swiglu args{dy, gate, up, out, F, F, 1};
  if (up == nullptr) {
    args.up = static_cast<const T*>(gate) + F;
    args.stride = 2 * F;
  }
  const bool is_aligned = F % kWide == 0 && device::is_aligned(dy, 16) &&
                          device::is_aligned(gate, 16) && device::is_aligned(args.up, 16) &&
                          device::is_aligned(out, 16);
  return is_aligned ? launch_packs<T, kWide, kIsBackward>(args, N, stream)
                    : launch_packs<T, 1, kIsBackward>(args, N, stream);
}

}  // namespace

KernelStatus swiglu_cuda(Dtype dtype,
                         const void* gate,
                         const void* up,
                         std::int64_t N,
                         std::int64_t F,
                         void* y,
                         CudaStream stream) {
  if (F < 1) return {"swiglu: expected F >= 1"};
  if (N <= 0) return {};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  return dtype == Dtype::kF32 ? launch<float, false>(nullptr, gate, up, N, F, y, cuda_stream)
                              : launch<Bf16, false>(nullptr, gate, up, N, F, y, cuda_stream);
}

KernelStatus swiglu_backward_cuda(Dtype dtype,
                                  const void* dy,
                                  const void* gate,
                                  const void* up,
                                  std::int64_t N,
                                  std::int64_t F,
                                  void* dgate_up,
                                  CudaStream stream) {
  if (F < 1) return {"swiglu: expected F >= 1"};
  if (N <= 0) return {};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  return dtype == Dtype::kF32 ? launch<float, true>(dy, gate, up, N, F, dgate_up, cuda_stream)
                              : launch<Bf16, true>(dy, gate, up, N, F, dgate_up, cuda_stream);
}

}  // namespace switchyard::kernels
