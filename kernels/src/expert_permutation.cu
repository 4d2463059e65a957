#include <cub/block/block_reduce.cuh>
#include <cub/block/block_scan.cuh>

#include "kernels/include/expert_histogram.h"
#include "kernels/include/expert_permutation.h"

namespace switchyard::kernels {
namespace {

constexpr int kThreads = 1024;

/// One block per expert walks all assignments in order and places its own: stable without sorting.
__global__ void __launch_bounds__(kThreads)
    expert_permutation_kernel(const std::int32_t* __restrict__ expert_index,
                              std::int64_t num_assignments,
                              const std::int64_t* __restrict__ count,
                              std::int64_t* __restrict__ row_from_slot,
                              std::int64_t* __restrict__ slot_from_row) {
  using Reduce = cub::BlockReduce<std::int64_t, kThreads>;
  using Scan = cub::BlockScan<int, kThreads>;

  __shared__ union {
    typename Reduce::TempStorage reduce;
    typename Scan::TempStorage scan;
  } shared;

  __shared__ std::int64_t first_row;
  const int expert = static_cast<int>(blockIdx.x);
  std::int64_t before = 0;
  for (int e = threadIdx.x; e < expert; e += kThreads) before += count[e];
  const std::int64_t sum = Reduce(shared.reduce).Sum(before);
  if (threadIdx.x == 0) first_row = sum;
  __syncthreads();
  std::int64_t row = first_row;
  for (std::int64_t begin = 0; begin < num_assignments; begin += kThreads) {
    const std::int64_t i = begin + threadIdx.x;
    const int is_mine = i < num_assignments && expert_index[i] == expert ? 1 : 0;
    int place = 0, total = 0;
    Scan(shared.scan).ExclusiveSum(is_mine, place, total);
    if (is_mine != 0) {
      row_from_slot[i] = row + place;
      slot_from_row[row + place] = i;
    }
    row += total;
    __syncthreads();
  }
}

}  // namespace

KernelStatus expert_permutation_cuda(const std::int32_t* expert_index,
                                     std::int64_t num_assignments,
                                     int E,
                                     std::int64_t* row_from_slot,
                                     std::int64_t* slot_from_row,
                                     std::int64_t* count,
                                     CudaStream stream) {
  const KernelStatus counted =
      expert_histogram_cuda(expert_index, num_assignments, E, count, stream);
  if (!counted.ok() || num_assignments == 0) return counted;
  expert_permutation_kernel<<<static_cast<unsigned>(E),
                              kThreads,
                              0,
                              static_cast<cudaStream_t>(stream)>>>(
      expert_index, num_assignments, count, row_from_slot, slot_from_row);
  const cudaError_t error = cudaGetLastError();
  return {error == cudaSuccess ? nullptr : cudaGetErrorString(error)};
}

}  // namespace switchyard::kernels
