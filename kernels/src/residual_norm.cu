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
using residual_norm::kWidth;
using residual_norm::Rows;

struct Forward {
  const void* x;
  const void* delta;
  const float* weight;
  const float* bias;
  void* sum;
  void* y;
  float* mean;
  float* rstd;
  std::uint8_t* mask;  ///< null: not wanted
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
                          unsigned bits,
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
  if (mask.is_active()) mask.apply_bits(bits, added);
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
                        const Pack<float, kSize>& weight,
                        const Pack<float, kSize>& bias,
                        std::int64_t at,
                        float mean,
                        float rstd,
                        const float (&s)[kSize]) {
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

/// Most warps of a block, by the elements of a lane: what its registers allow.
constexpr int most_warps(int elements) {
  return elements <= 8 ? 24 : elements <= 16 ? 20 : elements <= 24 ? 16 : 12;
}

/// A warp per row or two; the next rows are under way while one is summed. Weight and bias stay in
/// registers.
template <typename Stream, typename Compute, typename T>
__global__ void __launch_bounds__(32 * most_warps(T::kPacks * kWidth<Stream>), 1)
    forward_warps(const Forward args) {
  using InFlight = Rows<Stream, Compute, T, 1>;
  constexpr int kSize = kWidth<Stream>, kPacks = T::kPacks, kStages = InFlight::kStages;
  extern __shared__ float4 shared[];
  const Mask mask(args.dropout);
  const int warp = static_cast<int>(threadIdx.x) / 32,
            lane = static_cast<int>(threadIdx.x) % T::kLanes;
  const int D = static_cast<int>(args.D), warps = static_cast<int>(blockDim.x) / 32;
  const InFlight rows(shared, warp, static_cast<int>(threadIdx.x) % 32);
  const std::int64_t step = std::int64_t{gridDim.x} * warps * T::kRows;
  std::int64_t n = (std::int64_t{blockIdx.x} * warps + warp) * T::kRows +
                   static_cast<int>(threadIdx.x) % 32 / T::kLanes;
  std::int64_t first = n - static_cast<int>(threadIdx.x) % 32 / T::kLanes;  // of the warp
  const auto* x = static_cast<const Stream*>(args.x);
  const auto* delta = static_cast<const Compute*>(args.delta);
  const auto fetch = [&](std::int64_t row, int stage) {
    if (row < args.N) {
#pragma unroll
      for (int k = 0; k < kPacks; ++k) {
        const int d = (k * T::kLanes + lane) * kSize;
        if (d >= D) continue;
        residual_norm::copy_pack(rows.stream(stage, 0, k), x + row * D + d);
        if (delta == nullptr) continue;
        residual_norm::copy_pack(rows.compute(stage, k), delta + row * D + d);
      }
    }
    __pipeline_commit();
  };
#pragma unroll
  for (int stage = 0; stage < kStages; ++stage) fetch(n + stage * step, stage);
  Pack<float, kSize> weight[kPacks] = {}, bias[kPacks] = {};
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    const int d = (k * T::kLanes + lane) * kSize;
    if (d >= D) continue;
    weight[k] = load_pack<float, kSize>(args.weight + d);
    if (args.bias != nullptr) bias[k] = load_pack<float, kSize>(args.bias + d);
  }
  for (int stage = 0; first < args.N; first += step, n += step) {
    const std::int64_t row = n * D;
    const int columns = n < args.N ? D : 0;
    unsigned bits[kPacks] = {};
    if (delta != nullptr && mask.is_active()) {
      std::uint8_t* bytes = args.mask != nullptr ? args.mask + row / 8 : nullptr;
      residual_norm::draw_row<kSize, T>(mask, row, columns, lane, bytes, bits);
    }
    __pipeline_wait_prior(kStages - 1);
    float s[kPacks][kSize], total = 0.0F;
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int d = (k * T::kLanes + lane) * kSize;
      if (d >= columns) continue;
      Pack<Compute, kSize> added{};
      if (delta != nullptr) added = *rows.compute(stage, k);
      add_delta<Stream, Compute, kSize>(
          args, mask, bits[k], row + d, *rows.stream(stage, 0, k), added, s[k]);
#pragma unroll
      for (int i = 0; i < kSize; ++i) total += s[k][i];
    }
    fetch(n + kStages * step, stage);  // into the stage just read
    stage = stage + 1 == kStages ? 0 : stage + 1;
    const float size = static_cast<float>(D);
    const float mean = args.is_rms ? 0.0F : device::warp_sum<T::kLanes>(total) / size;
    float squares = 0.0F;
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      if ((k * T::kLanes + lane) * kSize >= columns) continue;
#pragma unroll
      for (int i = 0; i < kSize; ++i) squares += (s[k][i] - mean) * (s[k][i] - mean);
    }
    const float rstd = 1.0F / sqrtf(device::warp_sum<T::kLanes>(squares) / size + args.eps);
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int d = (k * T::kLanes + lane) * kSize;
      if (d >= columns) continue;
      write_y<Compute, kSize>(args, weight[k], bias[k], row + d, mean, rstd, s[k]);
    }
    if (lane == 0 && columns > 0) write_statistics(args, n, mean, rstd);
  }
}

