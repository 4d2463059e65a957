#pragma once

#include "engine/train/routing/router.h"

namespace switchyard::train {

// One line per strategy; registry.cpp lists them in the order of the window.
// Shapes: none. Source: the strategy's own file.

ProjectionEntry linear_projection_entry();
ProjectionEntry cosine_projection_entry();
ProjectionEntry tanh_mlp_projection_entry();

NoiseEntry no_noise_entry();
NoiseEntry gumbel_noise_entry();
NoiseEntry jitter_noise_entry();
NoiseEntry normal_noise_entry();
NoiseEntry learned_normal_noise_entry();
NoiseEntry expert_dropout_entry();

ScoreEntry softmax_score_entry();
ScoreEntry sigmoid_score_entry();
ScoreEntry sqrt_softplus_score_entry();
ScoreEntry logits_score_entry();
ScoreEntry relu_score_entry();

RouterEntry top_k_entry();
RouterEntry top_p_entry();
RouterEntry relu_router_entry();
RouterEntry dense_entry();
RouterEntry expert_threshold_entry();
RouterEntry coordinate_descent_entry();
RouterEntry hash_entry();
RouterEntry random_entry();
RouterEntry round_robin_entry();
RouterEntry position_entry();
RouterEntry top_n_threshold_entry();
RouterEntry expert_choice_entry();
RouterEntry soft_moe_entry();
RouterEntry sinkhorn_entry();
RouterEntry base_assignment_entry();
RouterEntry token_rounding_entry();
RouterEntry no_token_left_behind_entry();

CombineWeightEntry renormalized_weight_entry();
CombineWeightEntry raw_weight_entry();
CombineWeightEntry selected_softmax_weight_entry();
CombineWeightEntry sigmoid_weight_entry();
CombineWeightEntry mean_weight_entry();
CombineWeightEntry unit_weight_entry();

BalanceEntry no_balance_entry();
BalanceEntry bias_sign_entry();
BalanceEntry bias_proportional_entry();
BalanceEntry bias_tanh_momentum_entry();
BalanceEntry quantile_entry();

CapacityEntry unlimited_capacity_entry();
CapacityEntry choice_major_capacity_entry();
CapacityEntry token_major_capacity_entry();
CapacityEntry probability_capacity_entry();
CapacityEntry batch_prioritised_capacity_entry();

}  // namespace switchyard::train
