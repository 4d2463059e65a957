#pragma once

#include <cmath>

#include "kernels/include/route_top_k.h"
#include "kernels/src/device.cuh"

namespace switchyard::kernels::device {

/// Routing with a warp per token: lane l has the experts l, l + 32, … in registers, kPerLane of
/// them.

constexpr unsigned kAllLanes = 0xFFFFFFFFU;
constexpr int kRouteThreads = 256;
constexpr int kRouteWarps = kRouteThreads / 32;
constexpr int kMostRoutedExperts = 512;
constexpr int kMostRoutedChoices = 16;

__device__ inline float warp_max(float x) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, offset));
  }
  return x;
}

__device__ inline bool is_softmax(RouterScore score) {
  return score == RouterScore::kSoftmax || score == RouterScore::kSoftmaxOfSelected;
}

__device__ inline float exact_sigmoid(float x) {
  return 1.0F / (1.0F + expf(-x));
}

/// For both softmax kinds the softmax of all logits.
__device__ inline float router_score(RouterScore score, float x, float logsumexp) {
  if (is_softmax(score)) return expf(x - logsumexp);
  if (score == RouterScore::kSigmoid) return exact_sigmoid(x);
  return sqrtf(fmaxf(x, 0.0F) + log1pf(expf(-fabsf(x))));
}

/// The logits of the lane's experts; minus infinity behind the last.
template <int kPerLane>
__device__ void load_logits(const float* logits, int E, float (&x)[kPerLane]) {
#pragma unroll
  for (int v = 0; v < kPerLane; ++v) {
    const int e = static_cast<int>(threadIdx.x % 32) + 32 * v;
    x[v] = e < E ? logits[e] : -INFINITY;
  }
}

template <int kPerLane>
__device__ void scores_of(RouterScore score,
                          float logsumexp,
                          const float (&x)[kPerLane],
                          float (&s)[kPerLane]) {
#pragma unroll
  for (int v = 0; v < kPerLane; ++v) s[v] = router_score(score, x[v], logsumexp);
}

template <int kPerLane>
__device__ float warp_sum_of(const float (&values)[kPerLane]) {
  float sum = 0.0F;
#pragma unroll
  for (int v = 0; v < kPerLane; ++v) sum += values[v];
  return warp_sum(sum);
}

/// The scores of the selected experts as weights take them, lane k those of choice k (0 behind the
/// last), and the inverse of their sum where weights are divided by it. Every lane must call it.
struct SelectedScore {
  float score, inverse;
};

__device__ inline SelectedScore selected_score(const RouteTopK& shape,
                                               bool is_choice,
                                               float x,
                                               float logsumexp) {
  if (shape.score == RouterScore::kSoftmaxOfSelected) {
    const float largest = warp_max(is_choice ? x : -INFINITY);
    const float exponential = is_choice ? expf(x - largest) : 0.0F;
    return {exponential / warp_sum(exponential), 1.0F};
  }
  const float score = is_choice ? router_score(shape.score, x, logsumexp) : 0.0F;
  const float sum = warp_sum(score);
  return {score, shape.use_renormalized_weights ? 1.0F / (sum + shape.eps) : 1.0F};
}

inline const char* route_top_k_complaint(const RouteTopK& shape) {
  if (shape.E < 1 || shape.E > kMostRoutedExperts) {
    return "route_top_k: not supported: expected 1 <= E <= 512";
  }
  if (shape.K < 1 || shape.K > shape.E || shape.K > kMostRoutedChoices) {
    return "route_top_k: not supported: expected 1 <= K <= min(E, 16)";
  }
  return nullptr;
}

}  // namespace switchyard::kernels::device
