#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Grows like the root of large logits and falls like exp(logit / 2).
///
/// Math:   scores = sqrt(ln(1 + exp(logits))); probs = scores / their sum per token.
/// Shapes: [N, E].
/// Limits: below logits of about -69 the score stays at 1e-15 and has no gradient.
/// Determinism: exact for a device and thread count.
/// Source: the score of DeepSeek-V4 as in Megatron-Core's router options (moe_router_score_function).
class SqrtSoftplusScore final : public Score {
 public:
  at::Tensor score(const at::Tensor& logits) override {
    constexpr double kLinearFrom = 40.0;  // ln(1 + e^x) = x in float64 from there
    constexpr double kSmallest = 1e-30;   // keeps the root's slope finite
    return at::softplus(logits, 1.0, kLinearFrom).clamp_min(kSmallest).sqrt();
  }

  at::Tensor probs(const at::Tensor& /*logits*/, const at::Tensor& scores) override {
    return shares_of(scores);
  }
};

std::unique_ptr<Score> create(const config::Node& /*options*/, const RoutingShape& /*shape*/) {
  return std::make_unique<SqrtSoftplusScore>();
}

}  // namespace

ScoreEntry sqrt_softplus_score_entry() {
  return {{"sqrt_softplus",
           "each expert by itself, unbounded above: DeepSeek-V4",
           "Megatron-Core, moe_router_score_function"},
          nullptr,
          &create};
}

}  // namespace switchyard::train