/// The mask's byte of eight elements from any flat index; those from `count` on are 0.
__device__ std::uint8_t draw_byte(const Mask& mask, std::int64_t index, std::int64_t count) {
  const auto pack = static_cast<std::uint64_t>(index) / 8;
  const auto shift = static_cast<unsigned>(index % 8);
  unsigned bits = mask.draw(pack);
  if (shift != 0) bits = (bits | mask.draw(pack + 1) << 8U) >> shift;
  return static_cast<std::uint8_t>(count < 8 ? bits & ((1U << count) - 1U) : bits);
}

/// One block per row, for any D that is a multiple of kSize: three passes over the row.
template <typename Stream, typename Compute, int kSize>
__global__ void __launch_bounds__(kRowThreads) forward_blocks(const Forward args) {
  __shared__ float scratch[32];
  const Mask mask(args.dropout);
  const std::int64_t step = kRowThreads * kSize;
  const auto size = static_cast<float>(args.D);
  const std::int64_t num_bytes = (args.D + 7) / 8;
  for (std::int64_t n = blockIdx.x; n < args.N; n += gridDim.x) {
    const std::int64_t row = n * args.D;
    const std::int64_t first = std::int64_t{threadIdx.x} * kSize;
    std::uint8_t* bytes = nullptr;
    if (args.mask != nullptr && args.delta != nullptr && mask.is_active()) {
      bytes = args.mask + n * num_bytes;
      for (std::int64_t b = threadIdx.x; b < num_bytes; b += kRowThreads) {
        bytes[b] = draw_byte(mask, row + 8 * b, args.D - 8 * b);
      }
      __syncthreads();
    }
    float total = 0.0F;
    for (std::int64_t d = first; d < args.D; d += step) {
      const auto x = load_pack<Stream, kSize>(static_cast<const Stream*>(args.x) + row + d);
      Pack<Compute, kSize> delta{};
      if (args.delta != nullptr) {
        delta = load_pack<Compute, kSize>(static_cast<const Compute*>(args.delta) + row + d);
      }
      unsigned bits = 0;
      if (bytes != nullptr) {
        bits = residual_norm::stored_bits<kSize>(bytes, d);
      } else if (mask.is_active()) {
        bits = mask.draw_at<kSize>(row + d);
      }
      float s[kSize];
      add_delta<Stream, Compute, kSize>(args, mask, bits, row + d, x, delta, s);
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
      const auto weight = load_pack<float, kSize>(args.weight + d);
      Pack<float, kSize> bias{};
      if (args.bias != nullptr) bias = load_pack<float, kSize>(args.bias + d);
      write_y<Compute, kSize>(args, weight, bias, row + d, mean, rstd, s);
    }
    if (threadIdx.x == 0) write_statistics(args, n, mean, rstd);
  }
}

template <typename Stream, typename Compute, typename T>
cudaError_t launch_warps(const Forward& args, cudaStream_t stream) {
  constexpr int kWarpBytes = Rows<Stream, Compute, T, 1>::kWarpBytes;
  const residual_norm::Grid grid(
      args.N, T::kRows, most_warps(T::kPacks * kWidth<Stream>), kWarpBytes);
  const int bytes = grid.warps * kWarpBytes, threads = 32 * grid.warps;
  const auto kernel = forward_warps<Stream, Compute, T>;
  const cudaError_t error = device::allow_shared_bytes(kernel, bytes);
  if (error != cudaSuccess) return error;
  kernel<<<grid.blocks, threads, bytes, stream>>>(args);
  return cudaGetLastError();
}

template <typename Stream, typename Compute>
cudaError_t launch(const Forward& args, cudaStream_t stream) {
  const void* pointers[] = {args.x, args.delta, args.weight, args.bias, args.sum, args.y};
  bool is_aligned = args.D % kWidth<Stream> == 0;
  for (const void* pointer : pointers) is_aligned = is_aligned && device::is_aligned(pointer, 16);
  if (is_aligned && args.D % 8 == 0 && args.D <= residual_norm::kWarpElements) {
    cudaError_t error = cudaSuccess;
    residual_norm::with_tile<kWidth<Stream>>(args.D, [&](auto tile) {
      error = launch_warps<Stream, Compute, decltype(tile)>(args, stream);
    });
    return error;
  }
  const auto blocks = static_cast<unsigned>(args.N < 1 << 20 ? args.N : 1 << 20);
  if (is_aligned) {
    forward_blocks<Stream, Compute, kWidth<Stream>><<<blocks, kRowThreads, 0, stream>>>(args);
  } else {
    forward_blocks<Stream, Compute, 1><<<blocks, kRowThreads, 0, stream>>>(args);
  }
  return cudaGetLastError();
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
                        args.mask,
                        shape.N,
                        shape.D,
                        shape.eps,
                        shape.is_rms,
                        device::make_dropout(shape.dropout, shape.site, args.state)};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  cudaError_t error = cudaSuccess;
  if (shape.stream_dtype == Dtype::kBf16) {
    error = launch<Bf16, Bf16>(forward, cuda_stream);
  } else if (shape.compute_dtype == Dtype::kBf16) {
    error = launch<float, Bf16>(forward, cuda_stream);
  } else {
    error = launch<float, float>(forward, cuda_stream);
  }
  return {error == cudaSuccess ? nullptr : cudaGetErrorString(error)};
}

}  // namespace switchyard::kernels
