#include <algorithm>
#include <type_traits>

#include "kernels/src/decode_linear.cuh"

namespace switchyard::kernels {
namespace {

using decode_linear::Added;
using decode_linear::Call;
using decode_linear::kMostRows;
using decode_linear::load_added;
using decode_linear::load_biases;
using decode_linear::load_residual;
using decode_linear::write_output;
using device::Bf16;

constexpr int kMostThreads = 512;
constexpr int kBoundThreads = 768;  // for fewer registers: three blocks of 256 threads fit
constexpr int kTileColumns = 8;     // outputs of a tile: columns of one mma
constexpr int kChunk = 32;          // elements of K that a warp takes at a time: two mma
constexpr int kDepth = 6;           // chunks whose weights are in flight at once
constexpr std::size_t kMostSharedBytes = 200 * 1024;  // of a block, where the device has them

// ---- norm --------------------------------------------------------------------------------------

__device__ float4 load_four(const float* at) {
  return __ldcg(reinterpret_cast<const float4*>(at));
}

__device__ float4 load_four(const Bf16* at) {
  const uint2 bits = __ldcg(reinterpret_cast<const uint2*>(at));
  return {__uint_as_float(bits.x << 16U),
          __uint_as_float(bits.x & 0xFFFF0000U),
          __uint_as_float(bits.y << 16U),
          __uint_as_float(bits.y & 0xFFFF0000U)};
}

__device__ float sum_of(const float4& x) {
  return (x.x + x.y) + (x.z + x.w);
}

__device__ float4 centred(const float4& x, float mean) {
  return {x.x - mean, x.y - mean, x.z - mean, x.w - mean};
}

__device__ float squares_of(const float4& x) {
  return (x.x * x.x + x.y * x.y) + (x.z * x.z + x.w * x.w);
}

/// Weights and biases of the norm in shared memory, K each.
__device__ void load_affine(const Call& call, float* affine) {
  const int K = static_cast<int>(call.shape.K);
  const int step = static_cast<int>(blockDim.x) * 4;
  for (int k = static_cast<int>(threadIdx.x) * 4; k < K; k += step) {
    float4 shift{0.0F, 0.0F, 0.0F, 0.0F};
    if (call.args.norm_bias != nullptr) {
      shift = *reinterpret_cast<const float4*>(call.args.norm_bias + k);
    }
    *reinterpret_cast<float4*>(affine + k) =
        *reinterpret_cast<const float4*>(call.args.norm_weight + k);
    *reinterpret_cast<float4*>(affine + K + k) = shift;
  }
}

/// Four elements of a normalised row, from column d on.
__device__ void write_normed(
    const float* affine, int K, int d, const float4& x, float mean, float rstd, Bf16* to) {
  const float4 scale = *reinterpret_cast<const float4*>(affine + d);
  const float4 shift = *reinterpret_cast<const float4*>(affine + K + d);
  const float4 h = centred(x, mean);
  const __nv_bfloat162 low =
      __floats2bfloat162_rn(h.x * rstd * scale.x + shift.x, h.y * rstd * scale.y + shift.y);
  const __nv_bfloat162 high =
      __floats2bfloat162_rn(h.z * rstd * scale.z + shift.z, h.w * rstd * scale.w + shift.w);
  *reinterpret_cast<__nv_bfloat162*>(to + d) = low;
  *reinterpret_cast<__nv_bfloat162*>(to + d + 2) = high;
}

/// One warp normalises one row into shared memory; K is a multiple of 8. The first 768 elements
/// stay in registers between the passes.
template <typename Stream>
__device__ void normalise_row(const Call& call, const float* affine, const Stream* row, Bf16* to) {
  constexpr int kKept = 6;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int K = static_cast<int>(call.shape.K);
  const auto size = static_cast<float>(K);
  float4 kept[kKept];
#pragma unroll
  for (int i = 0; i < kKept; ++i) {
    const int d = (i * 32 + lane) * 4;
    kept[i] = d < K ? load_four(row + d) : float4{0.0F, 0.0F, 0.0F, 0.0F};
  }
  const int rest = kKept * 128 + lane * 4;
  float mean = 0.0F;
  if (!call.shape.is_rms) {
    float total = 0.0F;
#pragma unroll
    for (int i = 0; i < kKept; ++i) total += sum_of(kept[i]);
    for (int d = rest; d < K; d += 128) total += sum_of(load_four(row + d));
    mean = device::warp_sum(total) / size;
  }
  float squares = 0.0F;
#pragma unroll
  for (int i = 0; i < kKept; ++i) {
    if ((i * 32 + lane) * 4 < K) squares += squares_of(centred(kept[i], mean));
  }
  for (int d = rest; d < K; d += 128) squares += squares_of(centred(load_four(row + d), mean));
  const float rstd = 1.0F / sqrtf(device::warp_sum(squares) / size + call.shape.eps);
#pragma unroll
  for (int i = 0; i < kKept; ++i) {
    const int d = (i * 32 + lane) * 4;
    if (d < K) write_normed(affine, K, d, kept[i], mean, rstd, to);
  }
  for (int d = rest; d < K; d += 128) {
    write_normed(affine, K, d, load_four(row + d), mean, rstd, to);
  }
}

// ---- tensor cores ------------------------------------------------------------------------------

/// c += a b with a [16, 16] and b [16, 8]; which element of K a position means is free, so each
/// lane holds consecutive ones.
__device__ void multiply_add(float (&c)[4],
                             std::uint32_t a0,
                             std::uint32_t a1,
                             std::uint32_t a2,
                             std::uint32_t a3,
                             std::uint32_t b0,
                             std::uint32_t b1) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
#endif
}

/// Weights of a lane: eight elements of one row per chunk.
template <int kMatrices>
struct Weights {
  uint4 of[kMatrices][kDepth];
};

template <int kMatrices>
__device__ void load_weights(const Call& call,
                             std::int64_t tile,
                             int first_chunk,
                             Weights<kMatrices>& weights) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t n = tile * kTileColumns + lane / 4, K = call.shape.K;
#pragma unroll
  for (int i = 0; i < kDepth; ++i) {
    const std::int64_t k = std::int64_t{first_chunk + i * call.split} * kChunk + lane % 4 * 8;
    const bool is_inside = n < call.shape.N && k < K;
#pragma unroll
    for (int matrix = 0; matrix < kMatrices; ++matrix) {
      const auto* from = static_cast<const Bf16*>(matrix == 0 ? call.args.weight : call.args.gate);
      weights.of[matrix][i] = is_inside ? __ldg(reinterpret_cast<const uint4*>(from + n * K + k))
                                        : uint4{0U, 0U, 0U, 0U};
    }
  }
}

