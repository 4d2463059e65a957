#include <algorithm>
#include <limits>

#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Every token takes its K best experts, of the best groups of experts where there are groups.
///
/// Math:   expert_index = the K largest of ranked, the lower index first on ties; with num_groups G
///         > 1 only experts of the groups_per_token groups whose sum of the group_score_experts
///         largest ranked scores is highest.
/// Shapes: ranked [N, E]; expert_index [N, K].
/// Limits: 1 <= K <= E; G divides E; K <= groups_per_token E / G.
/// Determinism: exact; a stable sort decides ties on every device.
/// Source: Shazeer et al. 2017, arXiv 1701.06538, section 2.1; groups: DeepSeek-AI 2024, arXiv
///         2412.19437, section 2.1.2 (excluded groups are never chosen, whatever the bias).
class TopKRouter final : public Router {
 public:
  explicit TopKRouter(const config::Node& options)
      : top_k_(options.integer("top_k")),
        num_groups_(options.integer("num_groups")),
        groups_per_token_(options.integer("groups_per_token")),
        group_score_experts_(options.integer("group_score_experts")) {}

  Choice choose(const Scores& scores, const TokenView& /*tokens*/) override {
    Choice choice;
    choice.expert_index =
        largest(num_groups_ > 1 ? of_best_groups(scores.ranked) : scores.ranked, top_k_);
    return choice;
  }

  [[nodiscard]] std::int64_t top_k() const override { return top_k_; }

 private:
  /// ranked with minus infinity for experts of the other groups.
  [[nodiscard]] at::Tensor of_best_groups(const at::Tensor& ranked) const {
    const std::int64_t N = ranked.size(0), E = ranked.size(1);
    const at::Tensor by_group = ranked.view({N, num_groups_, E / num_groups_});
    const std::int64_t num_counted = std::min(group_score_experts_, E / num_groups_);
    const at::Tensor of_group = std::get<0>(at::sort(by_group, true, 2, true))
                                    .narrow(2, 0, num_counted)
                                    .sum(2);
    const at::Tensor best = largest(of_group, groups_per_token_);
    const at::Tensor is_out =
        at::ones_like(of_group, of_group.options().dtype(at::kBool)).scatter(1, best, 0);
    return by_group.masked_fill(is_out.unsqueeze(2), -std::numeric_limits<double>::infinity())
        .view({N, E});
  }

  std::int64_t top_k_, num_groups_, groups_per_token_, group_score_experts_;
};

void describe(config::Schema& s) {
  s.integer("top_k", 2)
      .range(1, 64)
      .in("experts")
      .named("Active per token")
      .says("experts that each token uses")
      .at_level(config::Level::kEssential);
  s.integer("num_groups", 1)
      .range(1, 256)
      .in("groups")
      .says("equal groups of experts; a token uses the experts of a few of them (DeepSeek-V3: 8)")
      .at_level(config::Level::kAll);
  s.integer("groups_per_token", 1)
      .range(1, 256)
      .in("groups")
      .says("groups whose experts a token may use (DeepSeek-V3: 4)")
      .at_level(config::Level::kAll);
  s.integer("group_score_experts", 2)
      .range(1, 256)
      .in("experts")
      .says("a group's best experts whose scores are summed to rank it (DeepSeek-V3: 2)")
      .at_level(config::Level::kAll);
}

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& /*shape*/) {
  return std::make_unique<TopKRouter>(options);
}

}  // namespace

RouterEntry top_k_entry() {
  return {{"top_k",
           "every token takes its K best experts",
           "Shazeer et al. 2017, arXiv 1701.06538, section 2.1"},
          &describe,
          &create};
}

}  // namespace switchyard::train
