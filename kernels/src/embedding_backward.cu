// The gradient of the table: positions are sorted by token (stably), the sorted order is cut into
// chunks, and a chunk sums the runs of equal tokens within it. A run that reaches over a border
// leaves one partial sum per chunk; a second kernel adds those up in order.
#include <cub/device/device_radix_sort.cuh>

#include "kernels/include/embedding.h"
#include "kernels/src/device.cuh"
#include "kernels/src/embedding.cuh"

namespace switchyard::kernels {
namespace {

using device::Bf16;
using device::Dropout;
using device::load_pack;
using device::Mask;
using device::Pack;
using device::store_pack;
using device::to_float;

using Key = std::uint32_t;

constexpr int kChunk = 64;           // sorted positions of a block
constexpr int kBatch = 8;            // loads under way at once
constexpr int kThreads = 256;        // of sorting blocks, and tokens per block there
constexpr int kMostSmallKeys = 129;  // tokens of a small table and the one outside it
constexpr std::int64_t kMostSmallBlocks = 512;

/// A small table over not too many tokens is sorted by counting, in two kernels.
bool use_counting(std::int64_t N, std::int64_t V) {
  return V < kMostSmallKeys && N <= kMostSmallBlocks * kThreads;
}

/// Where the parts of the scratch lie.
struct Workspace {
  Key *keys, *keys_unsorted;
  std::int32_t *order, *order_unsorted;
  std::int32_t* count;
  float *head, *tail;
  void* sort;
  std::size_t sort_bytes;
  std::size_t bytes;

  Workspace(void* base, std::int64_t N, std::int64_t D, std::int64_t V) {
    auto* at = static_cast<char*>(base);
    std::size_t used = 0;
    const auto take = [&](std::size_t size) {
      const std::size_t offset = used;
      used += (size + 255) / 256 * 256;
      return at + offset;
    };
    const auto num_tokens = static_cast<std::size_t>(N);
    const auto partial_bytes =
        static_cast<std::size_t>((N + kChunk - 1) / kChunk * D) * sizeof(float);
    const bool is_small = use_counting(N, V);
    keys = reinterpret_cast<Key*>(take(num_tokens * sizeof(Key)));
    order = reinterpret_cast<std::int32_t*>(take(num_tokens * sizeof(std::int32_t)));
    head = reinterpret_cast<float*>(take(partial_bytes));
    tail = reinterpret_cast<float*>(take(partial_bytes));
    const std::size_t unsorted = is_small ? 0 : num_tokens;
    keys_unsorted = reinterpret_cast<Key*>(take(unsorted * sizeof(Key)));
    order_unsorted = reinterpret_cast<std::int32_t*>(take(unsorted * sizeof(std::int32_t)));
    const std::size_t num_blocks = is_small ? (num_tokens + kThreads - 1) / kThreads : 0;
    count =
        reinterpret_cast<std::int32_t*>(take(num_blocks * kMostSmallKeys * sizeof(std::int32_t)));
    sort_bytes = 0;
    if (!is_small) sort_with(nullptr, N, V, nullptr);
    sort = take(sort_bytes);
    bytes = used;
  }