/// Eight elements of row m from column k on, zeros outside.
template <bool kHasNorm>
__device__ uint4 load_input(const Call& call, const Bf16* normed, std::int64_t m, std::int64_t k) {
  if (m >= call.shape.M || k >= call.shape.K) return {0U, 0U, 0U, 0U};
  if constexpr (kHasNorm) {
    return *reinterpret_cast<const uint4*>(normed + m * call.row_stride + k);
  } else {
    const auto* x = static_cast<const Bf16*>(call.args.x);
    return __ldcg(reinterpret_cast<const uint4*>(x + m * call.shape.K + k));
  }
}

template <bool kHasNorm, int kMatrices, int kRowTiles>
__device__ void multiply(const Call& call,
                         const Bf16* normed,
                         int first_chunk,
                         const Weights<kMatrices>& weights,
                         float (&sums)[kMatrices][kRowTiles][4]) {
  constexpr int kAhead = kHasNorm ? 1 : kDepth;  // chunks whose input is in flight at once
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int first = 0; first < kDepth; first += kAhead) {
    const std::int64_t begin = std::int64_t{first_chunk + first * call.split} * kChunk;
    if (begin >= call.shape.K) break;  // the same for the whole warp
#pragma unroll
    for (int rows = 0; rows < kRowTiles; ++rows) {
      const int m = rows * 16 + lane / 4;
      uint4 upper[kAhead], lower[kAhead];
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        const std::int64_t k = begin + i * call.split * kChunk + lane % 4 * 8;
        upper[i] = load_input<kHasNorm>(call, normed, m, k);
        lower[i] = load_input<kHasNorm>(call, normed, m + 8, k);
      }
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
#pragma unroll
        for (int matrix = 0; matrix < kMatrices; ++matrix) {
          const uint4& w = weights.of[matrix][first + i];
          float(&c)[4] = sums[matrix][rows];
          multiply_add(c, upper[i].x, lower[i].x, upper[i].y, lower[i].y, w.x, w.y);
          multiply_add(c, upper[i].z, lower[i].z, upper[i].w, lower[i].w, w.z, w.w);
        }
      }
    }
  }
}

