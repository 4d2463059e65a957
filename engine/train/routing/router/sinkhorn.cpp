#include <ATen/ATen.h>

#include "engine/train/routing/assignment.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Choices from a plan that uses all experts equally.
///
/// Math:   in training expert_index = the K largest of sinkhorn(logits), without gradient; in
///         evaluation the K largest logits. Weight: sigmoid of the logit for K = 1, else the
///         softmax over all experts, not divided.
/// Shapes: logits [N, E]; expert_index, combine_weight [N, K].
/// Limits: training is not causal: the plan depends on every token of the pass; evaluation is.
///         Loads are nearly equal, not exactly. A load-balance loss has nothing to do: set its
///         weight to 0.
/// Determinism: exact for a device and thread count.
/// Source: Clark et al. 2022, arXiv 2202.01169, appendix B (S-BASE); weights as in Megatron-LM.
class SinkhornRouter final : public Router {
 public:
  explicit SinkhornRouter(const config::Node& options)
      : top_k_(options.integer("top_k")), num_iterations_(options.integer("num_iterations")) {}

  Choice choose(const Scores& scores, const TokenView& tokens) override {
    Choice choice;
    {
      const at::NoGradGuard no_grad;
      choice.expert_index = largest(
          tokens.is_training ? sinkhorn(scores.logits, num_iterations_) : scores.logits, top_k_);
    }
    choice.combine_weight =
        at_chosen(top_k_ == 1 ? at::sigmoid(scores.logits) : at::softmax(scores.logits, 1),
                  choice.expert_index);
    return choice;
  }

  [[nodiscard]] std::int64_t top_k() const override { return top_k_; }

 private:
  std::int64_t top_k_, num_iterations_;
};

void describe(config::Schema& s) {
  s.integer("top_k", 1)
      .range(1, 64)
      .in("experts")
      .named("Active per token")
      .says("experts that each token uses")
      .at_level(config::Level::kEssential);
  s.integer("num_iterations", 20)
      .range(1, 1000)
      .in("iterations")
      .says("how often rows and columns are scaled: 8 to 50");
}

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& /*shape*/) {
  return std::make_unique<SinkhornRouter>(options);
}

}  // namespace

RouterEntry sinkhorn_entry() {
  return {{"sinkhorn",
           "choices from a plan that uses experts equally; training is not causal",
           "Clark et al. 2022, arXiv 2202.01169, appendix B",
           /*is_causal=*/false},
          &describe,
          &create};
}

}  // namespace switchyard::train
