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

constexpr std::int64_t kMostPartials = 1024;
constexpr std::int64_t kSharedBytes = 48 * 1024;

struct Backward {
  const void* dy;
  const void* dsum;
  const void* sum;
  const float* mean;
  const float* rstd;
  const float* weight;
  void* dx;
  void* ddelta;
  float* partial;  ///< [blocks, 2, D]: dweight, dbias of every block; null: not wanted
  std::int64_t N;
  std::int64_t D;
  bool is_rms;
  Dropout dropout;
};

/// What the row as a whole gives to its elements.
struct Row {
  float mean, rstd, mean_g, mean_gh;
};

/// Writes one pack of dx and ddelta.
template <typename Stream, typename Compute, int kSize>
__device__ void write_dx(const Backward& args,
                         const Mask& mask,
                         const Row& row,
                         std::int64_t at,
                         std::int64_t d,
                         const Pack<Compute, kSize>& dy,
                         const Pack<Stream, kSize>& sum,
                         const Pack<Stream, kSize>& dsum) {
  const Pack<float, kSize> weight = load_pack<float, kSize>(args.weight + d);
  float dx[kSize];
  Pack<Stream, kSize> dx_pack;
#pragma unroll
  for (int i = 0; i < kSize; ++i) {
    const float h = (to_float(sum.values[i]) - row.mean) * row.rstd;
    const float g = to_float(dy.values[i]) * weight.values[i];
    dx[i] = row.rstd * (g - row.mean_g - h * row.mean_gh);
    if (args.dsum != nullptr) dx[i] += to_float(dsum.values[i]);
    store(&dx_pack.values[i], dx[i]);
  }
  store_pack(static_cast<Stream*>(args.dx) + at, dx_pack);
  if (args.ddelta == nullptr) return;
  mask.apply(at, dx);
  Pack<Compute, kSize> ddelta;
#pragma unroll
  for (int i = 0; i < kSize; ++i) store(&ddelta.values[i], dx[i]);
  store_pack(static_cast<Compute*>(args.ddelta) + at, ddelta);
}

/// Blocks that a multiprocessor holds at once: what the registers of a lane's sums allow.
constexpr int blocks_per_multiprocessor(int elements) {
  return elements <= 8 ? 5 : elements <= 16 ? 4 : elements <= 24 ? 3 : 2;
}

/// One warp per row, the row and the sums of dweight and dbias in registers.
template <typename Stream, typename Compute, int kPacks>
__global__ void __launch_bounds__(32 * kWarps, blocks_per_multiprocessor(kPacks* kWidth<Stream>))
    backward_warps(const Backward args) {
  constexpr int kSize = kWidth<Stream>;
  constexpr int kRowElements = kPacks * 32 * kSize;
  const Mask mask(args.dropout);
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int D = static_cast<int>(args.D);
  float dweight[kPacks][kSize] = {}, dbias[kPacks][kSize] = {};
  std::int64_t n = std::int64_t{blockIdx.x} * kWarps + warp;
  for (; n < args.N; n += std::int64_t{gridDim.x} * kWarps) {
    const std::int64_t at = n * D;
    // the whole row is read before any of it is written: dx may be dsum, ddelta may be dy
    Pack<Compute, kSize> dy[kPacks];
    Pack<Stream, kSize> sum[kPacks], dsum[kPacks];
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int d = (k * 32 + lane) * kSize;
      if (d >= D) continue;
      dy[k] = load_pack<Compute, kSize>(static_cast<const Compute*>(args.dy) + at + d);
      sum[k] = load_pack<Stream, kSize>(static_cast<const Stream*>(args.sum) + at + d);
      if (args.dsum == nullptr) continue;
      dsum[k] = load_pack<Stream, kSize>(static_cast<const Stream*>(args.dsum) + at + d);
    }
    Row row{args.is_rms ? 0.0F : args.mean[n], args.rstd[n], 0.0F, 0.0F};
    float sum_g = 0.0F, sum_gh = 0.0F;
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int d = (k * 32 + lane) * kSize;
      if (d >= D) continue;
      const Pack<float, kSize> weight = load_pack<float, kSize>(args.weight + d);
#pragma unroll
      for (int i = 0; i < kSize; ++i) {
        const float h = (to_float(sum[k].values[i]) - row.mean) * row.rstd;
        const float dy_i = to_float(dy[k].values[i]), g = dy_i * weight.values[i];
        sum_g += g;
        sum_gh += g * h;
        dweight[k][i] += dy_i * h;
        dbias[k][i] += dy_i;
      }
    }
    const auto size = static_cast<float>(D);
    row.mean_g = args.is_rms ? 0.0F : device::warp_sum(sum_g) / size;
    row.mean_gh = device::warp_sum(sum_gh) / size;
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int d = (k * 32 + lane) * kSize;
      if (d >= D) continue;
      write_dx<Stream, Compute, kSize>(args, mask, row, at + d, d, dy[k], sum[k], dsum[k]);
    }
  }
  if (args.partial == nullptr) return;
  // the warps add in order; each lane has the same elements in every warp
  __shared__ float shared[2][kRowElements];
  for (int turn = 0; turn < kWarps; ++turn) {
    if (turn == warp) {
#pragma unroll
      for (int k = 0; k < kPacks; ++k) {
#pragma unroll
        for (int i = 0; i < kSize; ++i) {
          const int d = (k * 32 + lane) * kSize + i;
          shared[0][d] = turn == 0 ? dweight[k][i] : shared[0][d] + dweight[k][i];
          shared[1][d] = turn == 0 ? dbias[k][i] : shared[1][d] + dbias[k][i];
        }
      }
    }
    __syncthreads();
  }
  float* mine = args.partial + std::int64_t{blockIdx.x} * 2 * D;
  for (int d = static_cast<int>(threadIdx.x); d < D; d += 32 * kWarps) {
    mine[d] = shared[0][d];
    mine[D + d] = shared[1][d];
  }
}

