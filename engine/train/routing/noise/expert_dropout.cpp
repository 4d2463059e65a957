#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Switches whole experts off for one pass.
///
/// Math:   logits of expert e become -1e30 where u[e] < rate, u uniform in [0, 1); the expert with
///         the largest u stays. In training alone.
/// Shapes: logits [N, E]; recorded numbers: u [E].
/// Limits: a token may still be given a dropped expert when fewer than K remain, or when a balance
///         controller's bias lifts it; its weight is then 0.
/// Determinism: a function of the generator's state.
/// Source: Chen et al. 2023, arXiv 2303.01610 (SMoE-Dropout), section 3.1, for the idea of dropping
///         experts; found not to help by Zoph et al. 2022, arXiv 2202.08906, section 4.
class ExpertDropout final : public Noise {
 public:
  explicit ExpertDropout(double rate) : rate_(rate) {}

  at::Tensor apply(const at::Tensor& logits, const TokenView& tokens) override {
    if (!tokens.is_training) return logits;
    constexpr double kNever = -1e30;
    const at::Tensor u =
        tokens.random.defined() ? tokens.random : at::rand({logits.size(1)}, logits.options());
    const at::Tensor is_off = (u < rate_).logical_and(u < u.max());
    return logits.masked_fill(is_off.unsqueeze(0), kNever);
  }

  [[nodiscard]] bool draws() const override { return true; }

 private:
  double rate_;
};

void describe(config::Schema& s) {
  s.number("rate", 0.1)
      .above(0.0, 0.99)
      .in("fraction")
      .says("probability that an expert is off during a pass; typically 0.1");
}

std::unique_ptr<Noise> create(const config::Node& options, const RoutingShape& /*shape*/) {
  return std::make_unique<ExpertDropout>(options.number("rate"));
}

}  // namespace

NoiseEntry expert_dropout_entry() {
  return {{"expert_dropout",
           "switches whole experts off at random for a pass",
           "Chen et al. 2023, arXiv 2303.01610, section 3.1"},
          &describe,
          &create};
}

}  // namespace switchyard::train
