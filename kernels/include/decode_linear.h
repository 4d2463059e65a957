#pragma once

#include <cstdint>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"

namespace switchyard::kernels {

enum class DecodeActivation {
  kNone,
  kGeluErf,
  kGeluTanh,
  kSwiglu,  ///< silu(gate x) times the product
};

struct DecodeLinear {
  std::int64_t M = 0;  ///< rows, one per sequence
  std::int64_t N = 0;
  std::int64_t K = 0;
  Dtype weight_dtype = Dtype::kF32;  ///< of weight, gate and their biases
  Dtype in_dtype = Dtype::kF32;      ///< of x; that of the weights unless there is a norm
  Dtype out_dtype = Dtype::kF32;     ///< of y and residual
  DecodeActivation activation = DecodeActivation::kNone;
  bool is_rms = false;  ///< of the norm
  float eps = 1e-5F;
  /// Starts before the kernel queued just before has ended, and reads weights meanwhile: they must
  /// not be among its outputs. On GPUs that can.
  bool may_overlap = false;
};

struct DecodeLinearArguments {
  const void* x = nullptr;
  const float* norm_weight = nullptr;  ///< null: no norm
  const float* norm_bias = nullptr;    ///< null: none
  const void* weight = nullptr;
  const void* bias = nullptr;       ///< null: none
  const void* gate = nullptr;       ///< with kSwiglu
  const void* gate_bias = nullptr;  ///< null: none
  const void* residual = nullptr;   ///< null: none; may be y
  void* y = nullptr;
};

/// A linear layer over few rows, with the norm before it and what comes after it: one token for
/// each of some sequences.
///
/// Math:   h = norm(x) rounded to the weights' type, or x; a = h W^T + bias;
///         y = residual + act(a), kSwiglu: act(a) = a silu(h G^T + gate_bias). The norm as in
///         residual_norm.h, the activations as in gelu.h and swiglu.h. Products and sums in f32
///         (reference: f64), one rounding at the end.
/// Shapes: x [M, K] of in_dtype; norm_weight, norm_bias [K] f32; weight, gate [N, K], bias,
///         gate_bias [N] of weight_dtype; residual, y [M, N] of out_dtype.
/// Limits: M <= 32; K, N >= 1. f32 weights go with f32 x and y. Fast (tensor cores, limited by
///         reading the weights once) for bf16 weights with K a multiple of 8 and pointers multiples
///         of 16 bytes; with a norm also only while eight rows fit shared memory (K up to about
///         7,500 on a Hopper GPU). Else one warp per output.
/// Errors: launch failure; sizes or types out of limits; kSwiglu without a gate.
/// Determinism: exact; a row does not depend on the others, nor on their number.
/// Source: own; fragments of mma.m16n8k16 as in the PTX ISA, section 9.7.14.
void decode_linear_reference(const DecodeLinear& shape, const DecodeLinearArguments& args);
KernelStatus decode_linear_cuda(const DecodeLinear& shape,
                                const DecodeLinearArguments& args,
                                CudaStream stream);

}  // namespace switchyard::kernels
