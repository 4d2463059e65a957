#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/include/status.h"

namespace switchyard::kernels {

enum class RouterScore {
  kSoftmax,            ///< softmax of all logits
  kSigmoid,            ///< each logit by itself
  kSqrtSoftplus,       ///< each logit by itself
  kSoftmaxOfSelected,  ///< selection by logits, then softmax of the selected ones alone
};

/// What both directions of routing share.
struct RouteTopK {
  std::int64_t N = 0;
  int E = 0;
  int K = 0;
  RouterScore score = RouterScore::kSoftmax;
  bool use_renormalized_weights = true;  ///< kSoftmaxOfSelected: not read, they always sum to scale
  float eps = 0.0F;                      ///< beside the sum that divides renormalised weights
  float scale = 1.0F;                    ///< of all weights
};

struct RouteTopKForward {
  const float* router_logits = nullptr;
  const float* selection_bias = nullptr;  ///< null: none
  std::int32_t* expert_index = nullptr;   ///< what expert_permutation reads
  float* combine_weight = nullptr;
  float* router_probs = nullptr;              ///< null: not wanted
  float* logsumexp = nullptr;                 ///< the backward reads it
  std::int64_t* tokens_per_expert = nullptr;  ///< the backward reads it
  float* sum_probs = nullptr;                 ///< null: not wanted
  float* importance = nullptr;                ///< null: not wanted
  float* load_balance_loss = nullptr;         ///< null: not wanted
  float* router_z_loss = nullptr;             ///< null: not wanted
  float* token_entropy_nats = nullptr;        ///< null: not wanted
  float* top1_margin = nullptr;               ///< null: not wanted
  void* workspace = nullptr;  ///< route_top_k_workspace_bytes; not read by the reference
};

struct RouteTopKBackward {
  const float* router_logits = nullptr;
  const float* logsumexp = nullptr;
  const std::int32_t* expert_index = nullptr;
  const std::int64_t* tokens_per_expert = nullptr;  ///< not read without dload_balance_loss
  const float* dcombine_weight = nullptr;           ///< null: no gradient reached the weights
  const float* dload_balance_loss = nullptr;        ///< on the device; null: 0
  const float* drouter_z_loss = nullptr;            ///< on the device; null: 0
  float* drouter_logits = nullptr;                  ///< overwritten; may be router_logits
};

/// Chooses K experts for every token, weighs them, and sums what balance and statistics need.
///
/// Math:   x = router_logits[n]; logsumexp[n] = ln sum_e exp x_e;
///         score s: kSoftmax exp(x_e - logsumexp); kSigmoid 1 / (1 + exp(-x_e)); kSqrtSoftplus
///         sqrt(ln(1 + exp x_e)); kSoftmaxOfSelected exp x_e.
///         expert_index[n] = the K largest keys, descending, the lower index first on equal ones;
///         key = x_e without a bias (every score rises with its logit: scores that round to one
///         number are no ties); with a bias f32(s_e) + b_e, for kSoftmaxOfSelected x_e + b_e.
///         NaN counts as the largest number.
///         combine_weight[n, k] = scale s_k / (sum_k s_k + eps) renormalised, else scale s_k;
///         kSoftmaxOfSelected: scale softmax_k(x). The bias is never part of a weight.
///         router_probs p: softmax of all x for both softmax kinds, s_e / sum_e s_e for the others.
///         tokens_per_expert[e] = c_e = number of (n, k) with e; importance[e] = their sum of
///         combine_weight; sum_probs[e] = sum_n p[n, e];
///         load_balance_loss = E sum_e f_e P_e, f_e = c_e / (N K), P_e = sum_probs[e] / N;
///         router_z_loss = mean_n logsumexp[n]^2; token_entropy_nats = sum_n -sum_e p ln p;
///         top1_margin = sum_n (largest p - second largest p), 0 for E = 1. For N = 0 all are 0.
///         Backward, with upstream gradients g of weights, a of the balance and b of the z loss:
///         through the weights, plus a E / N sum_e f_e dp_e / dx, which for softmax is
///         a E / N p_j (f_j - sum_e f_e p_e) (f constant), plus b 2 / N logsumexp softmax_j(x).
///         No gradient through indices and bias, none for router_probs, sum_probs and the
///         statistics. f32 (reference: f64).
/// Shapes: router_logits, router_probs, drouter_logits [N, E] f32; selection_bias [E] f32;
///         expert_index [N, K] int32; combine_weight, dcombine_weight [N, K] f32; logsumexp [N]
///         f32; tokens_per_expert [E] int64; sum_probs, importance [E] f32; losses, their
///         gradients, token_entropy_nats, top1_margin one f32 each. All overwritten.
/// Units:  logsumexp, token_entropy_nats in nats.
/// Limits: 1 <= K <= min(E, 16); on a GPU E <= 512 (the reference takes any E and K <= E).
/// Errors: launch failure; K or E out of limits ("route_top_k: not supported: ...").
/// Determinism: exact on every GPU (partial sums of a fixed number of blocks in a fixed order, no
///         atomics on floats).
/// Source: Shazeer et al. 2017, arXiv 1701.06538, section 2.1; losses: Fedus et al. 2021, arXiv
///         2101.03961, eq. 4-6, for K > 1 as in Muennighoff et al. 2024, arXiv 2409.02060, section
///         2; Zoph et al. 2022, arXiv 2202.08906, eq. 5; sigmoid with bias: DeepSeek-AI 2024, arXiv
///         2412.19437, section 2.1.2.
void route_top_k_reference(const RouteTopK& shape, const RouteTopKForward& args);
KernelStatus route_top_k_cuda(const RouteTopK& shape,
                              const RouteTopKForward& args,
                              CudaStream stream);
void route_top_k_backward_reference(const RouteTopK& shape, const RouteTopKBackward& args);
KernelStatus route_top_k_backward_cuda(const RouteTopK& shape,
                                       const RouteTopKBackward& args,
                                       CudaStream stream);

/// Bytes of the forward's scratch, aligned to 16.
std::size_t route_top_k_workspace_bytes(std::int64_t N, int E);

}  // namespace switchyard::kernels
