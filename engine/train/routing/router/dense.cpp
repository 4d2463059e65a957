#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// No choice at all: every token uses every expert.
///
/// Math:   expert_index = all experts in descending order of rank.
/// Shapes: expert_index [N, E].
/// Limits: E times the work of one expert.
/// Determinism: exact.
/// Source: Jacobs et al. 1991, doi 10.1162/neco.1991.3.1.79, eq. 1.
class DenseRouter final : public Router {
 public:
  explicit DenseRouter(std::int64_t num_experts) : num_experts_(num_experts) {}

  Choice choose(const Scores& scores, const TokenView& /*tokens*/) override {
    Choice choice;
    choice.expert_index = largest(scores.ranked, num_experts_);
    return choice;
  }

  [[nodiscard]] std::int64_t top_k() const override { return num_experts_; }

 private:
  std::int64_t num_experts_;
};

std::unique_ptr<Router> create(const config::Node& /*options*/, const RoutingShape& shape) {
  return std::make_unique<DenseRouter>(shape.num_experts);
}

}  // namespace

RouterEntry dense_entry() {
  return {{"dense",
           "every token uses every expert: the upper bound, typically with 2 to 8 experts",
           "Jacobs et al. 1991, doi 10.1162/neco.1991.3.1.79, eq. 1"},
          nullptr,
          &create};
}

}  // namespace switchyard::train