/// Each group of `split` warps takes one tile of eight outputs of all rows at a time and shares its
/// K; their sums are added in order.
template <bool kHasNorm, int kMatrices, int kRowTiles>
__global__ void __launch_bounds__(kHasNorm&& kMatrices == 1 ? kBoundThreads : kMostThreads)
    tile_kernel(const Call call) {
  extern __shared__ uint4 shared[];
  constexpr int kRows = 16 * kRowTiles, kTile = kRows * kTileColumns;
  const int M = static_cast<int>(call.shape.M);
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int num_warps = static_cast<int>(blockDim.x) / 32, num_groups = num_warps / call.split;
  const int group = warp / call.split, part = warp % call.split;
  const std::int64_t num_tiles = (call.shape.N + kTileColumns - 1) / kTileColumns;
  float* const affine = reinterpret_cast<float*>(shared);
  Bf16* const normed = reinterpret_cast<Bf16*>(affine + (kHasNorm ? 2 * call.shape.K : 0));
  float* const partial = reinterpret_cast<float*>(normed + (kHasNorm ? M * call.row_stride : 0));

  const auto own = static_cast<int>(threadIdx.x);
  const int num_outputs = num_groups * M * kTileColumns;
  const std::int64_t step = std::int64_t{gridDim.x} * num_groups;
  std::int64_t first_tile = std::int64_t{blockIdx.x} * num_groups;
  const auto column_of = [&](int output) {
    return (first_tile + output / (M * kTileColumns)) * kTileColumns + output % kTileColumns;
  };
  const auto row_of = [&](int output) { return output / kTileColumns % M; };
  const auto is_output = [&](int output) {
    return output < num_outputs && column_of(output) < call.shape.N;
  };

  Weights<kMatrices> weights;
  Added early;  // of this thread's first output
  load_weights(call, first_tile + group, part, weights);
  if (is_output(own)) load_biases<Bf16>(call, column_of(own), early);
  device::let_next_start();
  if constexpr (kHasNorm) {
    load_affine(call, affine);
    __syncthreads();
  }
  device::wait_for_previous();
  if (is_output(own)) load_residual(call, row_of(own), column_of(own), early);
  if constexpr (kHasNorm) {
    for (int m = warp; m < M; m += num_warps) {
      Bf16* const to = normed + m * call.row_stride;
      const std::int64_t row = m * call.shape.K;
      if (call.shape.in_dtype == Dtype::kF32) {
        normalise_row(call, affine, static_cast<const float*>(call.args.x) + row, to);
      } else {
        normalise_row(call, affine, static_cast<const Bf16*>(call.args.x) + row, to);
      }
    }
    __syncthreads();
  }

  while (first_tile < num_tiles) {
    float sums[kMatrices][kRowTiles][4] = {};
    for (int chunk = part;;) {
      multiply<kHasNorm, kMatrices, kRowTiles>(call, normed, chunk, weights, sums);
      chunk += kDepth * call.split;
      if (std::int64_t{chunk} * kChunk >= call.shape.K) break;
      load_weights(call, first_tile + group, chunk, weights);
    }
    load_weights(call, first_tile + step + group, part, weights);
#pragma unroll
    for (int matrix = 0; matrix < kMatrices; ++matrix) {
#pragma unroll
      for (int rows = 0; rows < kRowTiles; ++rows) {
        float* const to = partial + (warp * kMatrices + matrix) * kTile +
                          (rows * 16 + lane / 4) * kTileColumns + lane % 4 * 2;
        const float(&c)[4] = sums[matrix][rows];
        *reinterpret_cast<float2*>(to) = {c[0], c[1]};
        *reinterpret_cast<float2*>(to + 8 * kTileColumns) = {c[2], c[3]};
      }
    }
    __syncthreads();
    for (int output = own; is_output(output); output += static_cast<int>(blockDim.x)) {
      const std::int64_t n = column_of(output);
      const int m = row_of(output), of_group = output / (M * kTileColumns);
      float totals[kMatrices] = {};
      for (int i = 0; i < call.split; ++i) {
#pragma unroll
        for (int matrix = 0; matrix < kMatrices; ++matrix) {
          totals[matrix] += partial[((of_group * call.split + i) * kMatrices + matrix) * kTile +
                                    m * kTileColumns + output % kTileColumns];
        }
      }
      write_output(call,
                   m,
                   n,
                   totals[0],
                   totals[kMatrices - 1],
                   output == own ? early : load_added<Bf16>(call, m, n));
    }
    first_tile += step;
    if (is_output(own)) early = load_added<Bf16>(call, row_of(own), column_of(own));
    __syncthreads();
  }
}

