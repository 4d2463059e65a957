#include "kernels/include/gradient_norm.h"
#include "kernels/src/device.cuh"

namespace switchyard::kernels {
namespace {

using device::load_pack;

constexpr int kThreads = 256;
constexpr int kBatch = 4;  // loads under way at once
constexpr int kMostBlocks = 1024;

/// partial[block]: the squares of the block's packs, in the order of a fixed stride.
template <int kSize>
__global__ void __launch_bounds__(kThreads)
    sum_squares(const float* gradient, std::int64_t size, float* partial) {
  __shared__ float scratch[32];
  const std::int64_t step = std::int64_t{gridDim.x} * kThreads * kSize;
  std::int64_t at = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * kSize;
  float sums[kBatch] = {};
  for (; at + (kBatch - 1) * step + kSize <= size; at += kBatch * step) {
    device::Pack<float, kSize> packs[kBatch];
#pragma unroll
    for (int j = 0; j < kBatch; ++j) packs[j] = load_pack<float, kSize>(gradient + at + j * step);
#pragma unroll
    for (int j = 0; j < kBatch; ++j) {
#pragma unroll
      for (int i = 0; i < kSize; ++i) sums[j] += packs[j].values[i] * packs[j].values[i];
    }
  }
  for (; at < size; at += step) {
    for (std::int64_t i = at; i < size && i < at + kSize; ++i) sums[0] += gradient[i] * gradient[i];
  }
  const float sum = device::block_sum<kThreads>((sums[0] + sums[1]) + (sums[2] + sums[3]), scratch);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

/// The root of the sum of the partials, halving in a fixed order.
__global__ void __launch_bounds__(kMostBlocks)
    root_of_sum(const float* partial, int num_partials, float* norm) {
  __shared__ double sums[kMostBlocks];
  const int thread = static_cast<int>(threadIdx.x);
  sums[thread] = thread < num_partials ? static_cast<double>(partial[thread]) : 0.0;
  for (int width = kMostBlocks / 2; width > 0; width /= 2) {
    __syncthreads();
    if (thread < width) sums[thread] += sums[thread + width];
  }
  if (thread == 0) *norm = static_cast<float>(sqrt(sums[0]));
}

}  // namespace

std::size_t gradient_norm_workspace_bytes(std::int64_t /*size*/) {
  return kMostBlocks * sizeof(float);
}

KernelStatus gradient_norm_cuda(
    const float* gradient, std::int64_t size, float* norm, void* workspace, CudaStream stream) {
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  auto* partial = static_cast<float*>(workspace);
  constexpr std::int64_t kPerBlock = std::int64_t{kThreads} * 4 * kBatch;
  const std::int64_t wanted = (size + kPerBlock - 1) / kPerBlock;
  // as many blocks on every multiprocessor, so that none works longer
  const std::int64_t multiprocessors = device::num_multiprocessors();
  const std::int64_t even = kMostBlocks / multiprocessors * multiprocessors;
  const std::int64_t most = even > 0 ? even : kMostBlocks;
  const auto blocks = static_cast<int>(wanted < most ? wanted : most);
  if (size > 0) {
    if (device::is_aligned(gradient, 16)) {
      sum_squares<4><<<blocks, kThreads, 0, cuda_stream>>>(gradient, size, partial);
    } else {
      sum_squares<1><<<blocks, kThreads, 0, cuda_stream>>>(gradient, size, partial);
    }
  }
  root_of_sum<<<1, kMostBlocks, 0, cuda_stream>>>(partial, blocks, norm);
  return device::launched();
}

}  // namespace switchyard::kernels
