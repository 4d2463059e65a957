#pragma once

#include <memory>
#include <optional>
#include <string>

#include <ATen/core/Tensor.h>

#include "engine/train/routing/router.h"
#include "kernels/include/route_top_k.h"

namespace switchyard::train {

/// What a layer's experts need to know, and what is reported of it.
struct RoutingPlan {
  /// [N, K] int64 in descending order of rank; E where a slot holds no expert or was dropped.
  at::Tensor expert_index;
  at::Tensor combine_weight;     ///< [N, K] fp32 (fp64 in float64 runs), differentiable; 0 there
  at::Tensor chosen_index;       ///< [N, K]: expert_index before anything was dropped
  at::Tensor chosen_weight;      ///< [N, K]: combine_weight before anything was dropped
  at::Tensor router_probs;       ///< [N, E], differentiable
  at::Tensor router_logits;      ///< [N, E], without noise
  at::Tensor load_balance_loss;  ///< 0-d, before any coefficient and any dropping
  at::Tensor router_z_loss;      ///< 0-d
  at::Tensor auxiliary_loss;     ///< 0-d: all of the layer's, with their coefficients
  /// Summed weights per expert [E], and entropy and margin summed over tokens [2]; undefined where
  /// no kernel gave them.
  at::Tensor importance, token_sums;
  Choice choice;                 ///< the rest of the router's answer
};

/// The routing of one layer, put together from what its config chooses.
///
/// Math:   logits = projection(x); scores = score(noise(logits)); ranked = scores + bias;
///         experts = router(ranked); weights = combine_weight(scores, experts); capacity drops;
///         auxiliary_loss = load_balance_coef x load_balance_loss + router_z_coef x router_z_loss +
///         importance_coef x cv^2(importance) + what the stages add.
/// Shapes: see TokenView and RoutingPlan.
/// Determinism: exact for a device and thread count; without noise a function of the tokens, the
///         parameters and the buffers.
/// Source: each stage names its own.
class LayerRouting {
 public:
  /// `options` is a resolved "routed_experts" object.
  LayerRouting(const config::Node& options, const RoutingShape& shape);

  void declare(ParameterStore& parameters) const;
  /// `use_fused`: where the choices have a kernel of their own for all of it, that is used.
  void bind(ParameterStore& parameters, bool use_fused = false);

  [[nodiscard]] RoutingPlan route(const TokenView& tokens) const;
  /// The same from given logits [N, E].
  [[nodiscard]] RoutingPlan route_logits(const at::Tensor& logits, const TokenView& tokens) const;

  /// Does a training pass take numbers from the device's generator?
  [[nodiscard]] bool draws() const;

  void begin_step();
  void end_step();

  [[nodiscard]] std::int64_t top_k() const { return router_->top_k(); }

  [[nodiscard]] bool mixes_tokens() const { return router_->mixes_tokens(); }

  /// May a slot of expert_index hold no expert?
  [[nodiscard]] bool may_leave_slots_empty() const {
    return router_->may_leave_slots_empty() || capacity_->may_drop();
  }

  /// The controller's bias [E]; undefined without one.
  [[nodiscard]] at::Tensor selection_bias() const { return balance_->bias(); }

 private:
  template <typename Body>
  void for_each_stage(const Body& body) const;
  [[nodiscard]] RoutingPlan fused_plan(const at::Tensor& logits) const;
  void add_losses(RoutingPlan& plan, const Scores& scores, const TokenView& tokens) const;

  RoutingShape shape_;
  std::string counted_;  ///< load_balance_counts
  bool balances_sequences_;
  double load_balance_coef_, router_z_coef_, importance_coef_;
  std::optional<kernels::RouteTopK> kernel_;  ///< where one does all: without N
  bool use_fused_ = false;
  std::unique_ptr<Projection> projection_;  ///< null when the router needs no logits
  std::unique_ptr<Noise> noise_;
  std::unique_ptr<Score> score_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<CombineWeight> combine_weight_;
  std::unique_ptr<BalanceController> balance_;
  std::unique_ptr<Capacity> capacity_;
};

}  // namespace switchyard::train
