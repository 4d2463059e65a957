#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Choose first, normalise afterwards: the score is the logit itself.
///
/// Math:   scores = logits; probs = softmax over the experts of logits.
/// Shapes: [N, E].
/// Determinism: exact for a device and thread count.
/// Source: Shazeer et al. 2017, arXiv 1701.06538, eq. 3 and 5.
class LogitsScore final : public Score {
 public:
  at::Tensor score(const at::Tensor& logits) override { return logits; }

  at::Tensor probs(const at::Tensor& logits, const at::Tensor& /*scores*/) override {
    return at::softmax(logits, 1);
  }
};

std::unique_ptr<Score> create(const config::Node& /*options*/, const RoutingShape& /*shape*/) {
  return std::make_unique<LogitsScore>();
}

}  // namespace

ScoreEntry logits_score_entry() {
  return {{"logits",
           "the logit itself; for combine weights over the chosen alone: Mixtral, gpt-oss",
           "Shazeer et al. 2017, arXiv 1701.06538, eq. 3"},
          nullptr,
          &create};
}

}  // namespace switchyard::train
