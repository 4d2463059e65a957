#include <ATen/ATen.h>

#include "engine/train/routing/assignment.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// One expert per token: in training the assignment of equal loads with the largest sum of logits.
///
/// Math:   in training expert_index = balanced_assignment(logits), in evaluation the largest logit;
///         weight sigmoid(logit).
/// Shapes: logits [N, E]; expert_index, combine_weight [N, 1].
/// Limits: the assignment is computed on the host: a training step waits for the device in every
///         layer and cannot be recorded as a CUDA graph. Training is not causal: it depends on
///         every token of the pass; evaluation is, and its loads are not equal.
/// Determinism: exact.
/// Source: Lewis et al. 2021, arXiv 2103.16716, sections 3.1-3.2. Differs: loads of a pass on one
///         device instead of over all workers, without shuffling tokens.
class BaseAssignmentRouter final : public Router {
 public:
  Choice choose(const Scores& scores, const TokenView& tokens) override {
    Choice choice;
    {
      const at::NoGradGuard no_grad;
      choice.expert_index =
          tokens.is_training
              ? balanced_assignment(scores.logits.cpu()).to(scores.logits.device()).unsqueeze(1)
              : largest(scores.logits, 1);
    }
    choice.combine_weight = at_chosen(at::sigmoid(scores.logits), choice.expert_index);
    return choice;
  }

  [[nodiscard]] std::int64_t top_k() const override { return 1; }
};

std::unique_ptr<Router> create(const config::Node& /*options*/, const RoutingShape& /*shape*/) {
  return std::make_unique<BaseAssignmentRouter>();
}

}  // namespace

RouterEntry base_assignment_entry() {
  return {{"base_assignment",
           "equal loads with the best total score, solved on the host; training is not causal",
           "Lewis et al. 2021, arXiv 2103.16716, section 3.1",
           /*is_causal=*/false},
          nullptr,
          &create};
}

}  // namespace switchyard::train
