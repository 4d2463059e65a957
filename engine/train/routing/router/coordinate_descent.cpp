#include <ATen/ATen.h>

#include "engine/train/routing/coordinate_descent.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// The K best experts, weighted by a relaxed choice that passes gradients to all experts.
///
/// Math:   expert_index = the K largest of ranked; m = coordinate_descent(scores); combine_weight = m
///         at the chosen, divided by their sum where renormalized.
/// Shapes: scores [N, E]; expert_index, combine_weight [N, K].
/// Limits: meant for scores in [0, 1]; the layer's rule of combine weights has no say.
/// Determinism: exact for a device and thread count.
/// Source: Ainslie et al. 2023, arXiv 2303.09752 (CoLT5), appendix; over experts as
///         differentiable_topk of st-moe-pytorch.
class CoordinateDescentRouter final : public Router {
 public:
  explicit CoordinateDescentRouter(const config::Node& options)
      : top_k_(options.integer("top_k")),
        use_renormalized_(options.boolean("use_renormalized")),
        descent_{options.integer("num_iterations"),
                 options.number("eps"),
                 options.number("eps_start"),
                 options.number("eps_decay"),
                 options.number("ratio")} {}

  Choice choose(const Scores& scores, const TokenView& /*tokens*/) override {
    constexpr double kSmallestSum = 1e-9;
    Choice choice;
    choice.expert_index = largest(scores.ranked, top_k_);
    const at::Tensor weight =
        coordinate_descent(scores.scores, top_k_, descent_).gather(1, choice.expert_index);
    choice.combine_weight =
        use_renormalized_ ? weight / weight.sum(1, true).clamp_min(kSmallestSum) : weight;
    return choice;
  }

  [[nodiscard]] std::int64_t top_k() const override { return top_k_; }

 private:
  std::int64_t top_k_;
  bool use_renormalized_;
  CoordinateDescent descent_;
};

void describe(config::Schema& s) {
  s.integer("top_k", 2)
      .range(1, 64)
      .in("experts")
      .named("Active per token")
      .says("experts that each token uses")
      .at_level(config::Level::kEssential);
  s.boolean("use_renormalized", true).says("divide the weights of the chosen by their sum");
  s.integer("num_iterations", 20)
      .range(1, 200)
      .in("iterations")
      .says("rounds of the descent; typically 20 to 50")
      .at_level(config::Level::kAll);
  s.number("eps", 0.1)
      .above(0.0, 100.0)
      .says("softness of the choice in the last rounds; typically 0.02 to 1");
  s.number("eps_start", 0.1)
      .above(0.0, 100.0)
      .says("softness in the first round; equal to eps: constant; CoLT5 offers 4")
      .at_level(config::Level::kAll);
  s.number("eps_decay", 1.0)
      .above(0.0, 1.0)
      .says("factor on the softness per round; CoLT5 with a start of 4: 0.7")
      .at_level(config::Level::kAll);
  s.number("ratio", 1.125)
      .range(1.0, 16.0)
      .says("experts that the relaxed choice spreads over, as a multiple of top_k; CoLT5: 9/8")
      .at_level(config::Level::kAll);
}

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& /*shape*/) {
  return std::make_unique<CoordinateDescentRouter>(options);
}

}  // namespace

RouterEntry coordinate_descent_entry() {
  return {{"coordinate_descent",
           "K best experts with weights from a relaxed choice, differentiable in all scores",
           "Ainslie et al. 2023, arXiv 2303.09752, appendix"},
          &describe,
          &create};
}

}  // namespace switchyard::train
