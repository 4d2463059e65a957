#include "kernels/include/residual_norm.h"
#include "kernels/src/device.cuh"
#include "kernels/src/residual_norm.cuh"

namespace switchyard::kernels {
namespace {

using device::Bf16;
using device::Dropout;
using device::load_pack;
using device::Mask;
using device::Pack;
using device::store;
using device::store_pack;
using device::to_float;
using residual_norm::kRowThreads;
using residual_norm::kWarps;
using residual_norm::kWidth;

struct Forward {
  const void* x;
  const void* delta;
  const float* weight;
  const float* bias;
  void* sum;
  void* y;
  float* mean;
  float* rstd;
  std::int64_t N;
  std::int64_t D;
  float eps;
  bool is_rms;
  Dropout dropout;
};

/// s <- the sum of one pack as the stream's type keeps it; written if there is a delta.
template <typename Stream, typename Compute, int kSize>
__device__ void add_delta(const Forward& args,
                          const Mask& mask,
                          std::int64_t at,
                          const Pack<Stream, kSize>& x,
                          const Pack<Compute, kSize>& delta,
                          float (&s)[kSize]) {
#pragma unroll
  for (int i = 0; i < kSize; ++i) s[i] = to_float(x.values[i]);
  if (args.delta == nullptr) return;
  float added[kSize];
#pragma unroll
  for (int i = 0; i < kSize; ++i) added[i] = to_float(delta.values[i]);
  mask.apply(at, added);
  Pack<Stream, kSize> sum;
#pragma unroll
  for (int i = 0; i < kSize; ++i) {
    store(&sum.values[i], s[i] + added[i]);
    s[i] = to_float(sum.values[i]);
  }
  store_pack(static_cast<Stream*>(args.sum) + at, sum);
}

/// Writes one pack of y.
template <typename Compute, int kSize>
__device__ void write_y(const Forward& args,
                        std::int64_t at,
                        std::int64_t d,
                        float mean,
                        float rstd,
                        const float (&s)[kSize]) {
  const Pack<float, kSize> weight = load_pack<float, kSize>(args.weight + d);
  Pack<float, kSize> bias{};
  if (args.bias != nullptr) bias = load_pack<float, kSize>(args.bias + d);
  Pack<Compute, kSize> y;
#pragma unroll
  for (int i = 0; i < kSize; ++i) {
    store(&y.values[i], (s[i] - mean) * rstd * weight.values[i] + bias.values[i]);
  }
  store_pack(static_cast<Compute*>(args.y) + at, y);
}

__device__ void write_statistics(const Forward& args, std::int64_t n, float mean, float rstd) {
  if (args.mean != nullptr && !args.is_rms) args.mean[n] = mean;
  if (args.rstd != nullptr) args.rstd[n] = rstd;
}

/// One warp per row, the row in registers.
template <typename Stream, typename Compute, int kPacks>
__global__ void __launch_bounds__(32 * kWarps) forward_warps(const Forward args) {
  constexpr int kSize = kWidth<Stream>;
  const Mask mask(args.dropout);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int D = static_cast<int>(args.D);
  std::int64_t n = std::int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  for (; n < args.N; n += std::int64_t{gridDim.x} * kWarps) {
    const std::int64_t row = n * D;
    Pack<Stream, kSize> x[kPacks];
    Pack<Compute, kSize> delta[kPacks];
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int d = (k * 32 + lane) * kSize;
      if (d >= D) continue;
      x[k] = load_pack<Stream, kSize>(static_cast<const Stream*>(args.x) + row + d);
      if (args.delta == nullptr) continue;
      delta[k] = load_pack<Compute, kSize>(static_cast<const Compute*>(args.delta) + row + d);
    }
    float s[kPacks][kSize], total = 0.0F;
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int d = (k * 32 + lane) * kSize;
      if (d >= D) continue;
      add_delta<Stream, Compute, kSize>(args, mask, row + d, x[k], delta[k], s[k]);
#pragma unroll
      for (int i = 0; i < kSize; ++i) total += s[k][i];
    }
    const float size = static_cast<float>(D);
    const float mean = args.is_rms ? 0.0F : device::warp_sum(total) / size;
    float squares = 0.0F;
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      if ((k * 32 + lane) * kSize >= D) continue;
#pragma unroll
      for (int i = 0; i < kSize; ++i) squares += (s[k][i] - mean) * (s[k][i] - mean);
    }
    const float rstd = 1.0F / sqrtf(device::warp_sum(squares) / size + args.eps);
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int d = (k * 32 + lane) * kSize;
      if (d >= D) continue;
      write_y<Compute, kSize>(args, row + d, d, mean, rstd, s[k]);
    }
    if (lane == 0) write_statistics(args, n, mean, rstd);
  }
}

