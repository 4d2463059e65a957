#include <algorithm>

#include "kernels/include/expert_histogram.h"

namespace switchyard::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kMaxExperts = 6144;

__global__ void expert_histogram_kernel(const std::int32_t* __restrict__ expert_index,
                                        std::int64_t num_assignments,
                                        int E,
                                        unsigned long long* count) {
  extern __shared__ unsigned long long block_count[];
  for (int e = threadIdx.x; e < E; e += blockDim.x) block_count[e] = 0;
  __syncthreads();
  const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < num_assignments;
       i += stride) {
    const std::int32_t e = expert_index[i];
    if (e >= 0 && e < E) atomicAdd(&block_count[e], 1ULL);
  }
  __syncthreads();
  for (int e = threadIdx.x; e < E; e += blockDim.x) {
    if (block_count[e] != 0) atomicAdd(&count[e], block_count[e]);
  }
}

}  // namespace

KernelStatus expert_histogram_cuda(const std::int32_t* expert_index,
                                   std::int64_t num_assignments,
                                   int E,
                                   std::int64_t* count,
                                   CudaStream stream) {
  if (E < 1 || E > kMaxExperts) return {"expert_histogram: expected 1 <= E <= 6144"};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  const std::size_t bytes = static_cast<std::size_t>(E) * sizeof(unsigned long long);
  if (const cudaError_t error = cudaMemsetAsync(count, 0, bytes, cuda_stream);
      error != cudaSuccess) {
    return {cudaGetErrorString(error)};
  }
  if (num_assignments > 0) {
    const std::int64_t blocks =
        std::min<std::int64_t>((num_assignments + kThreads - 1) / kThreads, 1024);
    expert_histogram_kernel<<<static_cast<unsigned>(blocks), kThreads, bytes, cuda_stream>>>(
        expert_index, num_assignments, E, reinterpret_cast<unsigned long long*>(count));
  }
  const cudaError_t error = cudaGetLastError();
  return {error == cudaSuccess ? nullptr : cudaGetErrorString(error)};
}

}  // namespace switchyard::kernels
