#pragma once

#include <string>

#include "engine/train/routing/router.h"

namespace switchyard::train {

/// How many slots an expert has in a group of tokens, and what a group is.
///
/// Math:   C = max(min_capacity, m ceil(c / m)), c = rounding(factor T / E x K), without K unless
///         is_scaled_by_top_k; T tokens of the group, m `multiple`.
/// Units:  tokens per expert and group.
/// Source: gating conventions: Shazeer et al. 2018, arXiv 1811.02084 (Mesh-TensorFlow: floor,
/// without
///         K, at least 4); Riquelme et al. 2021, arXiv 2106.05974 (V-MoE: ceil, with K, multiples
///         of 4).
class CapacityRule {
 public:
  explicit CapacityRule(const config::Node& options);
  static void describe(config::Schema& schema);

  [[nodiscard]] std::int64_t capacity(std::int64_t num_tokens,
                                      std::int64_t num_experts,
                                      std::int64_t top_k,
                                      bool is_training) const;

  [[nodiscard]] std::int64_t num_groups(const TokenView& tokens) const {
    return is_per_sequence_ ? tokens.num_sequences : 1;
  }

 private:
  double factor_, factor_eval_;
  bool is_scaled_by_top_k_, is_per_sequence_;
  std::int64_t min_capacity_, multiple_;
  std::string rounding_;
};

/// `value` rounded to a whole number: "floor", "ceil" or "nearest" (halves to even).
std::int64_t rounded(double value, const std::string& rounding);

/// The place of every assignment in its expert's queue: 0 is served first.
///
/// Shapes: expert_index [G, M] int64 in [0, E], G groups with queues of their own; order [G, M]
///         int64, the assignments of a group from the first to the last to be served, or undefined:
///         as they stand. Result [G, M] int64; of no meaning where expert_index is E.
/// Determinism: exact; one stable sort, no matrix of tokens x experts x slots.
at::Tensor places_in_queues(const at::Tensor& expert_index,
                            std::int64_t num_experts,
                            const at::Tensor& order = {});

/// The same with every first choice of the group before every second, and so on; among equal
/// choices tokens in `token_order` [G, T], or as they stand when it is undefined.
/// Shapes: expert_index [G, T, K]; result [G, T, K].
at::Tensor places_choice_by_choice(const at::Tensor& expert_index,
                                   std::int64_t num_experts,
                                   const at::Tensor& token_order = {});

/// A limit of slots per expert. Strategies say who is served first.
class LimitedCapacity : public Capacity {
 public:
  LimitedCapacity(const config::Node& options, const RoutingShape& shape)
      : rule_(options), num_free_experts_(shape.num_free_experts) {}

  at::Tensor limit(const Choice& choice,
                   const at::Tensor& combine_weight,
                   const Scores& scores,
                   const TokenView& tokens) final;

 private:
  /// Shapes: expert_index and score, that of each choice without gradient, [G, T, K]; result
  /// [G, T, K], places in the experts' queues.
  [[nodiscard]] virtual at::Tensor places(const at::Tensor& expert_index,
                                          const at::Tensor& score,
                                          std::int64_t num_experts) const = 0;

  CapacityRule rule_;
  std::int64_t num_free_experts_;
};

}  // namespace switchyard::train