/// One block per row, for any D that is a multiple of kSize: three passes over the row.
template <typename Stream, typename Compute, int kSize>
__global__ void __launch_bounds__(kRowThreads) forward_blocks(const Forward args) {
  __shared__ float scratch[32];
  const Mask mask(args.dropout);
  const std::int64_t step = kRowThreads * kSize;
  const auto size = static_cast<float>(args.D);
  for (std::int64_t n = blockIdx.x; n < args.N; n += gridDim.x) {
    const std::int64_t row = n * args.D;
    const std::int64_t first = std::int64_t{threadIdx.x} * kSize;
    float total = 0.0F;
    for (std::int64_t d = first; d < args.D; d += step) {
      const auto x = load_pack<Stream, kSize>(static_cast<const Stream*>(args.x) + row + d);
      Pack<Compute, kSize> delta{};
      if (args.delta != nullptr) {
        delta = load_pack<Compute, kSize>(static_cast<const Compute*>(args.delta) + row + d);
      }
      float s[kSize];
      add_delta<Stream, Compute, kSize>(args, mask, row + d, x, delta, s);
#pragma unroll
      for (int i = 0; i < kSize; ++i) total += s[i];
    }
    // every thread reads back only what it wrote itself
    const auto* sum = static_cast<const Stream*>(args.delta != nullptr ? args.sum : args.x) + row;
    const float mean = args.is_rms ? 0.0F : device::block_sum<kRowThreads>(total, scratch) / size;
    float squares = 0.0F;
    for (std::int64_t d = first; d < args.D; d += step) {
      const auto s = load_pack<Stream, kSize>(sum + d);
#pragma unroll
      for (int i = 0; i < kSize; ++i) {
        const float centred = to_float(s.values[i]) - mean;
        squares += centred * centred;
      }
    }
    const float rstd =
        1.0F / sqrtf(device::block_sum<kRowThreads>(squares, scratch) / size + args.eps);
    for (std::int64_t d = first; d < args.D; d += step) {
      const auto pack = load_pack<Stream, kSize>(sum + d);
      float s[kSize];
#pragma unroll
      for (int i = 0; i < kSize; ++i) s[i] = to_float(pack.values[i]);
      write_y<Compute, kSize>(args, row + d, d, mean, rstd, s);
    }
    if (threadIdx.x == 0) write_statistics(args, n, mean, rstd);
  }
}

template <typename Stream, typename Compute>
void launch_warps(const Forward& args, cudaStream_t stream) {
  constexpr std::int64_t kLargestGrid = std::int64_t{1} << 30;
  const std::int64_t wanted = (args.N + kWarps - 1) / kWarps;
  const auto blocks = static_cast<unsigned>(wanted < kLargestGrid ? wanted : kLargestGrid);
  constexpr int kThreads = 32 * kWarps;
  switch (residual_norm::packs_per_lane(args.D, kWidth<Stream>)) {
    case 1:
      forward_warps<Stream, Compute, 1><<<blocks, kThreads, 0, stream>>>(args);
      return;
    case 2:
      forward_warps<Stream, Compute, 2><<<blocks, kThreads, 0, stream>>>(args);
      return;
    case 3:
      forward_warps<Stream, Compute, 3><<<blocks, kThreads, 0, stream>>>(args);
      return;
    case 4:
      forward_warps<Stream, Compute, 4><<<blocks, kThreads, 0, stream>>>(args);
      return;
    default:
      break;
  }
  if constexpr (kWidth<Stream> == 4) {
    if (args.D <= 6 * 32 * 4) {
      forward_warps<Stream, Compute, 6><<<blocks, kThreads, 0, stream>>>(args);
    } else {
      forward_warps<Stream, Compute, 8><<<blocks, kThreads, 0, stream>>>(args);
    }
  }
}

template <typename Stream, typename Compute>
void launch(const Forward& args, cudaStream_t stream) {
  const void* pointers[] = {args.x, args.delta, args.weight, args.bias, args.sum, args.y};
  bool is_aligned = args.D % kWidth<Stream> == 0;
  for (const void* pointer : pointers) is_aligned = is_aligned && device::is_aligned(pointer, 16);
  if (is_aligned && args.D <= residual_norm::kWarpElements) {
    launch_warps<Stream, Compute>(args, stream);
    return;
  }
  const auto blocks = static_cast<unsigned>(args.N < 1 << 20 ? args.N : 1 << 20);
  if (is_aligned) {
    forward_blocks<Stream, Compute, kWidth<Stream>><<<blocks, kRowThreads, 0, stream>>>(args);
  } else {
    forward_blocks<Stream, Compute, 1><<<blocks, kRowThreads, 0, stream>>>(args);
  }
}

}  // namespace

KernelStatus residual_norm_cuda(const ResidualNorm& shape,
                                const ResidualNormForward& args,
                                CudaStream stream) {
  const char* problem = residual_norm::problem(shape, args.state);
  if (problem != nullptr) return {problem};
  if (shape.N == 0) return {};
  const Forward forward{args.x,
                        args.delta,
                        args.weight,
                        args.bias,
                        args.sum,
                        args.y,
                        args.mean,
                        args.rstd,
                        shape.N,
                        shape.D,
                        shape.eps,
                        shape.is_rms,
                        device::make_dropout(shape.dropout, shape.site, args.state)};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  if (shape.stream_dtype == Dtype::kBf16) {
    launch<Bf16, Bf16>(forward, cuda_stream);
  } else if (shape.compute_dtype == Dtype::kBf16) {
    launch<float, Bf16>(forward, cuda_stream);
  } else {
    launch<float, float>(forward, cuda_stream);
  }
  return device::launched();
}

}  // namespace switchyard::kernels
