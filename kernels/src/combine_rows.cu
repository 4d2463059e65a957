#include "kernels/include/combine_rows.h"
#include "kernels/src/device.cuh"
#include "kernels/src/row_packs.cuh"

namespace switchyard::kernels {
namespace {

using device::Bf16;
using device::load_pack;
using device::Pack;
using device::store;
using device::store_pack;
using device::to_float;

constexpr int kThreads = 256;  // of the forward

/// A thread has one pack of a token and sums it over the choices; four rows are under way at once.
template <typename T, int kSize>
__global__ void __launch_bounds__(kThreads) combine_rows_kernel(const CombineRows shape,
                                                                const T* __restrict__ y,
                                                                const T* addend,
                                                                unsigned packs_per_row,
                                                                T* out) {
  constexpr int kRows = 4;
  const auto [n, pack] = device::pack_place<kThreads, 1>(0, packs_per_row);
  if (n >= shape.N) return;
  const std::int64_t d = std::int64_t{pack} * kSize;
  float sum[kSize] = {};
  if (addend != nullptr) {
    const auto first = load_pack<T, kSize>(addend + n * shape.D + d);
#pragma unroll
    for (int i = 0; i < kSize; ++i) sum[i] = to_float(first.values[i]);
  }
  for (std::int64_t k = 0; k < shape.K; k += kRows) {
    Pack<T, kSize> packs[kRows];
    float weight[kRows];
    bool has_row[kRows];
#pragma unroll
    for (int j = 0; j < kRows; ++j) {
      const std::int64_t slot = n * shape.K + k + j;
      const std::int64_t r = k + j < shape.K ? shape.row_from_slot[slot] : -1;
      has_row[j] = r >= 0;
      weight[j] = 1.0F;
      if (!has_row[j]) continue;
      packs[j] = load_pack<T, kSize>(y + r * shape.D + d);
      if (shape.combine_weight != nullptr) weight[j] = shape.combine_weight[slot];
    }
#pragma unroll
    for (int j = 0; j < kRows; ++j) {
      if (!has_row[j]) continue;
#pragma unroll
      for (int i = 0; i < kSize; ++i) sum[i] += weight[j] * to_float(packs[j].values[i]);
    }
  }
  Pack<T, kSize> result;
#pragma unroll
  for (int i = 0; i < kSize; ++i) store(&result.values[i], sum[i]);
  store_pack(out + n * shape.D + d, result);
}

/// A block has one token. kRows of its rows go side by side, kColumns packs of each at once; a
/// thread reads its packs of y before it writes them, so dy may be y.
template <typename T, int kSize, int kThreadsOfToken, int kRows, int kColumns>
__global__ void __launch_bounds__(kThreadsOfToken)
    combine_rows_backward_kernel(const CombineRows shape,
                                 const T* __restrict__ dout,
                                 const T* y,
                                 T* dy,
                                 float* __restrict__ dcombine_weight) {
  constexpr int kWarps = kThreadsOfToken / 32;
  constexpr std::int64_t kStep = std::int64_t{kThreadsOfToken} * kSize;
  __shared__ float dot_of_warp[kWarps][kRows];
  const std::int64_t n = blockIdx.x, first_slot = n * shape.K;
  const T* g = dout + n * shape.D;
  for (std::int64_t k = 0; k < shape.K; k += kRows) {
    std::int64_t row[kRows];
    float weight[kRows], dot[kRows];
    bool has_row[kRows], has_expert[kRows];  // has_row: one to write
#pragma unroll
    for (int j = 0; j < kRows; ++j) {
      const bool has_slot = k + j < shape.K;
      const std::int64_t r = has_slot ? shape.row_from_slot[first_slot + k + j] : -1;
      has_expert[j] = r >= 0;
      has_row[j] = has_slot && (r >= 0 || -1 - r < shape.num_rows);
      row[j] = (r >= 0 ? r : -1 - r) * shape.D;
      weight[j] = has_expert[j] ? shape.combine_weight[first_slot + k + j] : 0.0F;
      dot[j] = 0.0F;
    }
    for (std::int64_t d = threadIdx.x * kSize; d < shape.D; d += kStep * kColumns) {
      Pack<T, kSize> g_packs[kColumns], y_packs[kColumns][kRows];
#pragma unroll
      for (int c = 0; c < kColumns; ++c) {
        const std::int64_t at = d + c * kStep;
        if (at >= shape.D) continue;
        g_packs[c] = load_pack<T, kSize>(g + at);
#pragma unroll
        for (int j = 0; j < kRows; ++j) {
          if (has_expert[j]) y_packs[c][j] = load_pack<T, kSize>(y + row[j] + at);
        }
      }
#pragma unroll
      for (int c = 0; c < kColumns; ++c) {
        const std::int64_t at = d + c * kStep;
        if (at >= shape.D) continue;
#pragma unroll
        for (int j = 0; j < kRows; ++j) {
          if (!has_row[j]) continue;
          Pack<T, kSize> scaled;
#pragma unroll
          for (int i = 0; i < kSize; ++i) {
            const float gradient = to_float(g_packs[c].values[i]);
            if (has_expert[j]) dot[j] += gradient * to_float(y_packs[c][j].values[i]);
            store(&scaled.values[i], has_expert[j] ? weight[j] * gradient : 0.0F);
          }
          store_pack(dy + row[j] + at, scaled);
        }
      }
    }
#pragma unroll
    for (int j = 0; j < kRows; ++j) {
      const float sum = device::warp_sum(dot[j]);
      if (threadIdx.x % 32 == 0) dot_of_warp[threadIdx.x / 32][j] = sum;
    }
    __syncthreads();
    if (threadIdx.x < kRows && k + threadIdx.x < shape.K) {
      float sum = 0.0F;
#pragma unroll
      for (int warp = 0; warp < kWarps; ++warp) sum += dot_of_warp[warp][threadIdx.x];
      dcombine_weight[first_slot + k + threadIdx.x] = sum;
    }
    __syncthreads();  // before the sums are written again
  }
}

template <typename T, int kSize>
KernelStatus launch_packs(const CombineRows& shape,
                          const CombineRowsForward& args,
                          cudaStream_t stream) {
  const std::int64_t packs_per_row = shape.D / kSize;
  const std::int64_t blocks = device::num_pack_blocks<kThreads, 1>(shape.N, packs_per_row);
  if (blocks == 0) return {"combine_rows: too many elements"};
  combine_rows_kernel<T, kSize>
      <<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(shape,
                                                               static_cast<const T*>(args.y),
                                                               static_cast<const T*>(args.addend),
                                                               static_cast<unsigned>(packs_per_row),
                                                               static_cast<T*>(args.out));
  return device::launched();
}

template <typename T, int kSize, int kThreadsOfToken>
void launch_backward_threads(const CombineRows& shape,
                             const CombineRowsBackward& args,
                             cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>(shape.N);
  const auto* dout = static_cast<const T*>(args.dout);
  const auto* y = static_cast<const T*>(args.y);
  auto* dy = static_cast<T*>(args.dy);
  if (shape.K <= 2) {
    combine_rows_backward_kernel<T, kSize, kThreadsOfToken, 2, 2>
        <<<blocks, kThreadsOfToken, 0, stream>>>(shape, dout, y, dy, args.dcombine_weight);
  } else {
    combine_rows_backward_kernel<T, kSize, kThreadsOfToken, 4, 1>
        <<<blocks, kThreadsOfToken, 0, stream>>>(shape, dout, y, dy, args.dcombine_weight);
  }
}

template <typename T, int kSize>
KernelStatus launch_backward_packs(const CombineRows& shape,
                                   const CombineRowsBackward& args,
                                   cudaStream_t stream) {
  constexpr std::int64_t kMostBlocks = (std::int64_t{1} << 31) - 1;
  if (shape.N > kMostBlocks) return {"combine_rows: too many tokens"};
  constexpr int kManyThreads = 128;
  if (shape.D / kSize >= kManyThreads) {
    launch_backward_threads<T, kSize, kManyThreads>(shape, args, stream);
  } else {
    launch_backward_threads<T, kSize, 32>(shape, args, stream);
  }
  return device::launched();
}

template <typename T>
KernelStatus launch(const CombineRows& shape, const CombineRowsForward& args, cudaStream_t stream) {
  constexpr int kWide = 16 / static_cast<int>(sizeof(T));
  const bool is_aligned = shape.D % kWide == 0 && device::is_aligned(args.y, 16) &&
                          device::is_aligned(args.addend, 16) && device::is_aligned(args.out, 16);
  return is_aligned ? launch_packs<T, kWide>(shape, args, stream)
                    : launch_packs<T, 1>(shape, args, stream);
}

template <typename T>
KernelStatus launch_backward(const CombineRows& shape,
                             const CombineRowsBackward& args,
                             cudaStream_t stream) {
  constexpr int kWide = 16 / static_cast<int>(sizeof(T));
  const bool is_aligned = shape.D % kWide == 0 && device::is_aligned(args.dout, 16) &&
                          device::is_aligned(args.y, 16) && device::is_aligned(args.dy, 16);
  return is_aligned ? launch_backward_packs<T, kWide>(shape, args, stream)
                    : launch_backward_packs<T, 1>(shape, args, stream);
}

}  // namespace

KernelStatus combine_rows_cuda(const CombineRows& shape,
                               const CombineRowsForward& args,
                               CudaStream stream) {
  if (shape.D < 1 || shape.K < 1) return {"combine_rows: expected D >= 1 and K >= 1"};
  if (shape.N <= 0) return {};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  return shape.dtype == Dtype::kF32 ? launch<float>(shape, args, cuda_stream)
                                    : launch<Bf16>(shape, args, cuda_stream);
}

KernelStatus combine_rows_backward_cuda(const CombineRows& shape,
                                        const CombineRowsBackward& args,
                                        CudaStream stream) {
  if (shape.D < 1 || shape.K < 1) return {"combine_rows: expected D >= 1 and K >= 1"};
  if (shape.N <= 0) return {};
  if (shape.combine_weight == nullptr) return {"combine_rows: the backward needs weights"};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  return shape.dtype == Dtype::kF32 ? launch_backward<float>(shape, args, cuda_stream)
                                    : launch_backward<Bf16>(shape, args, cuda_stream);
}

}  // namespace switchyard::kernels
