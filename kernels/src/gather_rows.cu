#include "kernels/include/combine_rows.h"
#include "kernels/include/gather_rows.h"
#include "kernels/src/device.cuh"
#include "kernels/src/row_packs.cuh"

namespace switchyard::kernels {
namespace {

using device::Bf16;
using device::load_pack;
using device::Pack;
using device::store;
using device::store_pack;

constexpr int kThreads = 256;

/// A thread reads one pack of a token and writes it to all rows of the token: x moves once.
template <typename T, int kSize>
__global__ void __launch_bounds__(kThreads)
    gather_rows_kernel(const T* __restrict__ x,
                       const std::int64_t* __restrict__ row_from_slot,
                       std::int64_t N,
                       std::int64_t K,
                       std::int64_t D,
                       std::int64_t num_rows,
                       unsigned packs_per_row,
                       T* __restrict__ y) {
  const auto [n, pack] = device::pack_place<kThreads, 1>(0, packs_per_row);
  if (n >= N) return;
  const std::int64_t d = std::int64_t{pack} * kSize;
  const auto values = load_pack<T, kSize>(x + n * D + d);
  Pack<T, kSize> zeros;
#pragma unroll
  for (int i = 0; i < kSize; ++i) store(&zeros.values[i], 0.0F);
#pragma unroll 4
  for (std::int64_t k = 0; k < K; ++k) {
    const std::int64_t r = row_from_slot[n * K + k];
    const std::int64_t row = r >= 0 ? r : -1 - r;
    if (row < num_rows) store_pack(y + row * D + d, r >= 0 ? values : zeros);
  }
}

template <typename T, int kSize>
KernelStatus launch_packs(const void* x,
                          const std::int64_t* row_from_slot,
                          std::int64_t N,
                          std::int64_t K,
                          std::int64_t D,
                          std::int64_t num_rows,
                          void* y,
                          cudaStream_t stream) {
  const std::int64_t packs_per_row = D / kSize;
  const std::int64_t blocks = device::num_pack_blocks<kThreads, 1>(N, packs_per_row);
  if (blocks == 0) return {"gather_rows: too many elements"};
  gather_rows_kernel<T, kSize>
      <<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(static_cast<const T*>(x),
                                                               row_from_slot,
                                                               N,
                                                               K,
                                                               D,
                                                               num_rows,
                                                               static_cast<unsigned>(packs_per_row),
                                                               static_cast<T*>(y));
  return device::launched();
}

template <typename T>
KernelStatus launch(const void* x,
                    const std::int64_t* row_from_slot,
                    std::int64_t N,
                    std::int64_t K,
                    std::int64_t D,
                    std::int64_t num_rows,
                    void* y,
                    cudaStream_t stream) {
  constexpr int kWide = 16 / static_cast<int>(sizeof(T));
  const bool is_aligned = D % kWide == 0 && device::is_aligned(x, 16) && device::is_aligned(y, 16);
  return is_aligned ? launch_packs<T, kWide>(x, row_from_slot, N, K, D, num_rows, y, stream)
                    : launch_packs<T, 1>(x, row_from_slot, N, K, D, num_rows, y, stream);
}

}  // namespace

KernelStatus gather_rows_cuda(Dtype dtype,
                              const void* x,
                              const std::int64_t* row_from_slot,
                              std::int64_t N,
                              std::int64_t K,
                              std::int64_t D,
                              std::int64_t num_rows,
                              void* y,
                              CudaStream stream) {
  if (D < 1 || K < 1) return {"gather_rows: expected D >= 1 and K >= 1"};
  if (N <= 0) return {};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  return dtype == Dtype::kF32 ? launch<float>(x, row_from_slot, N, K, D, num_rows, y, cuda_stream)
                              : launch<Bf16>(x, row_from_slot, N, K, D, num_rows, y, cuda_stream);
}

KernelStatus gather_rows_backward_cuda(Dtype dtype,
                                       const void* dy,
                                       const std::int64_t* row_from_slot,
                                       std::int64_t N,
                                       std::int64_t K,
                                       std::int64_t D,
                                       const void* addend,
                                       void* dx,
                                       CudaStream stream) {
  return combine_rows_cuda({.N = N, .K = K, .D = D, .dtype = dtype, .row_from_slot = row_from_slot},
                           {.y = dy, .addend = addend, .out = dx},
                           stream);
}

}  // namespace switchyard::kernels
