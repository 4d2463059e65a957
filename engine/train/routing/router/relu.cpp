#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Every expert whose ReLU is above zero; a regulariser of adaptive weight makes them few.
///
/// Math:   expert e of token n where score[n, e] > 0. auxiliary_loss = lambda E sum_e f_e P_e, f_e =
///         active tokens of e / (K N), a constant, P_e = mean score of e. After a step: lambda *=
///         lambda_factor ^ sign(target - sparsity), sparsity = 1 - active / (N E), target = 1 - K /
///         E, sign(0) = 0.
/// Shapes: expert_index [N, E], E after a token's last expert; buffers NAME.lambda,
///         NAME.num_active and NAME.num_possible [1] (the step so far).
/// Limits: memory for N x E assignments.
/// Determinism: exact for a device and thread count.
/// Source: Wang et al. 2024, arXiv 2412.14711 (ReMoE), eq. 4 and 7-9.
class ReluRouter final : public Router {
 public:
  ReluRouter(const config::Node& options, RoutingShape shape)
      : shape_(std::move(shape)),
        top_k_(static_cast<double>(options.integer("top_k"))),
        initial_lambda_(options.number("initial_lambda")),
        lambda_factor_(options.number("lambda_factor")) {}

  void declare(ParameterStore& parameters) const override {
    parameters.declare_buffer(shape_.name + ".lambda", {1}, initial_lambda_);
    parameters.declare_buffer(shape_.name + ".num_active", {1});
    parameters.declare_buffer(shape_.name + ".num_possible", {1});
  }

  void bind(ParameterStore& parameters) override {
    lambda_ = parameters.buffer(shape_.name + ".lambda");
    num_active_ = parameters.buffer(shape_.name + ".num_active");
    num_possible_ = parameters.buffer(shape_.name + ".num_possible");
  }

  Choice choose(const Scores& scores, const TokenView& tokens) override {
    const at::Tensor is_active = scores.scores.detach() > 0.0;
    Choice choice;
    choice.expert_index = index_of_members(is_active, scores.ranked);
    if (!tokens.is_training || tokens.num_tokens() == 0) return choice;
    const at::Tensor active = is_active.to(scores.scores.scalar_type());
    const at::Tensor load = active.mean(0) / top_k_;
    choice.auxiliary_loss = (load * scores.scores.mean(0)).sum() * lambda_.squeeze(0).clone() *
                            static_cast<double>(shape_.num_experts);
    if (tokens.is_observed) {
      num_active_.add_(active.sum());
      num_possible_.add_(static_cast<double>(active.numel()));
    }
    return choice;
  }

  void begin_step() override {
    num_active_.zero_();
    num_possible_.zero_();
  }

  void end_step() override {
    const double target = 1.0 - top_k_ / static_cast<double>(shape_.num_experts);
    const at::Tensor sparsity = 1.0 - num_active_ / num_possible_.clamp_min(1.0);
    const at::Tensor direction = at::sign(target - sparsity) * (num_possible_ > 0.0);
    lambda_.mul_(at::pow(lambda_factor_, direction));
  }

  [[nodiscard]] std::int64_t top_k() const override { return shape_.num_experts; }

  [[nodiscard]] bool may_leave_slots_empty() const override { return true; }

 private:
  RoutingShape shape_;
  double top_k_, initial_lambda_, lambda_factor_;
  at::Tensor lambda_, num_active_, num_possible_;
};

void describe(config::Schema& s) {
  s.integer("top_k", 2)
      .range(1, 64)
      .in("experts")
      .named("Active on average")
      .says("experts per token that the regulariser aims at")
      .at_level(config::Level::kEssential);
  s.number("initial_lambda", 1e-8)
      .above(0.0, 1.0)
      .says("weight of the regulariser in the beginning; ReMoE: 1e-8")
      .at_level(config::Level::kAll);
  s.number("lambda_factor", 1.2)
      .above(1.0, 10.0)
      .says("by how much that weight rises or falls per step; ReMoE: 1.2")
      .at_level(config::Level::kAll);
}

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<ReluRouter>(options, shape);
}

}  // namespace

RouterEntry relu_router_entry() {
  return {{"relu",
           "every expert with a positive logit; a regulariser sets how many: ReMoE",
           "Wang et al. 2024, arXiv 2412.14711, eq. 4"},
          &describe,
          &create};
}

}  // namespace switchyard::train
