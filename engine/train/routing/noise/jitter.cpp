#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Math:   logits x (1 + eps (2 u - 1)), u uniform in [0, 1), in training alone. Switch multiplies
///         the router's inputs; here the logits themselves are multiplied.
/// Shapes: [N, E]; recorded numbers: u [N, E].
/// Determinism: a function of the generator's state.
/// Source: Fedus et al. 2021, arXiv 2101.03961, appendix F (on inputs).
class JitterNoise final : public Noise {
 public:
  explicit JitterNoise(double eps) : eps_(eps) {}

  at::Tensor apply(const at::Tensor& logits, const TokenView& tokens) override {
    if (!tokens.is_training) return logits;
    return logits * (uniform_numbers(tokens, logits) * (2.0 * eps_) + (1.0 - eps_));
  }

  [[nodiscard]] bool draws() const override { return true; }

 private:
  double eps_;
};

void describe(config::Schema& s) {
  s.number("eps", 0.01)
      .above(0.0, 1.0)
      .in("fraction")
      .says("largest relative change of a logit; Switch: 0.01");
}

std::unique_ptr<Noise> create(const config::Node& options, const RoutingShape& /*shape*/) {
  return std::make_unique<JitterNoise>(options.number("eps"));
}

}  // namespace

NoiseEntry jitter_noise_entry() {
  return {{"jitter",
           "multiplies logits by numbers near 1; after Switch, which does so to inputs",
           "Fedus et al. 2021, arXiv 2101.03961, appendix F"},
          &describe,
          &create};
}

}  // namespace switchyard::train
