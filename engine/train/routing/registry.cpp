#include "engine/train/routing/registry.h"

#include <array>
#include <string>

namespace switchyard::train {

std::span<const ProjectionEntry> all_projections() {
  static const std::array entries{linear_projection_entry()};
  return entries;
}

std::span<const NoiseEntry> all_noises() {
  static const std::array entries{no_noise_entry()};
  return entries;
}

std::span<const ScoreEntry> all_scores() {
  static const std::array entries{softmax_score_entry()};
  return entries;
}

std::span<const RouterEntry> all_routers() {
  static const std::array entries{top_k_entry(),
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
  static const std::array entries{renormalized_weight_entry(), raw_weight_entry()};
  return entries;
}

std::span<const BalanceEntry> all_balance_controllers() {
  static const std::array entries{no_balance_entry()};
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
