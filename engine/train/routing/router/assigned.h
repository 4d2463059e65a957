#pragma once

#include "engine/train/routing/router.h"

namespace switchyard::train {

/// What routers share whose choice no score decides: hash, random, round robin, position.
///
/// Shapes: tokens [N, D]; expert_index [N, K] int64.
/// Determinism: as the strategy says.
/// Source: each strategy names its own.
class AssignedRouter : public Router {
 public:
  AssignedRouter(const config::Node& options, const RoutingShape& shape);

  Choice choose(const Scores& scores, const TokenView& tokens) override;

  [[nodiscard]] std::int64_t top_k() const override { return top_k_; }

  [[nodiscard]] bool needs_logits() const override { return use_learned_weight_; }

  /// Declares top_k and use_learned_weight.
  static void describe_assignment(config::Schema& schema);

 protected:
  /// Experts of every token, [N, K] int64, on the device of tokens.x.
  virtual at::Tensor assign(const TokenView& tokens) = 0;

  [[nodiscard]] std::int64_t num_experts() const { return num_experts_; }

  /// Position of every token in its sequence, [N] int64.
  [[nodiscard]] static at::Tensor positions(const TokenView& tokens);

  /// (first + 0), (first + 1), … modulo E: [N, K].
  [[nodiscard]] at::Tensor neighbours_from(const at::Tensor& first) const;

 private:
  std::int64_t num_experts_, top_k_;
  bool use_learned_weight_;
};

}  // namespace switchyard::train