// ---- launch ------------------------------------------------------------------------------------

constexpr std::size_t kSharedBytesOfAny = 48 * 1024;  // without asking for more

std::size_t shared_limit() {
  int device = 0, bytes = 0;
  if (cudaGetDevice(&device) != cudaSuccess ||
      cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) !=
          cudaSuccess) {
    return kSharedBytesOfAny;
  }
  return std::clamp(static_cast<std::size_t>(bytes), kSharedBytesOfAny, kMostSharedBytes);
}

template <bool kHasNorm, int kMatrices, int kRowTiles>
KernelStatus launch_tiles(const Call& call, const device::LaunchShape& grid, CudaStream stream) {
  const auto kernel = tile_kernel<kHasNorm, kMatrices, kRowTiles>;
  if (grid.shared_bytes > kSharedBytesOfAny) {
    const cudaError_t error = cudaFuncSetAttribute(
        kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_limit()));
    if (error != cudaSuccess) return {cudaGetErrorString(error)};
  }
  return device::launch(kernel, grid, stream, call);
}

const char* problem(const DecodeLinear& shape, const DecodeLinearArguments& args) {
  if (shape.M < 0 || shape.M > kMostRows || shape.N < 1 || shape.K < 1) {
    return "decode_linear: expected 0 <= M <= 32 and N, K >= 1";
  }
  const bool is_f32 = shape.weight_dtype == Dtype::kF32;
  if (is_f32 && (shape.in_dtype != Dtype::kF32 || shape.out_dtype != Dtype::kF32)) {
    return "decode_linear: f32 weights go with f32 x and y";
  }
  if (args.norm_weight == nullptr && shape.in_dtype != shape.weight_dtype) {
    return "decode_linear: without a norm x has the type of the weights";
  }
  if (shape.activation == DecodeActivation::kSwiglu && args.gate == nullptr) {
    return "decode_linear: SwiGLU needs a gate";
  }
  return nullptr;
}

/// Elements between normalised rows: half a line of banks more than whole lines.
std::int64_t row_stride(std::int64_t K) {
  return (K + 63) / 64 * 64 + 32;
}

std::size_t partial_bytes(const DecodeLinear& shape, int num_warps) {
  const std::size_t rows = shape.M > 16 ? 32 : 16;
  const std::size_t matrices = shape.activation == DecodeActivation::kSwiglu ? 2 : 1;
  return static_cast<std::size_t>(num_warps) * matrices * rows * kTileColumns * sizeof(float);
}

bool is_tiled(const DecodeLinear& shape, const DecodeLinearArguments& args) {
  bool all_aligned = shape.weight_dtype == Dtype::kBf16 && shape.K % 8 == 0;
  for (const void* pointer : {args.x,
                              args.weight,
                              args.gate,
                              static_cast<const void*>(args.norm_weight),
                              static_cast<const void*>(args.norm_bias)}) {
    all_aligned = all_aligned && device::is_aligned(pointer, 16);
  }
  return all_aligned;
}

/// As many rows at a time as shared memory has room for after the norm; 0: not even eight.
std::int64_t rows_at_a_time(const DecodeLinear& shape, bool has_norm) {
  if (!has_norm) return kMostRows;
  for (std::int64_t rows = kMostRows; rows >= 8; rows /= 2) {
    DecodeLinear part = shape;
    part.M = rows;
    const std::int64_t bytes = rows * row_stride(shape.K) * 2 + 2 * shape.K * 4;
    if (static_cast<std::size_t>(bytes) + partial_bytes(part, kMostThreads / 32) <=
        shared_limit()) {
      return rows;
    }
  }
  return 0;
}

