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

constexpr std::int64_t kMostPartials = 1024;
constexpr std::int64_t kSharedBytes = 48 * 1024;

struct Backward {
  const void* dy;
  const void* dsum;
  const void* sum;
  const float* mean;
  const float* rstd;
  const float* weight;
  const std::uint8_t* mask;  ///< null: drawn
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
                         unsigned bits,
                         const Row& row,
                         std::int64_t at,
                         const Pack<float, kSize>& weight,
                         const Pack<Compute, kSize>& dy,
                         const Pack<Stream, kSize>& sum,
                         const Pack<Stream, kSize>& dsum) {
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
  if (mask.is_active()) mask.apply_bits(bits, dx);
  Pack<Compute, kSize> ddelta;
#pragma unroll
  for (int i = 0; i < kSize; ++i) store(&ddelta.values[i], dx[i]);
  store_pack(static_cast<Compute*>(args.ddelta) + at, ddelta);
}

/// Most warps of a block, by the elements of a lane: what the registers of its sums allow.
constexpr int most_warps(int elements) {
  return elements <= 16 ? 16 : elements <= 24 ? 12 : 8;
}

/// What a lane reads of a row beside the packs, read while the row before it is under work.
template <int kPacks>
struct Saved {
  float mean = 0.0F, rstd = 0.0F;
  unsigned bits[kPacks] = {};
};

template <int kSize, typename T>
__device__ Saved<T::kPacks> load_saved(const Backward& args,
                                       bool has_bits,
                                       std::int64_t n,
                                       int lane) {
  Saved<T::kPacks> saved;
  if (n >= args.N) return saved;
  if (!args.is_rms) saved.mean = args.mean[n];
  saved.rstd = args.rstd[n];
  if (!has_bits) return saved;
  const int D = static_cast<int>(args.D);
  const std::uint8_t* bytes = args.mask + n * (D / 8);
#pragma unroll
  for (int k = 0; k < T::kPacks; ++k) {
    const int d = (k * T::kLanes + lane) * kSize;
    if (d < D) saved.bits[k] = residual_norm::stored_bits<kSize>(bytes, d);
  }
  return saved;
}

/// Writes the block's sums of dweight and dbias. In `shared`: per warp and row of its tile the two
/// sums of every column, `warp_bytes` a warp; added in order.
template <int kColumns, int kRows>
__device__ void write_partial(const Backward& args, const char* shared, int warp_bytes) {
  const int D = static_cast<int>(args.D), warps = static_cast<int>(blockDim.x) / 32;
  float* mine = args.partial + std::int64_t{blockIdx.x} * 2 * D;
  for (int d = static_cast<int>(threadIdx.x); d < D; d += static_cast<int>(blockDim.x)) {
    float dweight = 0.0F, dbias = 0.0F;
    for (int warp = 0; warp < warps; ++warp) {
      const auto* sums = reinterpret_cast<const float*>(shared + warp * warp_bytes);
#pragma unroll
      for (int row = 0; row < kRows; ++row) {
        dweight += sums[row * 2 * kColumns + d];
        dbias += sums[(row * 2 + 1) * kColumns + d];
      }
    }
    mine[d] = dweight;
    mine[D + d] = dbias;
  }
}

