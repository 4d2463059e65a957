#pragma once

#include <memory>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/train/routing/stage.h"

namespace switchyard::train {

// A layer's routing is seven independent choices, one kind of stage each; layer_routing.h puts them
// together. One file per strategy, listed in registry.cpp.

/// Router logits of every token. Shapes: result [N, E] in master precision.
class Projection : public Stage {
 public:
  virtual at::Tensor logits(const TokenView& tokens) = 0;
};

/// Changes logits at random. Shapes: logits and result [N, E].
class Noise : public Stage {
 public:
  virtual at::Tensor apply(const at::Tensor& logits, const TokenView& tokens) = 0;

  /// A weighted loss on what was chosen, 0-d, or an undefined tensor.
  virtual at::Tensor loss(const Scores& /*scores*/, const Choice& /*choice*/) { return {}; }
};

/// Scores from logits, expert by expert or over all of a token. Shapes: [N, E] all.
class Score : public Stage {
 public:
  virtual at::Tensor score(const at::Tensor& logits) = 0;
  /// Scores as shares that sum to 1 per token. `scores` is score(logits).
  virtual at::Tensor probs(const at::Tensor& logits, const at::Tensor& scores) = 0;
};

/// Which experts take which tokens: the strategy that gives a router its name.
///
/// Determinism: exact; ties go to the lower index.
class Router : public Stage {
 public:
  virtual Choice choose(const Scores& scores, const TokenView& tokens) = 0;
  /// Columns of expert_index: K, or E where it is open how many experts a token has.
  [[nodiscard]] virtual std::int64_t top_k() const = 0;

  [[nodiscard]] virtual bool may_leave_slots_empty() const { return false; }

  /// Does it mix tokens (slot_dispatch) instead of choosing?
  [[nodiscard]] virtual bool mixes_tokens() const { return false; }
  /// Does it look at scores? Without, a layer has no projection and its logits are zero.
  [[nodiscard]] virtual bool needs_logits() const { return true; }
};

/// The weight of each chosen expert in its token's output. Shapes: result [N, K], 0 where no
/// expert.
class CombineWeight : public Stage {
 public:
  virtual at::Tensor weigh(const Scores& scores, const at::Tensor& expert_index) = 0;
};

/// A bias on scores that selection alone sees.
class BalanceController : public Stage {
 public:
  virtual at::Tensor bias() { return {}; }  ///< [E], or undefined

  /// Sees what a training pass chose, before dropping.
  virtual void observe(const Scores& /*scores*/, const Choice& /*choice*/) {}
};

/// How many tokens an expert takes at most, and which are dropped.
class Capacity : public Stage {
 public:
  /// expert_index with E for every dropped assignment. `combine_weight` is [N, K].
  virtual at::Tensor limit(const Choice& choice,
                           const at::Tensor& combine_weight,
                           const Scores& scores,
                           const TokenView& tokens) = 0;

  [[nodiscard]] virtual bool may_drop() const { return true; }
};

using ProjectionEntry = StageEntry<Projection>;
using NoiseEntry = StageEntry<Noise>;
using ScoreEntry = StageEntry<Score>;
using RouterEntry = StageEntry<Router>;
using CombineWeightEntry = StageEntry<CombineWeight>;
using BalanceEntry = StageEntry<BalanceController>;
using CapacityEntry = StageEntry<Capacity>;

// All strategies in the order in which the window lists them, the default first (registry.cpp).
std::span<const ProjectionEntry> all_projections();
std::span<const NoiseEntry> all_noises();
std::span<const ScoreEntry> all_scores();
std::span<const RouterEntry> all_routers();
std::span<const CombineWeightEntry> all_combine_weights();
std::span<const BalanceEntry> all_balance_controllers();
std::span<const CapacityEntry> all_capacities();

/// All of them as declarations for config::run_schema.
std::vector<config::RoutingDeclaration> routing_declarations();

/// values [N, E] at the chosen experts, [N, K]; 0 where a slot holds no expert. Differentiable.
at::Tensor at_chosen(const at::Tensor& values, const at::Tensor& expert_index);

/// The K largest of each row of `ranked` [N, E], descending, the lower index first on ties: [N, K].
at::Tensor largest(const at::Tensor& ranked, std::int64_t top_k);

/// The experts of every token, of any number, as expert_index [N, E]: members in descending order of
/// `ranked`, the lower index first on ties, then E where there is none. Shapes: both [N, E].
at::Tensor index_of_members(const at::Tensor& is_member, const at::Tensor& ranked);

/// values [N, E] >= 0 divided by their sum per row; rows of zeros stay zeros. Differentiable.
at::Tensor shares_of(const at::Tensor& values);

/// The quantile of each column of values [N, E], N >= 1, at level x (N - 1) in ascending order,
/// linear between two values: [E].
at::Tensor quantile_of_columns(const at::Tensor& values, double level);

/// Uniform numbers in [0, 1) from the device's generator, or those that a test recorded.
at::Tensor uniform_numbers(const TokenView& tokens, const at::Tensor& like);

/// How many assignments each of E experts received, [E] int64 on the device; slots without an
/// expert are not counted.
///
/// Shapes: expert_index, any shape, int64 in [0, E].
/// Determinism: exact (integers).
/// Source: the f_i term of Fedus et al. 2021, arXiv 2101.03961, eq. 5.
at::Tensor count_assignments(const at::Tensor& expert_index, std::int64_t num_experts);

}  // namespace switchyard::train
