#include "kernels/include/expert_permutation.h"
#include "kernels/src/device.cuh"

namespace switchyard::kernels {
namespace {

constexpr unsigned kAllLanes = 0xFFFFFFFFU;
constexpr int kMostChunks = 128;
constexpr int kMaxExperts = 4095;
constexpr int kManyWarps = 8;
constexpr int kMostBinsOfManyWarps = 1024;  // whose tables fit in 48 KiB

/// Assignments in chunks of one block each; a warp has a contiguous part of its chunk. Bin E is for
/// assignments without an expert.
struct Sort {
  ExpertPermutation args;
  int num_bins;
  int chunk_size;
  int num_chunks;
  int* count_in_chunk;  ///< [num_bins, num_chunks]

  [[nodiscard]] __device__ int bin_of(std::int64_t i) const {
    const std::int32_t e = args.expert_index[i];
    return e >= 0 && e < args.E ? e : args.E;
  }

  [[nodiscard]] __device__ std::int64_t end_of(std::int64_t end) const {
    return end < args.num_assignments ? end : args.num_assignments;
  }
};

__global__ void __launch_bounds__(kManyWarps * 32) count_chunk_kernel(const Sort sort) {
  extern __shared__ int count[];
  for (int e = threadIdx.x; e < sort.num_bins; e += blockDim.x) count[e] = 0;
  __syncthreads();
  const std::int64_t begin = std::int64_t{blockIdx.x} * sort.chunk_size;
  const std::int64_t end = sort.end_of(begin + sort.chunk_size);
  for (std::int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
    atomicAdd(&count[sort.bin_of(i)], 1);
  }
  __syncthreads();
  for (int e = threadIdx.x; e < sort.num_bins; e += blockDim.x) {
    sort.count_in_chunk[e * sort.num_chunks + blockIdx.x] = count[e];
  }
}

/// Turns total[e] into the first row of bin e. One warp; block 0 also writes counts and offsets.
__device__ void scan_totals(const Sort& sort, int* total) {
  const int lane = threadIdx.x % 32;
  int before = 0;  // rows of earlier groups of 32 bins
  for (int first = 0; first < sort.num_bins; first += 32) {
    const int e = first + lane;
    const int own = e < sort.num_bins ? total[e] : 0;
    int end = own;
#pragma unroll
    for (int offset = 1; offset < 32; offset *= 2) {
      const int lower = __shfl_up_sync(kAllLanes, end, offset);
      if (lane >= offset) end += lower;
    }
    end += before;
    before = __shfl_sync(kAllLanes, end, 31);
    if (e < sort.num_bins) total[e] = end - own;
    if (blockIdx.x == 0 && e < sort.args.E) {
      if (sort.args.count != nullptr) sort.args.count[e] = own;
      sort.args.offsets[e] = end;
    }
  }
}

/// A block places its chunk: it sums the counts of earlier chunks and of earlier warps, then every
/// warp walks its part in order.
template <int kWarps>
__global__ void __launch_bounds__(kWarps * 32) place_chunk_kernel(const Sort sort) {
  extern __shared__ int tables[];
  int* next = tables;  // [kWarps, num_bins]: next row of a bin in the part of a warp
  int* total = next + kWarps * sort.num_bins;
  int* before = total + sort.num_bins;  // of the bin, in earlier chunks
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int i = threadIdx.x; i < kWarps * sort.num_bins; i += kWarps * 32) next[i] = 0;
  __syncthreads();
  int* own_next = next + warp * sort.num_bins;
  const int part_size = sort.chunk_size / kWarps;
  const std::int64_t begin = std::int64_t{blockIdx.x} * sort.chunk_size + warp * part_size;
  const std::int64_t end = sort.end_of(begin + part_size);
  for (std::int64_t i = begin + lane; i < end; i += 32) atomicAdd(&own_next[sort.bin_of(i)], 1);
  for (int e = warp; e < sort.num_bins; e += kWarps) {
    const int* counts = sort.count_in_chunk + e * sort.num_chunks;
    unsigned all = 0, earlier = 0;
    for (int chunk = lane; chunk < sort.num_chunks; chunk += 32) {
      const auto count = static_cast<unsigned>(counts[chunk]);
      all += count;
      if (chunk < static_cast<int>(blockIdx.x)) earlier += count;
    }
    all = __reduce_add_sync(kAllLanes, all);
    earlier = __reduce_add_sync(kAllLanes, earlier);
    if (lane == 0) {
      total[e] = static_cast<int>(all);
      before[e] = static_cast<int>(earlier);
    }
  }
  __syncthreads();
  if (warp == 0) scan_totals(sort, total);
  __syncthreads();
  for (int e = threadIdx.x; e < sort.num_bins; e += kWarps * 32) {
    int row = total[e] + before[e];
    for (int w = 0; w < kWarps; ++w) {
      const int count = next[w * sort.num_bins + e];
      next[w * sort.num_bins + e] = row;
      row += count;
    }
  }
  __syncthreads();
  for (std::int64_t first = begin; first < end; first += 32) {
    const std::int64_t i = first + lane;
    const int bin = i < end ? sort.bin_of(i) : -1;
    const unsigned same = __match_any_sync(kAllLanes, bin);
    const int place = __popc(same & ((1U << lane) - 1U));
    const int row = bin >= 0 ? own_next[bin] + place : 0;
    __syncwarp();
    if (bin >= 0 && place == 0) own_next[bin] = row + __popc(same);
    __syncwarp();
    if (bin < 0) continue;
    sort.args.row_from_slot[i] = bin < sort.args.E ? row : -1 - row;
    if (sort.args.slot_from_row != nullptr) sort.args.slot_from_row[row] = i;
  }
}

}  // namespace