/// One block per row, for any D that is a multiple of kSize. A thread has the same elements in
/// every row, so their sums need no lock: in shared memory if `use_shared`, else in the partial
/// itself.
template <typename Stream, typename Compute, int kSize>
__global__ void __launch_bounds__(kRowThreads)
    backward_blocks(const Backward args, bool use_shared) {
  extern __shared__ float shared[];
  __shared__ float scratch[32];
  const Mask mask(args.dropout);
  const std::int64_t step = kRowThreads * kSize;
  const std::int64_t first = std::int64_t{threadIdx.x} * kSize;
  float* mine =
      args.partial != nullptr ? args.partial + std::int64_t{blockIdx.x} * 2 * args.D : nullptr;
  float* sums = use_shared ? shared : mine;
  if (mine != nullptr) {
    for (std::int64_t d = first; d < args.D; d += step) {
#pragma unroll
      for (int i = 0; i < kSize; ++i) sums[d + i] = sums[args.D + d + i] = 0.0F;
    }
  }
  for (std::int64_t n = blockIdx.x; n < args.N; n += gridDim.x) {
    const std::int64_t at = n * args.D;
    Row row{args.is_rms ? 0.0F : args.mean[n], args.rstd[n], 0.0F, 0.0F};
    float sum_g = 0.0F, sum_gh = 0.0F;
    for (std::int64_t d = first; d < args.D; d += step) {
      const auto dy = load_pack<Compute, kSize>(static_cast<const Compute*>(args.dy) + at + d);
      const auto sum = load_pack<Stream, kSize>(static_cast<const Stream*>(args.sum) + at + d);
      const auto weight = load_pack<float, kSize>(args.weight + d);
#pragma unroll
      for (int i = 0; i < kSize; ++i) {
        const float h = (to_float(sum.values[i]) - row.mean) * row.rstd;
        const float dy_i = to_float(dy.values[i]), g = dy_i * weight.values[i];
        sum_g += g;
        sum_gh += g * h;
        if (mine == nullptr) continue;
        sums[d + i] += dy_i * h;
        sums[args.D + d + i] += dy_i;
      }
    }
    const auto size = static_cast<float>(args.D);
    row.mean_g = args.is_rms ? 0.0F : device::block_sum<kRowThreads>(sum_g, scratch) / size;
    row.mean_gh = device::block_sum<kRowThreads>(sum_gh, scratch) / size;
    for (std::int64_t d = first; d < args.D; d += step) {
      const auto dy = load_pack<Compute, kSize>(static_cast<const Compute*>(args.dy) + at + d);
      const auto sum = load_pack<Stream, kSize>(static_cast<const Stream*>(args.sum) + at + d);
      Pack<Stream, kSize> dsum{};
      if (args.dsum != nullptr) {
        dsum = load_pack<Stream, kSize>(static_cast<const Stream*>(args.dsum) + at + d);
      }
      write_dx<Stream, Compute, kSize>(args, mask, row, at + d, d, dy, sum, dsum);
    }
  }
  if (mine == nullptr || !use_shared) return;
  for (std::int64_t d = first; d < args.D; d += step) {
#pragma unroll
    for (int i = 0; i < kSize; ++i) {
      mine[d + i] = sums[d + i];
      mine[args.D + d + i] = sums[args.D + d + i];
    }
  }
}

/// dweight, dbias <- beta old + the sum over blocks. 32 columns per block, 32 rows of partials at a
/// time, then the 32 sums of a column in order.
__global__ void __launch_bounds__(1024) sum_partials(const float* partial,
                                                     int num_partials,
                                                     std::int64_t D,
                                                     float* dweight,
                                                     float* dbias,
                                                     float beta) {
  __shared__ float sums[32][33];
  const int column = static_cast<int>(threadIdx.x) % 32, group = static_cast<int>(threadIdx.x) / 32;
  const std::int64_t j = std::int64_t{blockIdx.x} * 32 + column;
  float sum = 0.0F;
  if (j < 2 * D) {
#pragma unroll 4
    for (int p = group; p < num_partials; p += 32) sum += partial[p * 2 * D + j];
  }
  sums[group][column] = sum;
  __syncthreads();
  if (group != 0 || j >= 2 * D) return;
  float* target = j < D ? dweight : dbias;
  if (target == nullptr) return;
  float* out = target + (j < D ? j : j - D);
  float all = beta == 0.0F ? 0.0F : beta * *out;
  for (int g = 0; g < 32; ++g) all += sums[g][column];
  *out = all;
}