/// A warp per row or two; the next rows are under way while one is summed. The weight and the sums
/// of dweight and dbias stay in registers.
template <typename Stream, typename Compute, typename T>
__global__ void __launch_bounds__(32 * most_warps(T::kPacks * kWidth<Stream>), 1)
    backward_warps(const Backward args) {
  using InFlight = Rows<Stream, Compute, T, 2>;
  constexpr int kSize = kWidth<Stream>, kPacks = T::kPacks, kStages = InFlight::kStages;
  extern __shared__ float4 shared[];
  const Mask mask(args.dropout);
  const int warp = static_cast<int>(threadIdx.x) / 32,
            lane = static_cast<int>(threadIdx.x) % T::kLanes;
  const int row_of_warp = static_cast<int>(threadIdx.x) % 32 / T::kLanes;
  const int D = static_cast<int>(args.D), warps = static_cast<int>(blockDim.x) / 32;
  const InFlight rows(shared, warp, static_cast<int>(threadIdx.x) % 32);
  const std::int64_t step = std::int64_t{gridDim.x} * warps * T::kRows;
  std::int64_t first = (std::int64_t{blockIdx.x} * warps + warp) * T::kRows;  // of the warp
  const auto* dy = static_cast<const Compute*>(args.dy);
  const auto* sum = static_cast<const Stream*>(args.sum);
  const auto* dsum = static_cast<const Stream*>(args.dsum);
  // rows are copied long before they are written: dx may be dsum, ddelta may be dy
  const auto fetch = [&](std::int64_t n, int stage) {
    if (n < args.N) {
#pragma unroll
      for (int k = 0; k < kPacks; ++k) {
        const int d = (k * T::kLanes + lane) * kSize;
        if (d >= D) continue;
        residual_norm::copy_pack(rows.compute(stage, k), dy + n * D + d);
        residual_norm::copy_pack(rows.stream(stage, 0, k), sum + n * D + d);
        if (dsum == nullptr) continue;
        residual_norm::copy_pack(rows.stream(stage, 1, k), dsum + n * D + d);
      }
    }
    __pipeline_commit();
  };
#pragma unroll
  for (int stage = 0; stage < kStages; ++stage) fetch(first + row_of_warp + stage * step, stage);
  const bool is_dropped = args.ddelta != nullptr && mask.is_active();
  const bool has_bits = is_dropped && args.mask != nullptr;
  Saved<kPacks> saved = load_saved<kSize, T>(args, has_bits, first + row_of_warp, lane);
  Pack<float, kSize> weight[kPacks] = {};
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    const int d = (k * T::kLanes + lane) * kSize;
    if (d < D) weight[k] = load_pack<float, kSize>(args.weight + d);
  }
  float dweight[kPacks][kSize] = {}, dbias[kPacks][kSize] = {};
  for (int stage = 0; first < args.N; first += step) {
    const std::int64_t n = first + row_of_warp;
    const int columns = n < args.N ? D : 0;
    const Saved<kPacks> next = load_saved<kSize, T>(args, has_bits, n + step, lane);
    if (is_dropped && !has_bits) {
      residual_norm::draw_row<kSize, T>(mask, n * D, columns, lane, nullptr, saved.bits);
    }
    __pipeline_wait_prior(kStages - 1);
    Row row{saved.mean, saved.rstd, 0.0F, 0.0F};
    float sum_g = 0.0F, sum_gh = 0.0F;
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      if ((k * T::kLanes + lane) * kSize >= columns) continue;
      const Pack<Compute, kSize> dy_pack = *rows.compute(stage, k);
      const Pack<Stream, kSize> sum_pack = *rows.stream(stage, 0, k);
#pragma unroll
      for (int i = 0; i < kSize; ++i) {
        const float h = (to_float(sum_pack.values[i]) - row.mean) * row.rstd;
        const float dy_i = to_float(dy_pack.values[i]), g = dy_i * weight[k].values[i];
        sum_g += g;
        sum_gh += g * h;
        dweight[k][i] += dy_i * h;
        dbias[k][i] += dy_i;
      }
    }
    const auto size = static_cast<float>(D);
    row.mean_g = args.is_rms ? 0.0F : device::warp_sum<T::kLanes>(sum_g) / size;
    row.mean_gh = device::warp_sum<T::kLanes>(sum_gh) / size;
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int d = (k * T::kLanes + lane) * kSize;
      if (d >= columns) continue;
      Pack<Stream, kSize> later{};
      if (dsum != nullptr) later = *rows.stream(stage, 1, k);
      write_dx<Stream, Compute, kSize>(args,
                                       mask,
                                       saved.bits[k],
                                       row,
                                       n * D + d,
                                       weight[k],
                                       *rows.compute(stage, k),
                                       *rows.stream(stage, 0, k),
                                       later);
    }
    fetch(n + kStages * step, stage);  // into the stage just read
    stage = stage + 1 == kStages ? 0 : stage + 1;
    saved = next;
  }
  if (args.partial == nullptr) return;
  __syncwarp();  // every lane has read its stages, which now take the warp's sums
  constexpr int kColumns = T::kLanes * kPacks * kSize;
  static_assert(InFlight::kWarpBytes >= T::kRows * 2 * kColumns * static_cast<int>(sizeof(float)));
  auto* bytes = reinterpret_cast<char*>(shared);
  auto* sums = reinterpret_cast<float*>(bytes + warp * InFlight::kWarpBytes);
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
#pragma unroll
    for (int i = 0; i < kSize; ++i) {
      const int d = (k * T::kLanes + lane) * kSize + i;
      sums[row_of_warp * 2 * kColumns + d] = dweight[k][i];
      sums[(row_of_warp * 2 + 1) * kColumns + d] = dbias[k][i];
    }
  }
  __syncthreads();
  write_partial<kColumns, T::kRows>(args, bytes, InFlight::kWarpBytes);
}

