#pragma once

#include <cstddef>
#include <cstdint>

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include "kernels/include/dtype.h"
#include "kernels/include/philox.h"
#include "kernels/include/status.h"
#include "kernels/include/step_state.h"

namespace switchyard::kernels::device {

using Bf16 = __nv_bfloat16;

__device__ inline float to_float(float x) {
  return x;
}

__device__ inline float to_float(Bf16 x) {
  return __bfloat162float(x);
}

__device__ inline void store(float* at, float x) {
  *at = x;
}

__device__ inline void store(Bf16* at, float x) {
  *at = __float2bfloat16(x);
}

/// kWidth elements that move together, in units of at most 16 bytes.
template <typename T, int kWidth>
struct alignas(sizeof(T) * kWidth < 16 ? sizeof(T) * kWidth : 16) Pack {
  T values[kWidth];
};

template <typename T, int kWidth>
__device__ Pack<T, kWidth> load_pack(const T* at) {
  return *reinterpret_cast<const Pack<T, kWidth>*>(at);
}

template <typename T, int kWidth>
__device__ void store_pack(T* at, const Pack<T, kWidth>& pack) {
  *reinterpret_cast<Pack<T, kWidth>*>(at) = pack;
}

/// Sum over the 32 lanes, the same in every lane.
__device__ inline float warp_sum(float x) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) x += __shfl_xor_sync(0xFFFFFFFFU, x, offset);
  return x;
}

/// Sum over a block of kThreads threads, the same in every thread; `scratch` has 32 floats. Every
/// thread must call it.
template <int kThreads>
__device__ float block_sum(float x, float* scratch) {
  static_assert(kThreads % 32 == 0 && kThreads <= 1024);
  const float of_warp = warp_sum(x);
  __syncthreads();  // the readers of an earlier sum are done
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = of_warp;
  __syncthreads();
  float sum = 0.0F;
#pragma unroll
  for (int warp = 0; warp < kThreads / 32; ++warp) sum += scratch[warp];
  return sum;
}

/// Dropout as kernels take it; without a state nothing is dropped.
struct Dropout {
  const StepState* state;
  std::uint32_t site;
  std::uint32_t threshold;
  float kept;  ///< 1 / (1 - p)
};

inline Dropout make_dropout(float p, std::uint32_t site, const StepState* state) {
  if (p == 0.0F) return {nullptr, site, 0, 1.0F};
  return {
      state, site, dropout_threshold(p), static_cast<float>(1.0 / (1.0 - static_cast<double>(p)))};
}

/// Dropout in the registers of a thread: seed and step are read once.
class Mask {
 public:
  __device__ explicit Mask(const Dropout& dropout) : dropout_(dropout) {
    if (dropout.state == nullptr) return;
    seed_ = dropout.state->seed;
    step_ = dropout.state->step;
  }

  /// Multiplies kWidth elements by their factors; `index` is the flat index of the first, a
  /// multiple of 4 unless kWidth is 1: one Philox call per four elements.
  template <int kWidth>
  __device__ void apply(std::int64_t index, float (&x)[kWidth]) const {
    static_assert(kWidth == 1 || kWidth % 4 == 0);
    if (dropout_.state == nullptr) return;
    const auto first = static_cast<std::uint64_t>(index) / 4;
    if constexpr (kWidth == 1) {
      const PhiloxWords random = philox(seed_, step_, dropout_.site, first);
      const auto i = static_cast<unsigned>(index % 4);
      const std::uint32_t low = i % 2 == 0 ? random.words[0] : random.words[1];
      const std::uint32_t high = i % 2 == 0 ? random.words[2] : random.words[3];
      x[0] = factor(i < 2 ? low : high) * x[0];
    } else {
#pragma unroll
      for (int four = 0; four < kWidth / 4; ++four) {
        const PhiloxWords random = philox(seed_, step_, dropout_.site, first + four);
#pragma unroll
        for (int i = 0; i < 4; ++i) x[4 * four + i] *= factor(random.words[i]);
      }
    }
  }

 private:
  __device__ float factor(std::uint32_t word) const {
    return word >= dropout_.threshold ? dropout_.kept : 0.0F;
  }

  Dropout dropout_;
  std::uint64_t seed_ = 0;
  std::uint64_t step_ = 0;
};

/// Number of multiprocessors of the current device; 1 when it cannot be told.
inline int num_multiprocessors() {
  int device = 0, count = 0;
  if (cudaGetDevice(&device) != cudaSuccess ||
      cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device) != cudaSuccess) {
    return 1;
  }
  return count > 0 ? count : 1;
}

inline bool is_aligned(const void* pointer, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(pointer) % bytes == 0;
}

inline KernelStatus launched() {
  const cudaError_t error = cudaGetLastError();
  return {error == cudaSuccess ? nullptr : cudaGetErrorString(error)};
}

}  // namespace switchyard::kernels::device