KernelStatus run_tiles(const DecodeLinear& shape,
                       const DecodeLinearArguments& args,
                       CudaStream stream) {
  const bool has_norm = args.norm_weight != nullptr;
  const int num_multiprocessors = device::num_multiprocessors();
  const std::int64_t num_tiles = (shape.N + kTileColumns - 1) / kTileColumns;
  const bool is_long = num_tiles > 8 * std::int64_t{num_multiprocessors};
  const bool has_wide_blocks = shape.K >= 2048 || (has_norm && shape.M > 4 && !is_long);
  const int num_warps = has_wide_blocks ? 16 : 8;
  const Call call{shape,
                  args,
                  is_long           ? 2
                  : shape.K >= 2048 ? 16
                                    : 8,
                  static_cast<int>(row_stride(shape.K))};
  const std::int64_t num_groups = num_warps / call.split;
  // Blocks that stay for several tiles normalise the rows once for all of them.
  const std::int64_t per_multiprocessor = !has_norm ? 16 : shape.M <= 4 ? 3 : is_long ? 2 : 1;
  device::LaunchShape grid;
  grid.num_blocks = static_cast<unsigned>(std::min<std::int64_t>(
      (num_tiles + num_groups - 1) / num_groups, per_multiprocessor * num_multiprocessors));
  grid.num_threads = static_cast<unsigned>(32 * num_warps);
  grid.may_overlap = shape.may_overlap;
  grid.shared_bytes = partial_bytes(shape, num_warps);
  if (has_norm) {
    grid.shared_bytes += static_cast<std::size_t>(shape.M * call.row_stride * 2 + 2 * shape.K * 4);
  }
  const bool has_gate = shape.activation == DecodeActivation::kSwiglu, is_tall = shape.M > 16;
  if (has_norm) {
    if (has_gate) {
      return is_tall ? launch_tiles<true, 2, 2>(call, grid, stream)
                     : launch_tiles<true, 2, 1>(call, grid, stream);
    }
    return is_tall ? launch_tiles<true, 1, 2>(call, grid, stream)
                   : launch_tiles<true, 1, 1>(call, grid, stream);
  }
  if (has_gate) {
    return is_tall ? launch_tiles<false, 2, 2>(call, grid, stream)
                   : launch_tiles<false, 2, 1>(call, grid, stream);
  }
  return is_tall ? launch_tiles<false, 1, 2>(call, grid, stream)
                 : launch_tiles<false, 1, 1>(call, grid, stream);
}

/// The rows from m on.
DecodeLinearArguments rows_from(const DecodeLinear& shape,
                                DecodeLinearArguments args,
                                std::int64_t m) {
  const auto moved = [&](auto* pointer, std::int64_t columns, Dtype dtype) {
    using Byte = std::
        conditional_t<std::is_const_v<std::remove_pointer_t<decltype(pointer)>>, const char, char>;
    const std::int64_t bytes = m * columns * (dtype == Dtype::kF32 ? 4 : 2);
    return pointer == nullptr ? pointer : static_cast<Byte*>(pointer) + bytes;
  };
  args.x = moved(args.x, shape.K, shape.in_dtype);
  args.residual = moved(args.residual, shape.N, shape.out_dtype);
  args.y = moved(args.y, shape.N, shape.out_dtype);
  return args;
}

}  // namespace

KernelStatus decode_linear_cuda(const DecodeLinear& shape,
                                const DecodeLinearArguments& args,
                                CudaStream stream) {
  if (const char* message = problem(shape, args)) return {message};
  if (shape.M == 0) return {};
  const std::int64_t most =
      is_tiled(shape, args) ? rows_at_a_time(shape, args.norm_weight != nullptr) : 0;
  if (most == 0) return decode_linear::run_scalar(shape, args, stream);
  for (std::int64_t m = 0; m < shape.M; m += most) {
    DecodeLinear part = shape;
    part.M = std::min(most, shape.M - m);
    part.may_overlap = shape.may_overlap && m == 0;
    const KernelStatus status = run_tiles(part, rows_from(shape, args, m), stream);
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace switchyard::kernels
