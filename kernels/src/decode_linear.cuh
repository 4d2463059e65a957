#pragma once

#include "kernels/include/decode_linear.h"
#include "kernels/src/activation.cuh"
#include "kernels/src/overlap.cuh"

namespace switchyard::kernels::decode_linear {

constexpr int kMostRows = 32;

struct Call {
  DecodeLinear shape;
  DecodeLinearArguments args;
  int split;       ///< warps that share the K of one tile
  int row_stride;  ///< elements between normalised rows in shared memory
};

/// What is added to an output beside its product.
struct Added {
  float bias = 0.0F, gate_bias = 0.0F, residual = 0.0F;
};

template <typename Weight>
__device__ inline void load_biases(const Call& call, std::int64_t n, Added& added) {
  const auto* bias = static_cast<const Weight*>(call.args.bias);
  const auto* gate_bias = static_cast<const Weight*>(call.args.gate_bias);
  if (bias != nullptr) added.bias = device::to_float(bias[n]);
  if (gate_bias != nullptr) added.gate_bias = device::to_float(gate_bias[n]);
}

__device__ inline void load_residual(const Call& call,
                                     std::int64_t m,
                                     std::int64_t n,
                                     Added& added) {
  if (call.args.residual == nullptr) return;
  const std::int64_t at = m * call.shape.N + n;
  added.residual =
      call.shape.out_dtype == Dtype::kF32
          ? __ldcg(static_cast<const float*>(call.args.residual) + at)
          : device::to_float(__ldcg(static_cast<const device::Bf16*>(call.args.residual) + at));
}

template <typename Weight>
__device__ inline Added load_added(const Call& call, std::int64_t m, std::int64_t n) {
  Added added;
  load_biases<Weight>(call, n, added);
  load_residual(call, m, n, added);
  return added;
}

__device__ inline void write_output(const Call& call,
                                    std::int64_t m,
                                    std::int64_t n,
                                    float product,
                                    float gate,
                                    const Added& added) {
  float a = product + added.bias;
  switch (call.shape.activation) {
    case DecodeActivation::kNone:
      break;
    case DecodeActivation::kGeluErf:
      a *= device::normal(a).below;
      break;
    case DecodeActivation::kGeluTanh:
      a *= device::tanh_gate(a).value;
      break;
    case DecodeActivation::kSwiglu:
      gate += added.gate_bias;
      a *= gate * device::sigmoid(gate);
      break;
  }
  a += added.residual;
  const std::int64_t at = m * call.shape.N + n;
  if (call.shape.out_dtype == Dtype::kF32) {
    static_cast<float*>(call.args.y)[at] = a;
  } else {
    device::store(static_cast<device::Bf16*>(call.args.y) + at, a);
  }
}

/// Any sizes and alignments.
KernelStatus run_scalar(const DecodeLinear& shape,
                        const DecodeLinearArguments& args,
                        CudaStream stream);

}  // namespace switchyard::kernels::decode_linear
