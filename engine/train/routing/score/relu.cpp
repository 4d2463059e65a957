#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Positive logits alone count.
///
/// Math:   scores = max(0, logits); probs = scores / their sum per token, zeros where all are zero.
/// Shapes: [N, E].
/// Determinism: exact for a device and thread count.
/// Source: Wang et al. 2024, arXiv 2412.14711 (ReMoE), eq. 4.
class ReluScore final : public Score {
 public:
  at::Tensor score(const at::Tensor& logits) override { return at::relu(logits); }

  at::Tensor probs(const at::Tensor& /*logits*/, const at::Tensor& scores) override {
    return shares_of(scores);
  }
};

std::unique_ptr<Score> create(const config::Node& /*options*/, const RoutingShape& /*shape*/) {
  return std::make_unique<ReluScore>();
}

}  // namespace

ScoreEntry relu_score_entry() {
  return {{"relu",
           "positive logits alone; for the ReLU router",
           "Wang et al. 2024, arXiv 2412.14711, eq. 4"},
          nullptr,
          &create};
}

}  // namespace switchyard::train
