#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace switchyard::train {

/// The auxiliary loss that pushes towards equal use of the experts.
///
/// Math:   mean over groups of E x sum_e f_e P_e, f_e = assignments to e / all assignments of the
///         group, P_e = mean of router_probs[., e] in the group; 1 at uniform routing. The gradient
///         flows through P alone: f is a count. `divides_by_slots`: f_e = assignments to e / slots
///         of the group, those without an expert included.
/// Shapes: router_probs [N, E]; expert_index [N, K] int64, E for none; N = num_groups x tokens of a
///         group; result 0-d.
/// Units:  none; the value before any coefficient, before any dropping.
/// Limits: N >= 1.
/// Determinism: exact for a device and thread count.
/// Source: Fedus et al. 2021, arXiv 2101.03961, eq. 4-6; for K > 1 as in Muennighoff et al. 2024,
///         arXiv 2409.02060, section 2; per sequence as in DeepSeek-AI 2024, arXiv 2412.19437,
///         eq. 17-20.
at::Tensor load_balance_loss(const at::Tensor& router_probs,
                             const at::Tensor& expert_index,
                             std::int64_t num_groups = 1,
                             bool divides_by_slots = false);

/// The auxiliary loss that keeps router logits small.
///
/// Math:   mean_n (log sum_e exp router_logits[n, e])^2
/// Shapes: router_logits [N, E]; result 0-d.
/// Units:  nats squared.
/// Limits: N >= 1.
/// Determinism: exact for a device and thread count.
/// Source: Zoph et al. 2022, arXiv 2202.08906, eq. 5.
at::Tensor router_z_loss(const at::Tensor& router_logits);

/// How undecided tokens are.
///
/// Math:   mean_n -sum_e probs[n, e] ln probs[n, e], 0 ln 0 = 0.
/// Shapes: probs [N, E]; result 0-d.
/// Units:  nats, in [0, ln E].
/// Limits: N >= 1.
/// Determinism: exact for a device and thread count.
/// Source: Shannon 1948, doi 10.1002/j.1538-7305.1948.tb01338.x, section 6.
at::Tensor token_entropy(const at::Tensor& probs);

/// The squared coefficient of variation.
///
/// Math:   var(values) / mean(values)^2, the variance of a population.
/// Shapes: values [E]; result 0-d.
/// Units:  none; 0 for equal values.
/// Determinism: exact for a device and thread count.
/// Source: Shazeer et al. 2017, arXiv 1701.06538, eq. 7.
at::Tensor squared_variation(const at::Tensor& values);

}  // namespace switchyard::train
