#pragma once

#include <cstdint>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"

namespace switchyard::kernels {

enum class GeluKind {
  kErf,   ///< exact
  kTanh,  ///< the usual approximation
};

/// Applies GELU, or multiplies a gradient by its derivative.
///
/// Math:   kErf: y = h Phi(h), Phi(h) = (1 + erf(h / sqrt 2)) / 2, y' = Phi(h) + h phi(h);
///         kTanh: y = h (1 + tanh u) / 2, u = sqrt(2 / pi) (h + 0.044715 h^3); dh = dy y'(h).
///         On a GPU Phi is off by 1e-7 at most (rational approximation of erf). f32 inside
///         (reference: f64).
/// Shapes: h, y, dy, dh [size] of `dtype`; y may be h; dh may be dy or h.
/// Errors: launch failure.
/// Determinism: exact.
/// Source: Hendrycks & Gimpel 2016, arXiv 1606.08415; erf: Abramowitz & Stegun 1964, 7.1.26.
void gelu_reference(GeluKind kind, Dtype dtype, const void* h, std::int64_t size, void* y);
KernelStatus gelu_cuda(
    GeluKind kind, Dtype dtype, const void* h, std::int64_t size, void* y, CudaStream stream);
void gelu_backward_reference(
    GeluKind kind, Dtype dtype, const void* dy, const void* h, std::int64_t size, void* dh);
KernelStatus gelu_backward_cuda(GeluKind kind,
                                Dtype dtype,
                                const void* dy,
                                const void* h,
                                std::int64_t size,
                                void* dh,
                                CudaStream stream);

}  // namespace switchyard::kernels
