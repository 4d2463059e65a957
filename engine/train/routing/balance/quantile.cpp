#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// The bias at which every expert would have had its share of the tokens that were seen.
///
/// Math:   alpha[n] = the (K+1)-th largest of s[n] + bias; q[e] = quantile over tokens of alpha[n] -
///         s[n, e] at level K / E, linear between values; bias = ema bias + (1 - ema) q, minus its
///         mean. Several passes of a step: the mean of their q.
/// Shapes: scores s [N, E]; bias [E]; buffers NAME.selection_bias [E], NAME.bias_quantile [E] and
///         NAME.bias_passes [1], sums of the step so far.
/// Limits: exact for one process; K < E, else nothing changes. The load-balance coefficient should
///         be 0.
/// Determinism: exact.
/// Source: quantile balancing as in Megatron-Core and TorchTitan (Kimi K3), without its histogram.
class QuantileController final : public BalanceController {
 public:
  QuantileController(const config::Node& options, const RoutingShape& shape)
      : shape_(shape), ema_(options.number("ema")) {}

  void declare(ParameterStore& parameters) const override {
    parameters.declare_buffer(shape_.name + ".selection_bias", {shape_.num_experts});
    parameters.declare_buffer(shape_.name + ".bias_quantile", {shape_.num_experts});
    parameters.declare_buffer(shape_.name + ".bias_passes", {1});
  }

  void bind(ParameterStore& parameters) override {
    bias_ = parameters.buffer(shape_.name + ".selection_bias");
    quantile_ = parameters.buffer(shape_.name + ".bias_quantile");
    num_passes_ = parameters.buffer(shape_.name + ".bias_passes");
  }

  at::Tensor bias() override { return bias_; }

  void observe(const Scores& scores, const Choice& choice) override {
    const std::int64_t K = choice.expert_index.size(1), E = scores.num_experts();
    if (K >= E || scores.num_tokens() == 0) return;
    const at::Tensor alpha =
        std::get<0>(at::sort(scores.ranked, /*stable=*/true, 1, true)).narrow(1, K, 1);
    quantile_.add_(quantile_of_columns(alpha - scores.scores,
                                       static_cast<double>(K) / static_cast<double>(E)));
    num_passes_.add_(1.0);
  }

  void begin_step() override {
    quantile_.zero_();
    num_passes_.zero_();
  }

  void end_step() override {
    const at::Tensor fresh = quantile_ / num_passes_.clamp_min(1.0);
    const at::Tensor moved = bias_ * ema_ + fresh * (1.0 - ema_);
    bias_.copy_(at::where(num_passes_ > 0.0, moved - moved.mean(), bias_));
  }

 private:
  RoutingShape shape_;
  double ema_;
  at::Tensor bias_, quantile_, num_passes_;
};

void describe(config::Schema& s) {
  s.number("ema", 0.0)
      .range(0.0, 0.9999)
      .says("share of the former bias that is kept; 0: the quantile of the last step alone")
      .at_level(config::Level::kAll);
}

std::unique_ptr<BalanceController> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<QuantileController>(options, shape);
}

}  // namespace

BalanceEntry quantile_entry() {
  return {{"quantile",
           "the bias at which the last step would have been balanced: Kimi K3",
           "Megatron-Core, quantile balancing of the router"},
          &describe,
          &create};
}

}  // namespace switchyard::train
