#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace switchyard::train {

/// The auxiliary loss that pushes towards equal use of the experts.
///
/// Math:   E x sum_e f_e P_e, f_e = assignments to e / (N K), P_e = mean_n router_probs[n, e];
///         1 at uniform routing. The gradient flows through P alone: f is a count.
/// Shapes: router_probs [N, E]; expert_index [N, K] int64; result 0-d.
/// Units:  none; the value before any coefficient, before any dropping.
/// Limits: N >= 1.
/// Determinism: exact for a device and thread count.
/// Source: Fedus et al. 2021, arXiv 2101.03961, eq. 4-6; for K > 1 as in Muennighoff et al. 2024,
///         arXiv 2409.02060, section 2.
at::Tensor load_balance_loss(const at::Tensor& router_probs, const at::Tensor& expert_index);

/// The auxiliary loss that keeps router logits small.
///
/// Math:   mean_n (log sum_e exp router_logits[n, e])^2
/// Shapes: router_logits [N, E]; result 0-d.
/// Units:  nats squared.
/// Limits: N >= 1.
/// Determinism: exact for a device and thread count.
/// Source: Zoph et al. 2022, arXiv 2202.08906, eq. 5.
at::Tensor router_z_loss(const at::Tensor& router_logits);

/// How many assignments each expert received, [E] int64 on the device of `expert_index`.
///
/// Shapes: expert_index, any shape, int64 in [0, E).
/// Determinism: exact (integers).
/// Source: the f_i term of Fedus et al. 2021, arXiv 2101.03961, eq. 5.
at::Tensor count_assignments(const at::Tensor& expert_index, std::int64_t E);

}  // namespace switchyard::train