  /// The library's sort, or with a null `scratch` the question how much it needs.
  cudaError_t sort_with(void* scratch, std::int64_t N, std::int64_t V, cudaStream_t stream) {
    int num_bits = 0;
    while ((V >> num_bits) != 0) ++num_bits;  // keys reach V
    return cub::DeviceRadixSort::SortPairs(scratch,
                                           sort_bytes,
                                           keys_unsorted,
                                           keys,
                                           order_unsorted,
                                           order,
                                           static_cast<int>(N),
                                           0,
                                           num_bits,
                                           stream);
  }
};

/// A token's key: itself, or V outside the table.
__device__ Key key_of(std::int64_t token, std::int64_t V) {
  return static_cast<Key>(token >= 0 && token < V ? token : V);
}

__global__ void __launch_bounds__(kThreads) list_keys(
    const std::int64_t* tokens, std::int64_t N, std::int64_t V, Key* keys, std::int32_t* order) {
  const std::int64_t n = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (n >= N) return;
  keys[n] = key_of(tokens[n], V);
  order[n] = static_cast<std::int32_t>(n);
}

/// count[block, key]: tokens of each kind among the block's.
__global__ void __launch_bounds__(kThreads)
    count_keys(const std::int64_t* tokens, std::int64_t N, std::int64_t V, std::int32_t* count) {
  __shared__ std::int32_t counts[kMostSmallKeys];
  for (int k = static_cast<int>(threadIdx.x); k <= V; k += kThreads) counts[k] = 0;
  __syncthreads();
  const std::int64_t n = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (n < N) atomicAdd(&counts[key_of(tokens[n], V)], 1);  // integers: any order gives the same
  __syncthreads();
  std::int32_t* mine = count + std::int64_t{blockIdx.x} * (V + 1);
  for (int k = static_cast<int>(threadIdx.x); k <= V; k += kThreads) mine[k] = counts[k];
}

/// Puts the block's tokens at their places: after smaller keys, after equal keys of earlier blocks,
/// after equal keys of earlier threads.
__global__ void __launch_bounds__(kThreads) place_keys(const std::int64_t* tokens,
                                                       std::int64_t N,
                                                       std::int64_t V,
                                                       const std::int32_t* count,
                                                       Key* keys,
                                                       std::int32_t* order) {
  __shared__ Key block_keys[kThreads];
  __shared__ std::int32_t total[kMostSmallKeys], first[kMostSmallKeys];
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t n = std::int64_t{blockIdx.x} * kThreads + thread;
  const Key key = n < N ? key_of(tokens[n], V) : 0;
  block_keys[thread] = key;
  std::int32_t before = 0, all = 0;
  if (thread <= V) {
#pragma unroll 8
    for (unsigned b = 0; b < gridDim.x; ++b) {
      const std::int32_t c = count[std::int64_t{b} * (V + 1) + thread];
      all += c;
      if (b < blockIdx.x) before += c;
    }
    total[thread] = all;
  }
  __syncthreads();
  if (thread <= V) {
    for (int k = 0; k < thread; ++k) before += total[k];
    first[thread] = before;
  }
  __syncthreads();
  if (n >= N) return;
  std::int32_t place = first[key];
  for (int i = 0; i < thread; ++i) place += block_keys[i] == key ? 1 : 0;
  keys[place] = key;
  order[place] = static_cast<std::int32_t>(n);
}

struct Sums {
  const void* dx;
  const Key* keys;
  const std::int32_t* order;
  float* head;  ///< [chunks, D]: of the run that began in an earlier chunk
  float* tail;  ///< [chunks, D]: of the run that begins here and goes on in the next
  float* gradient;
  float beta;
  std::int64_t N;
  std::int64_t D;
  std::int64_t V;
  Dropout dropout;
};

/// gradient <- beta gradient + sum, one pack.
template <int kSize>
__device__ void add_to(float* gradient, float beta, const float (&sum)[kSize]) {
  Pack<float, kSize> out{};
  if (beta != 0.0F) out = load_pack<float, kSize>(gradient);
#pragma unroll
  for (int i = 0; i < kSize; ++i) out.values[i] = beta * out.values[i] + sum[i];
  store_pack(gradient, out);
}

template <int kSize>
__device__ void keep(float* partial, const float (&sum)[kSize]) {
  Pack<float, kSize> out;
#pragma unroll
  for (int i = 0; i < kSize; ++i) out.values[i] = sum[i];
  store_pack(partial, out);
}

/// One block per chunk, a thread per pack of columns.
template <typename Stream, int kSize>
__global__ void __launch_bounds__(kThreads) sum_chunks(const Sums args) {
  __shared__ Key keys[kChunk];
  __shared__ std::int32_t order[kChunk];
  const Mask mask(args.dropout);
  const std::int64_t begin = std::int64_t{blockIdx.x} * kChunk;
  const auto count = static_cast<int>(args.N - begin < kChunk ? args.N - begin : kChunk);
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) {
    keys[i] = args.keys[begin + i];
    order[i] = args.order[begin + i];
  }
  __syncthreads();
  const bool first_goes_on = begin > 0 && args.keys[begin - 1] == keys[0];
  const bool last_goes_on = begin + count < args.N && args.keys[begin + count] == keys[count - 1];
  const std::int64_t partial = std::int64_t{blockIdx.x} * args.D;
  const auto* dx = static_cast<const Stream*>(args.dx);
  const std::int64_t step = std::int64_t{blockDim.x} * kSize;
  for (std::int64_t d = std::int64_t{threadIdx.x} * kSize; d < args.D; d += step) {
    float sum[kSize] = {};
    Key key = keys[0];
    bool began_before = first_goes_on;
    for (int i = 0; i < count; i += kBatch) {
      Pack<Stream, kSize> batch[kBatch];
#pragma unroll
      for (int j = 0; j < kBatch; ++j) {
        if (i + j >= count) continue;
        batch[j] = load_pack<Stream, kSize>(dx + std::int64_t{order[i + j]} * args.D + d);
      }
#pragma unroll
      for (int j = 0; j < kBatch; ++j) {
        if (i + j >= count) continue;
        if (keys[i + j] != key) {
          if (began_before) {
            keep(args.head + partial + d, sum);
          } else if (key < args.V) {
            add_to(args.gradient + std::int64_t{key} * args.D + d, args.beta, sum);
          }
          key = keys[i + j];
          began_before = false;
#pragma unroll
          for (int k = 0; k < kSize; ++k) sum[k] = 0.0F;
        }
        float x[kSize];
#pragma unroll
        for (int k = 0; k < kSize; ++k) x[k] = to_float(batch[j].values[k]);
        mask.apply(std::int64_t{order[i + j]} * args.D + d, x);
#pragma unroll
        for (int k = 0; k < kSize; ++k) sum[k] += x[k];
      }
    }
    if (began_before) {
      keep(args.head + partial + d, sum);
    } else if (last_goes_on) {
      keep(args.tail + partial + d, sum);
    } else if (key < args.V) {
      add_to(args.gradient + std::int64_t{key} * args.D + d, args.beta, sum);
    }
  }
}

/// One block per chunk: if a run begins there and goes on, adds its parts.
template <int kSize>
__global__ void __launch_bounds__(kThreads) sum_borders(const Sums args) {
  const std::int64_t chunk = blockIdx.x;
  const std::int64_t begin = chunk * kChunk, end = begin + kChunk;
  if (end >= args.N) return;  // nothing follows
  const Key key = args.keys[end - 1];
  if (key >= args.V || args.keys[end] != key) return;
  if (begin > 0 && args.keys[begin - 1] == key) return;  // began before
  std::int64_t low = end, high = args.N;  // the first key beyond the run is in between
  while (low < high) {
    const std::int64_t middle = (low + high) / 2;
    if (args.keys[middle] <= key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const std::int64_t last = (low - 1) / kChunk;
  const std::int64_t step = std::int64_t{blockDim.x} * kSize;
  for (std::int64_t d = std::int64_t{threadIdx.x} * kSize; d < args.D; d += step) {
    const auto first = load_pack<float, kSize>(args.tail + chunk * args.D + d);
    float sum[kSize];
#pragma unroll
    for (int k = 0; k < kSize; ++k) sum[k] = first.values[k];
#pragma unroll 8
    for (std::int64_t c = chunk + 1; c <= last; ++c) {
      const auto part = load_pack<float, kSize>(args.head + c * args.D + d);
#pragma unroll
      for (int k = 0; k < kSize; ++k) sum[k] += part.values[k];
    }
    add_to(args.gradient + std::int64_t{key} * args.D + d, args.beta, sum);
  }
}

/// gradient[t] <- beta gradient[t] + sum over sequences; one warp per 32 packs of a position.
template <typename Stream, int kSize>
__global__ void __launch_bounds__(kThreads)
    sum_positions(const Sums args, std::int64_t T, std::int64_t warps_per_row) {
  const Mask mask(args.dropout);
  const std::int64_t warp = std::int64_t{blockIdx.x} * (kThreads / 32) + threadIdx.x / 32;
  const std::int64_t t = warp / warps_per_row;
  const std::int64_t d = (warp % warps_per_row * 32 + threadIdx.x % 32) * kSize;
  if (t >= T || d >= args.D) return;
  const auto* dx = static_cast<const Stream*>(args.dx);
  float sum[kSize] = {};
  for (std::int64_t n = t; n < args.N; n += kBatch * T) {
    Pack<Stream, kSize> batch[kBatch];
#pragma unroll
    for (int j = 0; j < kBatch; ++j) {
      if (n + j * T >= args.N) continue;
      batch[j] = load_pack<Stream, kSize>(dx + (n + j * T) * args.D + d);
    }
#pragma unroll
    for (int j = 0; j < kBatch; ++j) {
      if (n + j * T >= args.N) continue;
      float x[kSize];
#pragma unroll
      for (int k = 0; k < kSize; ++k) x[k] = to_float(batch[j].values[k]);
      mask.apply((n + j * T) * args.D + d, x);
#pragma unroll
      for (int k = 0; k < kSize; ++k) sum[k] += x[k];
    }
  }
  add_to(args.gradient + t * args.D + d, args.beta, sum);
}

cudaError_t sort_tokens(const std::int64_t* tokens,
                        const Embedding& shape,
                        Workspace& workspace,
                        cudaStream_t stream) {
  const std::int64_t N = shape.N, V = shape.V;
  const auto blocks = static_cast<unsigned>((N + kThreads - 1) / kThreads);
  if (use_counting(N, V)) {
    count_keys<<<blocks, kThreads, 0, stream>>>(tokens, N, V, workspace.count);
    place_keys<<<blocks, kThreads, 0, stream>>>(
        tokens, N, V, workspace.count, workspace.keys, workspace.order);
    return cudaGetLastError();
  }
  list_keys<<<blocks, kThreads, 0, stream>>>(
      tokens, N, V, workspace.keys_unsorted, workspace.order_unsorted);
  return workspace.sort_with(workspace.sort, N, V, stream);
}

template <typename Stream, int kSize>
void launch_table(const Sums& sums, cudaStream_t stream) {
  const std::int64_t packs = (sums.D + kSize - 1) / kSize;
  const auto threads = static_cast<unsigned>(packs < kThreads ? (packs + 31) / 32 * 32 : kThreads);
  const auto chunks = static_cast<unsigned>((sums.N + kChunk - 1) / kChunk);
  sum_chunks<Stream, kSize><<<chunks, threads, 0, stream>>>(sums);
  sum_borders<kSize><<<chunks, threads, 0, stream>>>(sums);
}

template <typename Stream, int kSize>
void launch_positions(const Sums& sums, std::int64_t T, cudaStream_t stream) {
  const std::int64_t warps_per_row = (sums.D + 32 * kSize - 1) / (32 * kSize);
  const auto blocks =
      static_cast<unsigned>((T * warps_per_row + kThreads / 32 - 1) / (kThreads / 32));
  sum_positions<Stream, kSize><<<blocks, kThreads, 0, stream>>>(sums, T, warps_per_row);
}

template <typename Stream>
KernelStatus launch(const Embedding& shape, const EmbeddingBackward& args, cudaStream_t stream) {
  Sums sums{};
  sums.dx = args.dx;
  sums.N = shape.N;
  sums.D = shape.D;
  sums.V = shape.V;
  sums.dropout = device::make_dropout(shape.dropout, shape.site, args.state);
  const bool is_wide = shape.D % 4 == 0 && device::is_aligned(args.dx, 16);
  if (args.dtable != nullptr) {
    sums.gradient = args.dtable;
    sums.beta = args.beta_table;
    if (args.beta_table == 0.0F) {
      const auto bytes = static_cast<std::size_t>(shape.V * shape.D) * sizeof(float);
      const cudaError_t error = cudaMemsetAsync(args.dtable, 0, bytes, stream);
      if (error != cudaSuccess) return {cudaGetErrorString(error)};
    }
    if (shape.N > 0) {
      Workspace workspace(args.workspace, shape.N, shape.D, shape.V);
      const cudaError_t error = sort_tokens(args.tokens, shape, workspace, stream);
      if (error != cudaSuccess) return {cudaGetErrorString(error)};
      sums.keys = workspace.keys;
      sums.order = workspace.order;
      sums.head = workspace.head;
      sums.tail = workspace.tail;
      if (is_wide && device::is_aligned(args.dtable, 16)) {
        launch_table<Stream, 4>(sums, stream);
      } else {
        launch_table<Stream, 1>(sums, stream);
      }
    }
  }
  if (args.dposition != nullptr) {
    sums.gradient = args.dposition;
    sums.beta = args.beta_position;
    if (is_wide && device::is_aligned(args.dposition, 16)) {
      launch_positions<Stream, 4>(sums, shape.T, stream);
    } else {
      launch_positions<Stream, 1>(sums, shape.T, stream);
    }
  }
  return device::launched();
}

}  // namespace

std::size_t embedding_workspace_bytes(std::int64_t N, std::int64_t D, std::int64_t V) {
  return Workspace(nullptr, N, D, V).bytes;
}

KernelStatus embedding_backward_cuda(const Embedding& shape,
                                     const EmbeddingBackward& args,
                                     CudaStream stream) {
  const char* problem = embedding::problem(shape, args.state);
  if (problem != nullptr) return {problem};
  if (args.dtable != nullptr && shape.N > 0 && args.workspace == nullptr) {
    return {"embedding: the gradient of the table needs a workspace"};
  }
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  return shape.stream_dtype == Dtype::kBf16 ? launch<Bf16>(shape, args, cuda_stream)
                                            : launch<float>(shape, args, cuda_stream);
}

}  // namespace switchyard::kernels