std::size_t expert_permutation_workspace_bytes(std::int64_t /*num_assignments*/, int E) {
  const auto num_bins = static_cast<std::size_t>(E) + 1;
  return num_bins * kMostChunks * sizeof(int);
}

KernelStatus expert_permutation_cuda(const ExpertPermutation& args, CudaStream stream) {
  constexpr std::int64_t kMostAssignments = (std::int64_t{1} << 31) - 1;
  if (args.E < 1 || args.E > kMaxExperts) return {"expert_permutation: expected 1 <= E <= 4095"};
  if (args.num_assignments > kMostAssignments) return {"expert_permutation: too many assignments"};
  const int num_bins = args.E + 1;
  const bool has_many_warps = num_bins <= kMostBinsOfManyWarps;
  const int num_warps = has_many_warps ? kManyWarps : 1;
  const int num_threads = num_warps * 32;
  const std::int64_t in_chunk = (args.num_assignments + kMostChunks - 1) / kMostChunks;
  const auto steps = static_cast<int>((in_chunk + num_threads - 1) / num_threads);
  Sort sort{args, num_bins, steps * num_threads, 0, static_cast<int*>(args.workspace)};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  const std::size_t table_bytes = static_cast<std::size_t>(num_bins) * sizeof(int);
  if (args.num_assignments > 0) {
    sort.num_chunks =
        static_cast<int>((args.num_assignments + sort.chunk_size - 1) / sort.chunk_size);
    count_chunk_kernel<<<sort.num_chunks, kManyWarps * 32, table_bytes, cuda_stream>>>(sort);
  }
  const int blocks = sort.num_chunks > 0 ? sort.num_chunks : 1;  // one writes counts and offsets
  const std::size_t place_bytes = (static_cast<std::size_t>(num_warps) + 2) * table_bytes;
  if (has_many_warps) {
    place_chunk_kernel<kManyWarps><<<blocks, num_threads, place_bytes, cuda_stream>>>(sort);
  } else {
    place_chunk_kernel<1><<<blocks, num_threads, place_bytes, cuda_stream>>>(sort);
  }
  return device::launched();
}

}  // namespace switchyard::kernels