template <typename Stream, typename Compute, int kPacks>
int launch_packs(const Backward& args, cudaStream_t stream) {
  const std::int64_t rows = (args.N + kWarps - 1) / kWarps;
  const std::int64_t resident = std::int64_t{device::num_multiprocessors()} *
                                blocks_per_multiprocessor(kPacks * kWidth<Stream>);
  const std::int64_t most = resident < kMostPartials ? resident : kMostPartials;
  const auto blocks = static_cast<int>(rows < most ? rows : most);
  backward_warps<Stream, Compute, kPacks><<<blocks, 32 * kWarps, 0, stream>>>(args);
  return blocks;
}

template <typename Stream, typename Compute>
int launch_warps(const Backward& args, cudaStream_t stream) {
  switch (residual_norm::packs_per_lane(args.D, kWidth<Stream>)) {
    case 1:
      return launch_packs<Stream, Compute, 1>(args, stream);
    case 2:
      return launch_packs<Stream, Compute, 2>(args, stream);
    case 3:
      return launch_packs<Stream, Compute, 3>(args, stream);
    case 4:
      return launch_packs<Stream, Compute, 4>(args, stream);
    default:
      break;
  }
  if constexpr (kWidth<Stream> == 4) {
    return args.D <= 6 * 32 * 4 ? launch_packs<Stream, Compute, 6>(args, stream)
                                : launch_packs<Stream, Compute, 8>(args, stream);
  }
  return 0;
}

/// Gives the number of partials written.
template <typename Stream, typename Compute>
int launch(const Backward& args, cudaStream_t stream) {
  const void* pointers[] = {
      args.dy, args.dsum, args.sum, args.weight, args.dx, args.ddelta, args.partial};
  bool is_aligned = args.D % kWidth<Stream> == 0;
  for (const void* pointer : pointers) is_aligned = is_aligned && device::is_aligned(pointer, 16);
  if (is_aligned && args.D <= residual_norm::kWarpElements) {
    return launch_warps<Stream, Compute>(args, stream);
  }
  const std::int64_t resident = std::int64_t{device::num_multiprocessors()} * 4;
  const std::int64_t most = resident < kMostPartials ? resident : kMostPartials;
  const auto blocks = static_cast<int>(args.N < most ? args.N : most);
  const std::int64_t bytes = 2 * args.D * static_cast<std::int64_t>(sizeof(float));
  const bool use_shared = args.partial != nullptr && bytes + 256 <= kSharedBytes;
  const auto shared_bytes = static_cast<std::size_t>(use_shared ? bytes : 0);
  if (is_aligned) {
    backward_blocks<Stream, Compute, kWidth<Stream>>
        <<<blocks, kRowThreads, shared_bytes, stream>>>(args, use_shared);
  } else {
    backward_blocks<Stream, Compute, 1>
        <<<blocks, kRowThreads, shared_bytes, stream>>>(args, use_shared);
  }
  return blocks;
}

}  // namespace

std::size_t residual_norm_workspace_bytes(std::int64_t N, std::int64_t D) {
  const std::int64_t partials = N < 1 ? 1 : N < kMostPartials ? N : kMostPartials;
  return static_cast<std::size_t>(partials * 2 * D) * sizeof(float);
}

KernelStatus residual_norm_backward_cuda(const ResidualNorm& shape,
                                         const ResidualNormBackward& args,
                                         CudaStream stream) {
  const char* problem = residual_norm::problem(shape, args.state);
  if (problem != nullptr) return {problem};
  const bool has_sums = args.dweight != nullptr || args.dbias != nullptr;
  if (has_sums && args.workspace == nullptr) {
    return {"residual_norm: gradients of weight and bias need a workspace"};
  }
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  const Backward backward{args.dy,
                          args.dsum,
                          args.sum,
                          args.mean,
                          args.rstd,
                          args.weight,
                          args.dx,
                          args.ddelta,
                          has_sums ? static_cast<float*>(args.workspace) : nullptr,
                          shape.N,
                          shape.D,
                          shape.is_rms,
                          device::make_dropout(shape.dropout, shape.site, args.state)};
  int num_partials = 0;
  if (shape.N > 0) {
    if (shape.stream_dtype == Dtype::kBf16) {
      num_partials = launch<Bf16, Bf16>(backward, cuda_stream);
    } else if (shape.compute_dtype == Dtype::kBf16) {
      num_partials = launch<float, Bf16>(backward, cuda_stream);
    } else {
      num_partials = launch<float, float>(backward, cuda_stream);
    }
  }
  if (has_sums) {
    const auto blocks = static_cast<unsigned>((2 * shape.D + 31) / 32);
    sum_partials<<<blocks, 1024, 0, cuda_stream>>>(static_cast<const float*>(args.workspace),
                                                   num_partials,
                                                   shape.D,
                                                   args.dweight,
                                                   args.dbias,
                                                   args.beta);
  }
  return device::launched();
}

}  // namespace switchyard::kernels
