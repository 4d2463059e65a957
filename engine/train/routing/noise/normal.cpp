#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Math:   logits + scale / E x n, n standard normal, in training alone.
/// Shapes: [N, E]; recorded numbers: n [N, E].
/// Determinism: a function of the generator's state.
/// Source: Riquelme et al. 2021, arXiv 2106.05974 (V-MoE), section 2.1.
class NormalNoise final : public Noise {
 public:
  explicit NormalNoise(double deviation) : deviation_(deviation) {}

  at::Tensor apply(const at::Tensor& logits, const TokenView& tokens) override {
    if (!tokens.is_training) return logits;
    const at::Tensor noise = tokens.random.defined() ? tokens.random : at::randn_like(logits);
    return logits + noise * deviation_;
  }

  [[nodiscard]] bool draws() const override { return true; }

 private:
  double deviation_;
};

void describe(config::Schema& s) {
  s.number("scale", 1.0)
      .above(0.0, 1e3)
      .says("standard deviation as a multiple of 1 / number of experts; V-MoE: 1");
}

std::unique_ptr<Noise> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<NormalNoise>(options.number("scale") /
                                       static_cast<double>(shape.num_experts));
}

}  // namespace

NoiseEntry normal_noise_entry() {
  return {{"normal",
           "normal noise, the smaller the more experts there are: V-MoE",
           "Riquelme et al. 2021, arXiv 2106.05974, section 2.1"},
          &describe,
          &create};
}

}  // namespace switchyard::train
