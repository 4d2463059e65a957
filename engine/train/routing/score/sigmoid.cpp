#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Every expert is judged by itself: scores of a token need not compete.
///
/// Math:   scores = 1 / (1 + exp(-logits)); probs = scores / their sum per token, or the scores.
/// Shapes: [N, E].
/// Limits: the z-loss of sigmoid routers is a heuristic: it is defined on softmax.
/// Determinism: exact for a device and thread count.
/// Source: DeepSeek-AI 2024, arXiv 2412.19437, eq. 15 and 18.
class SigmoidScore final : public Score {
 public:
  explicit SigmoidScore(bool normalizes) : normalizes_(normalizes) {}

  at::Tensor score(const at::Tensor& logits) override { return at::sigmoid(logits); }

  at::Tensor probs(const at::Tensor& /*logits*/, const at::Tensor& scores) override {
    return normalizes_ ? shares_of(scores) : scores;
  }

 private:
  bool normalizes_;
};

void describe(config::Schema& s) {
  s.boolean("use_normalized_probs", true)
      .says("the balance loss sees shares of one (DeepSeek-V3); off: the scores (nanoMoE)")
      .at_level(config::Level::kAll);
}

std::unique_ptr<Score> create(const config::Node& options, const RoutingShape& /*shape*/) {
  return std::make_unique<SigmoidScore>(options.boolean("use_normalized_probs"));
}

}  // namespace

ScoreEntry sigmoid_score_entry() {
  return {{"sigmoid",
           "each expert by itself, in (0, 1): DeepSeek-V3, Kimi K2, nanoMoE",
           "DeepSeek-AI 2024, arXiv 2412.19437, eq. 15"},
          &describe,
          &create};
}

}  // namespace switchyard::train
