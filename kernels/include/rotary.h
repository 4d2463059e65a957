#pragma once

#include <cstdint>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"

namespace switchyard::kernels {

/// Rotates the q and k parts of a packed buffer by the angles of their positions, in place; v
/// stays.
///
/// Math:   for i < C/2, with c = cosine[t, i], s = sine[t, i], and s negated if `is_backward`:
///         (x[i], x[i + C/2]) <- (x[i] c - x[i + C/2] s, x[i + C/2] c + x[i] s). The backward of a
///         rotation is the rotation by the negated angle, applied to the gradient. In f32
///         (reference: f64), one rounding at the end.
/// Shapes: qkv [B, T, 3, H, C] of `dtype`; cosine, sine [T, C/2] f32.
/// Limits: C even; B, T, H >= 0. 16-byte steps if C is a multiple of 16 bytes' worth of pairs (8
///         for f32, 16 for bf16) and the pointers are multiples of 16 bytes; else one pair at a
///         time.
/// Errors: launch failure; C odd or a size negative.
/// Determinism: exact.
/// Source: Su et al. 2021, arXiv 2104.09864, section 3.2.2. Differs: pairs (i, i + C/2) instead of
///         (2i, 2i + 1), as LLaMA's and NeoX's weights expect.
void rotary_reference(void* qkv,
                      Dtype dtype,
                      const float* cosine,
                      const float* sine,
                      std::int64_t B,
                      std::int64_t T,
                      std::int64_t H,
                      std::int64_t C,
                      bool is_backward);
KernelStatus rotary_cuda(void* qkv,
                         Dtype dtype,
                         const float* cosine,
                         const float* sine,
                         std::int64_t B,
                         std::int64_t T,
                         std::int64_t H,
                         std::int64_t C,
                         bool is_backward,
                         CudaStream stream);

}  // namespace switchyard::kernels
