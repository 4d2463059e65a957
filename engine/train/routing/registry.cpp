#include "engine/train/routing/registry.h"

#include <array>
#include <string>

namespace switchyard::train {

std::span<const ProjectionEntry> all_projections() {
  static const std::array entries{
      linear_projection_entry(), cosine_projection_entry(), tanh_mlp_projection_entry()};
  return entries;
}

std::span<const NoiseEntry> all_noises() {
  static const std::array entries{no_noise_entry(),
                                  gumbel_noise_entry(),
                                  jitter_noise_entry(),
                                  normal_noise_entry(),
                                  learned_normal_noise_entry(),
                                  expert_dropout_entry()};
  return entries;
}

std::span<const ScoreEntry> all_scores() {
  static const std::array entries{softmax_score_entry(),
                                  sigmoid_score_entry(),
                                  sqrt_softplus_score_entry(),
                                  logits_score_entry(),
                                  relu_score_entry()};
  return entries;
}

std::span<const RouterEntry> all_routers() {
  static const std::array entries{top_k_entry(),
                                  top_p_entry(),
                                  relu_router_entry(),
                                  dense_entry(),
                                  expert_threshold_entry(),
                                  coordinate_descent_entry(),
                                  hash_entry(),
                                  random_entry(),
                                  round_robin_entry(),
                                  position_entry(),
                                  top_n_threshold_entry(),
                                  expert_choice_entry(),
                                  soft_moe_entry(),
                                  sinkhorn_entry(),
                                  base_assignment_entry(),
                                  token_rounding_entry(),
                                  no_token_left_behind_entry()};
  return entries;
}

std::span<const CombineWeightEntry> all_combine_weights() {
  static const std::array entries{renormalized_weight_entry(),
                                  raw_weight_entry(),
                                  selected_softmax_weight_entry(),
                                  sigmoid_weight_entry(),
                                  mean_weight_entry(),
                                  unit_weight_entry()};
  return entries;
}

std::span<const BalanceEntry> all_balance_controllers() {
  static const std::array entries{no_balance_entry(),
                                  bias_sign_entry(),
                                  bias_proportional_entry(),
                                  bias_tanh_momentum_entry(),
                                  quantile_entry()};
  return entries;
}

std::span<const CapacityEntry> all_capacities() {
  static const std::array entries{unlimited_capacity_entry(),
                                  choice_major_capacity_entry(),
                                  token_major_capacity_entry(),
                                  probability_capacity_entry(),
                                  batch_prioritised_capacity_entry()};
  return entries;
}

std::vector<config::RoutingDeclaration> routing_declarations() {
  std::vector<config::RoutingDeclaration> declarations;
  const auto add = [&](std::string_view stage, const auto& entries) {
    for (const auto& entry : entries) {
      declarations.push_back({std::string(stage),
                              std::string(entry.info.name),
                              std::string(entry.info.summary),
                              std::string(entry.info.source),
                              entry.describe});
    }
  };
  add("router", all_routers());
  add("score", all_scores());
  add("combine_weight", all_combine_weights());
  add("projection", all_projections());
  add("noise", all_noises());
  add("balance", all_balance_controllers());
  add("capacity", all_capacities());
  return declarations;
}

}  // namespace switchyard::train
