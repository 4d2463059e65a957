#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <cuda_runtime_api.h>

namespace switchyard::kernels {

inline constexpr int kNumRounds = 3;

/// Device memory; ends the program where there is none.
inline void* allocated(std::size_t bytes) {
  void* data = nullptr;
  if (cudaMalloc(&data, std::max<std::size_t>(bytes, 256)) != cudaSuccess) {
    std::fprintf(stderr, "no %zu bytes of device memory\n", bytes);
    std::exit(1);
  }
  return data;
}

/// ms of one call: `num_calls` in a row between two events.
template <typename Call>
double time_ms(int num_calls, cudaStream_t stream, const Call& call) {
  cudaEvent_t begin = nullptr, end = nullptr;
  cudaEventCreate(&begin);
  cudaEventCreate(&end);
  for (int i = 0; i < 3; ++i) call();
  cudaEventRecord(begin, stream);
  for (int i = 0; i < num_calls; ++i) call();
  cudaEventRecord(end, stream);
  cudaEventSynchronize(end);
  float ms = 0.0F;
  cudaEventElapsedTime(&ms, begin, end);
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return static_cast<double>(ms) / num_calls;
}

inline double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// Numbers that differ and repeat from run to run, in bf16.
inline void fill(void* data, std::size_t bytes) {
  std::vector<unsigned short> pattern(bytes / 2);
  unsigned state = 1;
  for (unsigned short& x : pattern) {
    state = state * 1664525U + 1013904223U;
    x = static_cast<unsigned short>(0x3E00U + ((state >> 16U) & 0x81FFU));  // +-[0.125, 2)
  }
  cudaMemcpy(data, pattern.data(), bytes, cudaMemcpyHostToDevice);
}

}  // namespace switchyard::kernels