/// One block per row, for any D that is a multiple of kSize. A thread has the same elements in
/// every row, so their sums need no lock: in shared memory if `use_shared`, else in the partial
/// itself.
template <typename Stream, typename Compute, int kSize>
__global__ void __launch_bounds__(kRowThreads)
    backward_blocks(const Backward args, bool use_shared) {
  extern __shared__ float4 shared[];
  __shared__ float scratch[32];
  const Mask mask(args.dropout);
  const bool is_dropped = args.ddelta != nullptr && mask.is_active();
  const std::int64_t step = kRowThreads * kSize;
  const std::int64_t first = std::int64_t{threadIdx.x} * kSize;
  float* mine =
      args.partial != nullptr ? args.partial + std::int64_t{blockIdx.x} * 2 * args.D : nullptr;
  float* sums = use_shared ? reinterpret_cast<float*>(shared) : mine;
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
      const auto weight = load_pack<float, kSize>(args.weight + d);
      unsigned bits = 0;
      if (is_dropped && args.mask != nullptr) {
        bits = residual_norm::stored_bits<kSize>(args.mask + n * ((args.D + 7) / 8), d);
      } else if (is_dropped) {
        bits = mask.draw_at<kSize>(at + d);
      }
      write_dx<Stream, Compute, kSize>(args, mask, bits, row, at + d, weight, dy, sum, dsum);
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

/// Gives the number of partials written.
template <typename Stream, typename Compute, typename T>
cudaError_t launch_warps(const Backward& args, cudaStream_t stream, int* num_partials) {
  constexpr int kWarpBytes = Rows<Stream, Compute, T, 2>::kWarpBytes;
  const residual_norm::Grid grid(
      args.N, T::kRows, most_warps(T::kPacks * kWidth<Stream>), kWarpBytes);
  const int bytes = grid.warps * kWarpBytes, threads = 32 * grid.warps;
  const auto kernel = backward_warps<Stream, Compute, T>;
  const cudaError_t error = device::allow_shared_bytes(kernel, bytes);
  if (error != cudaSuccess) return error;
  kernel<<<grid.blocks, threads, bytes, stream>>>(args);
  *num_partials = grid.blocks;
  return cudaGetLastError();
}

template <typename Stream, typename Compute>
cudaError_t launch(const Backward& args, cudaStream_t stream, int* num_partials) {
  const void* pointers[] = {
      args.dy, args.dsum, args.sum, args.weight, args.dx, args.ddelta, args.partial};
  bool is_aligned = args.D % kWidth<Stream> == 0;
  for (const void* pointer : pointers) is_aligned = is_aligned && device::is_aligned(pointer, 16);
  if (is_aligned && args.D % 8 == 0 && args.D <= residual_norm::kWarpElements) {
    cudaError_t error = cudaSuccess;
    residual_norm::with_tile<kWidth<Stream>>(args.D, [&](auto tile) {
      error = launch_warps<Stream, Compute, decltype(tile)>(args, stream, num_partials);
    });
    return error;
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
  *num_partials = blocks;
  return cudaGetLastError();
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
                          args.mask,
                          args.dx,
                          args.ddelta,
                          has_sums ? static_cast<float*>(args.workspace) : nullptr,
                          shape.N,
                          shape.D,
                          shape.is_rms,
                          device::make_dropout(shape.dropout, shape.site, args.state)};
  int num_partials = 0;
  if (shape.N > 0) {
    cudaError_t error = cudaSuccess;
    if (shape.stream_dtype == Dtype::kBf16) {
      error = launch<Bf16, Bf16>(backward, cuda_stream, &num_partials);
    } else if (shape.compute_dtype == Dtype::kBf16) {
      error = launch<float, Bf16>(backward, cuda_stream, &num_partials);
    } else {
      error = launch<float, float>(backward, cuda_stream, &num_partials);
    }
    if (error != cudaSuccess) return {cudaGetErrorString(error)};
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
