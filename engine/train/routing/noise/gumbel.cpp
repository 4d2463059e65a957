#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Selection becomes sampling without replacement from the softmax.
///
/// Math:   logits + scale x G, G = -ln(-ln u), u uniform in (0, 1), both logarithms of at least
///         1e-20; in training alone.
/// Shapes: [N, E]; recorded numbers: u [N, E].
/// Determinism: a function of the generator's state.
/// Source: Jang et al. 2016, arXiv 1611.01144, section 2.1; as st-moe-pytorch's noise_gates.
class GumbelNoise final : public Noise {
 public:
  explicit GumbelNoise(double scale) : scale_(scale) {}

  at::Tensor apply(const at::Tensor& logits, const TokenView& tokens) override {
    if (!tokens.is_training) return logits;
    constexpr double kSmallest = 1e-20;
    const at::Tensor u = uniform_numbers(tokens, logits);
    const at::Tensor inner = -at::log(u.clamp_min(kSmallest));
    return logits - at::log(inner.clamp_min(kSmallest)) * scale_;
  }

  [[nodiscard]] bool draws() const override { return true; }

 private:
  double scale_;
};

void describe(config::Schema& s) {
  s.number("scale", 1.0)
      .above(0.0, 1e3)
      .says("factor on the noise; 1 samples experts from their probabilities");
}

std::unique_ptr<Noise> create(const config::Node& options, const RoutingShape& /*shape*/) {
  return std::make_unique<GumbelNoise>(options.number("scale"));
}

}  // namespace

NoiseEntry gumbel_noise_entry() {
  return {{"gumbel",
           "samples experts from their probabilities: st-moe-pytorch's noise_gates",
           "Jang et al. 2016, arXiv 1611.01144, section 2.1"},
          &describe,
          &create};
}

}  // namespace switchyard::train
