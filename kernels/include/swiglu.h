#pragma once

#include <cstdint>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"

namespace switchyard::kernels {

/// Gates one half of a layer by the other; the backward writes both gradients packed.
///
/// Math:   s = 1 / (1 + exp(-gate)); y = gate s up;
///         dgate = dy up s (1 + gate (1 - s)); dup = dy gate s. f32 inside (reference: f64).
/// Shapes: packed (up null): gate [N, 2 F], in every row the F gates, then the F ups;
///         separate: gate, up [N, F]. y, dy [N, F]; dgate_up [N, 2 F], gates first, may be the
///         packed input. All of `dtype`.
/// Limits: F >= 1.
/// Errors: launch failure; F out of limits.
/// Determinism: exact.
/// Source: Shazeer 2020, arXiv 2002.05202, equation 6.
void swiglu_reference(
    Dtype dtype, const void* gate, const void* up, std::int64_t N, std::int64_t F, void* y);
KernelStatus swiglu_cuda(Dtype dtype,
                         const void* gate,
                         const void* up,
                         std::int64_t N,
                         std::int64_t F,
                         void* y,
                         CudaStream stream);
void swiglu_backward_reference(Dtype dtype,
                               const void* dy,
                               const void* gate,
                               const void* up,
                               std::int64_t N,
                               std::int64_t F,
                               void* dgate_up);
KernelStatus swiglu_backward_cuda(Dtype dtype,
                                  const void* dy,
                                  const void* gate,
                                  const void* up,
                                  std::int64_t N,
                                  std::int64_t F,
                                  void* dgate_up,
                                  CudaStream stream);

}  // namespace switchyard::kernels
