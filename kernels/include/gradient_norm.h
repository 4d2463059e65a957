#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/include/status.h"

namespace switchyard::kernels {

/// Measures the length of a flat gradient.
///
/// Math:   norm = sqrt(sum_i gradient[i]^2). f32 within a block, f64 over blocks (reference: f64).
/// Shapes: gradient [size] f32; norm one f32, overwritten (0 for size 0).
/// Limits: elements beyond 1.8e19 give infinity on a GPU.
/// Errors: launch failure.
/// Determinism: exact on one model of GPU (two stages in a fixed order, no atomics).
/// Source: own.
void gradient_norm_reference(const float* gradient, std::int64_t size, float* norm);
KernelStatus gradient_norm_cuda(
    const float* gradient, std::int64_t size, float* norm, void* workspace, CudaStream stream);

/// Bytes of scratch, aligned to 16.
std::size_t gradient_norm_workspace_bytes(std::int64_t size);

}  // namespace switchyard::kernels
