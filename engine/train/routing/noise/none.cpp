#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

class NoNoise final : public Noise {
 public:
  at::Tensor apply(const at::Tensor& logits, const TokenView& /*tokens*/) override {
    return logits;
  }
};

std::unique_ptr<Noise> create(const config::Node& /*options*/, const RoutingShape& /*shape*/) {
  return std::make_unique<NoNoise>();
}

}  // namespace

NoiseEntry no_noise_entry() {
  return {{"none", "logits as they are", "Zoph et al. 2022, arXiv 2202.08906, section 3.2"},
          nullptr,
          &create};
}

}  // namespace switchyard::train
