#pragma once

#include <cstdint>

#include "kernels/src/device.cuh"

namespace switchyard::kernels::device {

/// Instructions that C++ has no words for, from compute capability 8.0 on: copies into shared
/// memory that a thread need not wait for, and products of 16 x 8 x 16 by a warp. Lane l of a
/// warp is g = l / 4, t = l mod 4 in the layouts.

/// An address in shared memory, in bytes.
using SharedAddress = std::uint32_t;

__device__ inline SharedAddress shared_address(const void* pointer) {
  return static_cast<SharedAddress>(__cvta_generic_to_shared(pointer));
}

/// Begins to copy 16 bytes, or writes zeros if not `is_valid`; both addresses are multiples of 16.
__device__ inline void copy_async_16(SharedAddress to, const void* from, bool is_valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to),
               "l"(__cvta_generic_to_global(from)),
               "r"(is_valid ? 16 : 0)
               : "memory");
}

/// Closes a group of copies of this thread.
__device__ inline void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

/// Waits until all but the last kPending groups of this thread have arrived.
template <int kPending>
__device__ void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

__device__ inline uint4 load_shared_16(SharedAddress from) {
  uint4 x;
  asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
               : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w)
               : "r"(from)
               : "memory");
  return x;
}

__device__ inline void store_shared_16(SharedAddress to, const uint4& x) {
  asm volatile(
      "st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(x.x), "r"(x.y), "r"(x.z), "r"(x.w)
      : "memory");
}

__device__ inline void store_shared_4(SharedAddress to, std::uint32_t x) {
  asm volatile("st.shared.b32 [%0], %1;" ::"r"(to), "r"(x) : "memory");
}

/// Loads four matrices of 8 x 8 elements of 16 bits: lane l names row l mod 8 of matrix l / 8;
/// m[i] holds elements [g][2t] and [g][2t + 1] of matrix i.
__device__ inline void load_matrices(std::uint32_t (&m)[4], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(row)
               : "memory");
}

/// The same with m[i] holding elements [2t][g] and [2t + 1][g] of matrix i.
__device__ inline void load_matrices_transposed(std::uint32_t (&m)[4], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(row)
               : "memory");
}

/// c += a b with a [16, 16] and b [16, 8] in bf16, two elements to a word: a holds (rows g, columns
/// 2t …), (g + 8, 2t …), (g, 2t + 8 …), (g + 8, 2t + 8 …); b0 rows 2t … of column g, b1 rows
/// 2t + 8 …; c [g][2t], [g][2t + 1], [g + 8][2t], [g + 8][2t + 1].
__device__ inline void multiply_add(float (&c)[4],
                                    const std::uint32_t (&a)[4],
                                    std::uint32_t b0,
                                    std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Two numbers rounded to bf16, `low` in the lower half.
__device__ inline std::uint32_t pack_bf16(float low, float high) {
  std::uint32_t both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}

/// 2^x to 2 units in the last place; 0 below 2^-126.
__device__ inline float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

}  // namespace switchyard::kernels::device
