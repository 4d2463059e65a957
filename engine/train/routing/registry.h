#pragma once

#include "engine/train/routing/router.h"

namespace switchyard::train {

// One line per strategy; registry.cpp lists them in the order of the window.
// Shapes: none. Source: the strategy's own file.

ProjectionEntry linear_projection_entry();

NoiseEntry no_noise_entry();

ScoreEntry softmax_score_entry();

RouterEntry top_k_entry();
RouterEntry top_n_threshold_entry();
RouterEntry expert_choice_entry();
RouterEntry soft_moe_entry();
RouterEntry sinkhorn_entry();
RouterEntry base_assignment_entry();
RouterEntry token_rounding_entry();
RouterEntry no_token_left_behind_entry();

CombineWeightEntry renormalized_weight_entry();
CombineWeightEntry raw_weight_entry();

BalanceEntry no_balance_entry();

CapacityEntry unlimited_capacity_entry();
CapacityEntry choice_major_capacity_entry();
CapacityEntry token_major_capacity_entry();
CapacityEntry probability_capacity_entry();
CapacityEntry batch_prioritised_capacity_entry();

}  // namespace switchyard::train
