#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Experts compete for a token.
///
/// Math:   scores = softmax over the experts of logits / temperature.
/// Shapes: [N, E].
/// Determinism: exact for a device and thread count.
/// Source: Fedus et al. 2021, arXiv 2101.03961, eq. 1.
class SoftmaxScore final : public Score {
 public:
  explicit SoftmaxScore(double temperature) : temperature_(temperature) {}

  at::Tensor score(const at::Tensor& logits) override {
    return at::softmax(temperature_ == 1.0 ? logits : logits / temperature_, 1);
  }

  at::Tensor probs(const at::Tensor& /*logits*/, const at::Tensor& scores) override {
    return scores;
  }

 private:
  double temperature_;
};

void describe(config::Schema& s) {
  s.number("temperature", 1.0)
      .above(0.0, 1e3)
      .says("divides logits: below 1 sharpens, above 1 flattens");
}

std::unique_ptr<Score> create(const config::Node& options, const RoutingShape& /*shape*/) {
  return std::make_unique<SoftmaxScore>(options.number("temperature"));
}

}  // namespace

ScoreEntry softmax_score_entry() {
  return {{"softmax",
           "shares of one, over all experts",
           "Fedus et al. 2021, arXiv 2101.03961, eq. 1"},
          &describe,
          &create};
}

}  // namespace switchyard::train
