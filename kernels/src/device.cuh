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

/// Sum over kLanes neighbouring lanes, the same in each of them. Every lane of the warp must call
/// it.
template <int kLanes = 32>
__device__ float warp_sum(float x) {
#pragma unroll
  for (int offset = kLanes / 2; offset > 0; offset /= 2) {
    x += __shfl_xor_sync(0xFFFFFFFFU, x, offset);
  }
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
  float kept;  ///< factor of what is kept
};

inline Dropout make_dropout(float p, std::uint32_t site, const StepState* state) {
  const std::uint32_t threshold = dropout_threshold(p);
  if (threshold == 0) return {nullptr, site, 0, 1.0F};
  return {state, site, threshold, static_cast<float>(dropout_scale(threshold))};
}

/// Dropout in the registers of a thread: seed and step are read once.
class Mask {
 public:
  __device__ explicit Mask(const Dropout& dropout) : dropout_(dropout) {
    if (dropout.state == nullptr) return;
    seed_ = dropout.state->seed;
    step_ = dropout.state->step;
  }

  [[nodiscard]] __device__ bool is_active() const { return dropout_.state != nullptr; }

  /// Draws a pack of eight elements: bit i is set if element 8 pack + i is kept.
  [[nodiscard]] __device__ unsigned draw(std::uint64_t pack) const {
    const PhiloxWords random = philox(seed_, step_, dropout_.site, pack);
    const std::uint32_t high = dropout_.threshold << 16U;  // of the upper half of a word
    unsigned bits = 0;
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      if (random.words[i] << 16U >= high) bits |= 1U << 2U * i;
      if (random.words[i] >= high) bits |= 2U << 2U * i;
    }
    return bits;
  }

  /// The same for kWidth elements from the flat index of the first, a multiple of kWidth.
  template <int kWidth>
  [[nodiscard]] __device__ unsigned draw_at(std::int64_t index) const {
    static_assert(kWidth == 1 || kWidth == 4 || kWidth == 8);
    const auto first = static_cast<std::uint64_t>(index);
    return draw(first / 8) >> static_cast<unsigned>(first % 8) & ((1U << kWidth) - 1U);
  }

  /// Multiplies elements by their factors, as the bits say.
  template <int kWidth>
  __device__ void apply_bits(unsigned bits, float (&x)[kWidth]) const {
#pragma unroll
    for (int i = 0; i < kWidth; ++i) x[i] *= (bits >> i & 1U) != 0 ? dropout_.kept : 0.0F;
  }

  /// Draws and multiplies kWidth elements; `index` as for draw_at.
  template <int kWidth>
  __device__ void apply(std::int64_t index, float (&x)[kWidth]) const {
    if (is_active()) apply_bits(draw_at<kWidth>(index), x);
  }

 private:
  Dropout dropout_;
  std::uint64_t seed_ = 0;
  std::uint64_t step_ = 0;
};

/// An attribute of the current device; 0 when it cannot be told.
inline std::int64_t device_attribute(cudaDeviceAttr attribute) {
  int device = 0, value = 0;
  if (cudaGetDevice(&device) != cudaSuccess ||
      cudaDeviceGetAttribute(&value, attribute, device) != cudaSuccess) {
    return 0;
  }
  return value;
}

/// Number of multiprocessors of the current device; 1 when it cannot be told.
inline int num_multiprocessors() {
  const auto count = static_cast<int>(device_attribute(cudaDevAttrMultiProcessorCount));
  return count > 0 ? count : 1;
}

/// Lets a kernel have so many bytes of dynamic shared memory, and as much of a multiprocessor's
/// memory for it as can be.
template <typename Kernel>
cudaError_t allow_shared_bytes(Kernel* kernel, std::int64_t bytes) {
  constexpr std::int64_t kAlways = 48 * 1024;
  if (bytes <= kAlways) return cudaSuccess;
  const cudaError_t error = cudaFuncSetAttribute(
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
  if (error != cudaSuccess) return error;
  return cudaFuncSetAttribute(
      kernel, cudaFuncAttributePreferredSharedMemoryCarveout, cudaSharedmemCarveoutMaxShared);
}

inline bool is_aligned(const void* pointer, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(pointer) % bytes == 0;
}

inline KernelStatus launched() {
  const cudaError_t error = cudaGetLastError();
  return {error == cudaSuccess ? nullptr : cudaGetErrorString(error)};
}

}  // namespace switchyard::kernels::device
