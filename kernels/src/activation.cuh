#pragma once

#include "kernels/include/gelu.h"

namespace switchyard::kernels::device {

/// The standard normal distribution and its density from one exponential: erf by formula 7.1.26 of
/// Abramowitz & Stegun, whose own exponential is that of the density.
struct Normal {
  float below, density;
};

__device__ inline Normal normal(float h) {
  constexpr float kInverseRoot2 = 0.70710678F, kInverseRoot2Pi = 0.39894228F;
  const float exponential = __expf(-0.5F * h * h);
  const float t = __fdividef(1.0F, 1.0F + 0.3275911F * kInverseRoot2 * fabsf(h));
  float polynomial = 1.061405429F;
  polynomial = polynomial * t - 1.453152027F;
  polynomial = polynomial * t + 1.421413741F;
  polynomial = polynomial * t - 0.284496736F;
  polynomial = polynomial * t + 0.254829592F;
  const float beyond = 0.5F * polynomial * t * exponential;
  return {h >= 0.0F ? 1.0F - beyond : beyond, kInverseRoot2Pi * exponential};
}

constexpr float kTanhScale = 0.79788456F;  // sqrt(2 / pi)
constexpr float kTanhCubic = 0.044715F;

/// (1 + tanh u) / 2 and its slope in 2 u, both without a difference of near numbers.
struct TanhGate {
  float value, slope;
};

__device__ inline TanhGate tanh_gate(float h) {
  const float u = kTanhScale * (h + kTanhCubic * h * h * h);
  const float small = __expf(-2.0F * fabsf(u));
  const float large = __fdividef(1.0F, 1.0F + small);
  return {h >= 0.0F ? large : small * large, small * large * large};
}

__device__ inline float sigmoid(float x) {
  return __fdividef(1.0F, 1.0F + __expf(-x));
}

template <GeluKind kKind>
__device__ float gelu(float h) {
  if constexpr (kKind == GeluKind::kErf) {
    return h * normal(h).below;
  } else {
    return h * tanh_gate(h).value;
  }
}

template <GeluKind kKind>
__device__ float gelu_slope(float h) {
  if constexpr (kKind == GeluKind::kErf) {
    const Normal n = normal(h);
    return n.below + h * n.density;
  } else {
    if (fabsf(h) > 16.0F) return h > 0.0F ? 1.0F : 0.0F;  // far out the square below overflows
    const TanhGate gate = tanh_gate(h);
    const float du = kTanhScale * (1.0F + 3.0F * kTanhCubic * h * h);
    return gate.value + 2.0F * h * gate.slope * du;
  }
}

__device__ inline float swiglu(float gate, float up) {
  return gate * sigmoid(gate) * up;
}

struct SwigluGradient {
  float gate, up;
};

__device__ inline SwigluGradient swiglu_gradient(float dy, float gate, float up) {
  const float s = sigmoid(gate);
  return {dy * up * s * (1.0F + gate * (1.0F - s)), dy * gate * s};
}

}  // namespace switchyard::kernels::device
