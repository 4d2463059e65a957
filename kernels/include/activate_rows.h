#pragma once

#include <cstdint>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"

namespace switchyard::kernels {

enum class RowActivation {
  kRelu,
  kGeluErf,
  kGeluTanh,
  kSwiglu,  ///< on packed rows: the F gates, then the F ups
};

struct ActivateRows {
  RowActivation activation = RowActivation::kGeluErf;
  Dtype dtype = Dtype::kF32;
  std::int64_t num_rows = 0;
  std::int64_t F = 0;
  /// On the device: how many rows, from the first on, have an expert (the last of the offsets that
  /// expert_permutation writes); null: all.
  const std::int32_t* num_used_rows = nullptr;
};

/// Applies the activation of experts to sorted rows whose last ones may be padding.
///
/// Math:   kRelu: y = max(h, 0), dh = dy [h > 0]; GELU as in gelu.h; kSwiglu as in swiglu.h.
///         Rows from num_used_rows on: y = 0, dh = 0; h and dy are not read there (a grouped
///         product leaves its own rows behind the last segment unset). f32 inside (reference: f64).
/// Shapes: h, dh [num_rows, F], for kSwiglu [num_rows, 2 F]; y, dy [num_rows, F]; all of `dtype`.
///         dh may be h; for all but kSwiglu y may be h and dh may be dy.
/// Limits: F >= 1. 16 bytes at a time with aligned pointers and F a multiple of them.
/// Errors: launch failure; F or sizes out of limits.
/// Determinism: exact.
/// Source: Nair & Hinton 2010 (kRelu); gelu.h and swiglu.h for the others.
void activate_rows_reference(const ActivateRows& shape, const void* h, void* y);
KernelStatus activate_rows_cuda(const ActivateRows& shape,
                                const void* h,
                                void* y,
                                CudaStream stream);
void activate_rows_backward_reference(const ActivateRows& shape,
                                      const void* dy,
                                      const void* h,
                                      void* dh);
KernelStatus activate_rows_backward_cuda(
    const ActivateRows& shape, const void* dy, const void* h, void* dh, CudaStream stream);

}  // namespace switchyard::kernels
