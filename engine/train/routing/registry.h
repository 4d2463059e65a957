#pragma once

#include "engine/train/routing/router.h"

namespace switchyard::train {

// One line per strategy; registry.cpp lists them in the order of the window.
// Shapes: none. Source: the strategy's own file.

ProjectionEntry linear_projection_entry();

NoiseEntry no_noise_entry();

ScoreEntry softmax_score_entry();

RouterEntry top_k_entry();

CombineWeightEntry renormalized_weight_entry();
CombineWeightEntry raw_weight_entry();

BalanceEntry no_balance_entry();

CapacityEntry unlimited_capacity_entry();

}  // namespace switchyard::train
