#include <algorithm>
#include <vector>

#include <ATen/ATen.h>

#include "engine/base/config/number_list.h"
#include "engine/train/routing/coordinate_descent.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Every token takes its best expert; each further choice stays when its weight is large enough.
///
/// Math:   v = the K largest scores, or with use_differentiable_top_k the relaxed scores of the
///         same experts; weight g_r = v_r / max(sum v, eps). Choice 1 stays. Choice r > 1 stays
///         always, when g_r > theta_r (threshold), or with probability min(1, g_r / theta_r)
///         (random). What does not stay takes no slot; weights are not divided again.
/// Shapes: scores [N, E]; expert_index, combine_weight [N, K].
/// Limits: 1 <= K <= E. use_straight_through lets the gradient of an expert's input flow into the
///         weights: the gradient of st-moe-pytorch, which is not that of the loss.
/// Determinism: exact, given the uniform numbers of the random rule.
/// Source: Zoph et al. 2022, arXiv 2202.08906, section 3.4 and appendix G; Lepikhin et al. 2020,
///         arXiv 2006.16668, section 2.2; relaxed: Ainslie et al. 2023, arXiv 2303.09752.
class TopNThresholdRouter final : public Router {
 public:
  explicit TopNThresholdRouter(const config::Node& options)
      : top_k_(options.integer("top_k")),
        eps_(options.number("eps")),
        keep_(options.text("keep")),
        keep_eval_(options.text("keep_eval")),
        use_straight_through_(options.boolean("use_straight_through")),
        use_differentiable_top_k_(options.boolean("use_differentiable_top_k")) {
    const std::vector<double> given = *config::numbers_from_text(options.text("thresholds"));
    thresholds_.push_back(eps_);
    for (std::int64_t r = 1; r < top_k_; ++r) {
      const auto place = std::min(static_cast<std::size_t>(r), given.size()) - 1;
      thresholds_.push_back(std::max(given[place], eps_));
    }
  }

  Choice choose(const Scores& scores, const TokenView& tokens) override {
    Choice choice;
    choice.use_straight_through = use_straight_through_;
    const at::Tensor best = largest(scores.ranked, top_k_);
    const at::Tensor value = at_chosen(
        use_differentiable_top_k_ ? coordinate_descent(scores.scores, top_k_) : scores.scores,
        best);
    const at::Tensor weight = value / value.sum(1, true).clamp_min(eps_);
    const std::string& rule = tokens.is_training ? keep_ : keep_eval_;
    if (rule == "always" || top_k_ == 1) {
      choice.expert_index = best;
      choice.combine_weight = weight;
      return choice;
    }
    const at::Tensor is_refused = refuses(weight.detach(), rule == "random", tokens);
    choice.expert_index = best.masked_fill(is_refused, scores.num_experts());
    choice.combine_weight = weight.masked_fill(is_refused, 0.0);
    return choice;
  }

  [[nodiscard]] std::int64_t top_k() const override { return top_k_; }

  [[nodiscard]] bool may_leave_slots_empty() const override { return top_k_ > 1; }

  [[nodiscard]] bool draws() const override { return top_k_ > 1 && keep_ == "random"; }

 private:
  /// [N, K] bool; never the first choice.
  [[nodiscard]] at::Tensor refuses(const at::Tensor& weight,
                                   bool is_random,
                                   const TokenView& tokens) const {
    at::Tensor least;  // of the weight, in thresholds
    if (!is_random) {
      least = at::ones_like(weight);
    } else if (tokens.keep_uniform.defined()) {
      least = tokens.keep_uniform;
    } else {
      least = at::rand_like(weight);
    }
    std::vector<at::Tensor> columns{
        at::zeros({weight.size(0), 1}, weight.options().dtype(at::kBool))};
    for (std::int64_t r = 1; r < top_k_; ++r) {
      const double threshold = thresholds_[static_cast<std::size_t>(r)];
      columns.push_back(least.narrow(1, r, 1) >= weight.narrow(1, r, 1) / threshold);
    }
    return at::cat(columns, 1);
  }

  std::int64_t top_k_;
  double eps_;
  std::string keep_, keep_eval_;
  bool use_straight_through_, use_differentiable_top_k_;
  std::vector<double> thresholds_;  ///< by choice, the first without meaning
};

void describe(config::Schema& s) {
  s.integer("top_k", 2)
      .range(1, 64)
      .in("experts")
      .named("Active per token")
      .says("experts that each token uses at most")
      .at_level(config::Level::kEssential);
  s.text("thresholds", "0.2")
      .says(
          "weight below which a further choice may go: one number for each, separated by commas; "
          "the last one stands for all after it");
  s.choice("keep", "random", {"random", "always", "threshold"})
      .says(
          "further choices in training: with probability weight / threshold, all of them, or those "
          "above it");
  s.choice("keep_eval", "always", {"always", "threshold", "random"})
      .says("the same in evaluation and sampling (st-moe-pytorch: random)");
  s.boolean("use_straight_through", false)
      .says(
          "let the gradient of expert inputs reach the weights, as st-moe-pytorch does by default")
      .at_level(config::Level::kAll);
  s.boolean("use_differentiable_top_k", false)
      .says("weights from relaxed scores: 20 iterations of coordinate descent, eps 0.1, ratio 9/8")
      .at_level(config::Level::kAll);
  s.number("eps", 1e-9)
      .above(0.0, 1.0)
      .says("least sum that divides weights")
      .at_level(config::Level::kAll);
  s.rule("thresholds_are_numbers");
}

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& /*shape*/) {
  return std::make_unique<TopNThresholdRouter>(options);
}

}  // namespace

RouterEntry top_n_threshold_entry() {
  return {{"top_n_threshold",
           "the best expert, and further ones whose weight is large enough: ST-MoE",
           "Zoph et al. 2022, arXiv 2202.08906, section 3.4 and appendix G"},
          &describe,
          &create};
}

}  // namespace switchyard::train
