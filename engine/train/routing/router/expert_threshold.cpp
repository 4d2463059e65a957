#include <cmath>

#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Every expert takes the tokens above its own threshold, which follows the scores of former steps:
/// expert choice without a look at other tokens.
///
/// Math:   expert e of token n where ranked[n, e] > tau_e. After a step: q_e = quantile of the
///         step's scores at level 1 - K / E, linear between values (several passes: their mean); m =
///         decay m + (1 - decay) q; tau = m / (1 - decay^i) after the i-th step, or m. Before the
///         first one the K best experts.
/// Shapes: expert_index [N, E], E after a token's last expert; buffers NAME.threshold [E],
///         NAME.threshold_mean [E], NAME.threshold_steps [1], and of the step so far
///         NAME.quantile_sum [E], NAME.num_passes [1].
/// Limits: a token may have any number of experts, none as well; memory for N x E assignments.
/// Determinism: exact.
/// Source: arXiv 2603.11535 (expert threshold routing).
class ExpertThresholdRouter final : public Router {
 public:
  ExpertThresholdRouter(const config::Node& options, RoutingShape shape)
      : shape_(std::move(shape)),
        top_k_(options.integer("top_k")),
        decay_(options.number("decay")),
        use_bias_correction_(options.boolean("use_bias_correction")) {}

  void declare(ParameterStore& parameters) const override {
    const std::int64_t E = shape_.num_experts;
    parameters.declare_buffer(shape_.name + ".threshold", {E});
    parameters.declare_buffer(shape_.name + ".threshold_mean", {E});
    parameters.declare_buffer(shape_.name + ".threshold_steps", {1});
    parameters.declare_buffer(shape_.name + ".quantile_sum", {E});
    parameters.declare_buffer(shape_.name + ".num_passes", {1});
  }

  void bind(ParameterStore& parameters) override {
    threshold_ = parameters.buffer(shape_.name + ".threshold");
    mean_ = parameters.buffer(shape_.name + ".threshold_mean");
    num_steps_ = parameters.buffer(shape_.name + ".threshold_steps");
    quantile_sum_ = parameters.buffer(shape_.name + ".quantile_sum");
    num_passes_ = parameters.buffer(shape_.name + ".num_passes");
  }

  Choice choose(const Scores& scores, const TokenView& tokens) override {
    const at::Tensor is_best =
        at::zeros_like(scores.ranked, scores.ranked.options().dtype(at::kBool))
            .scatter(1, largest(scores.ranked, top_k_), true);
    const at::Tensor is_member =
        at::where(num_steps_ > 0.0, scores.ranked > threshold_, is_best);
    Choice choice;
    choice.expert_index = index_of_members(is_member, scores.ranked);
    if (tokens.is_training && tokens.is_observed && tokens.num_tokens() > 0) {
      const double level =
          1.0 - static_cast<double>(top_k_) / static_cast<double>(shape_.num_experts);
      quantile_sum_.add_(quantile_of_columns(scores.ranked, level));
      num_passes_.add_(1.0);
    }
    return choice;
  }

  void begin_step() override {
    quantile_sum_.zero_();
    num_passes_.zero_();
  }

  void end_step() override {
    const at::Tensor has_seen = num_passes_ > 0.0;
    const at::Tensor quantile = quantile_sum_ / num_passes_.clamp_min(1.0);
    mean_.copy_(at::where(has_seen, mean_ * decay_ + quantile * (1.0 - decay_), mean_));
    num_steps_.add_(has_seen.to(num_steps_.scalar_type()));
    if (use_bias_correction_) {
      const at::Tensor weight = 1.0 - at::pow(decay_, num_steps_);
      threshold_.copy_(at::where(num_steps_ > 0.0, mean_ / weight, mean_));
    } else {
      threshold_.copy_(mean_);
    }
  }

  [[nodiscard]] std::int64_t top_k() const override { return shape_.num_experts; }

  [[nodiscard]] bool may_leave_slots_empty() const override { return true; }

 private:
  RoutingShape shape_;
  std::int64_t top_k_;
  double decay_;
  bool use_bias_correction_;
  at::Tensor threshold_, mean_, num_steps_, quantile_sum_, num_passes_;
};

void describe(config::Schema& s) {
  s.integer("top_k", 2)
      .range(1, 64)
      .in("experts")
      .named("Active on average")
      .says("experts per token at which the thresholds aim")
      .at_level(config::Level::kEssential);
  s.number("decay", 0.99)
      .range(0.0, 0.99999)
      .says("share of the former thresholds that is kept per step; typically 0.9 to 0.999");
  s.boolean("use_bias_correction", true)
      .says("divide the running mean by the weight it has gathered, as Adam does")
      .at_level(config::Level::kAll);
}

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<ExpertThresholdRouter>(options, shape);
}

}  // namespace

RouterEntry expert_threshold_entry() {
  return {{"expert_threshold",
           "experts take the tokens above thresholds learned in former steps: causal expert choice",
           "arXiv 2603.11535"},
          &describe,
          &create};
}

}  // namespace switchyard::train
