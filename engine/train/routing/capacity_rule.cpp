#include "engine/train/routing/capacity_rule.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

namespace switchyard::train {

CapacityRule::CapacityRule(const config::Node& options)
    : factor_(options.number("factor")),
      factor_eval_(options.number("factor_eval")),
      is_scaled_by_top_k_(options.boolean("is_scaled_by_top_k")),
      is_per_sequence_(options.text("group") == "sequence"),
      min_capacity_(options.integer("min_capacity")),
      multiple_(options.integer("multiple")),
      rounding_(options.text("rounding")) {}

void CapacityRule::describe(config::Schema& s) {
  s.number("factor", 1.25)
      .above(0.0, 1e4)
      .named("Capacity factor")
      .says("slots of an expert in training, as a multiple of an equal share of the tokens");
  s.number("factor_eval", 2.0)
      .above(0.0, 1e4)
      .named("Capacity factor (evaluation)")
      .says("the same in evaluation and sampling");
  s.boolean("is_scaled_by_top_k", true)
      .says(
          "a share counts every choice of a token (V-MoE, Megatron), or each token once (ST-MoE)");
  s.integer("min_capacity", 4)
      .range(1, 1 << 20)
      .in("tokens")
      .says("an expert has at least so many slots")
      .at_level(config::Level::kAll);
  s.choice("rounding", "ceil", {"floor", "ceil", "nearest"})
      .says("how the share becomes a whole number (ST-MoE: floor)")
      .at_level(config::Level::kAll);
  s.integer("multiple", 1)
      .range(1, 4096)
      .in("tokens")
      .says("slots are raised to a multiple of this")
      .at_level(config::Level::kAll);
  s.choice("group", "sequence", {"sequence", "micro_batch"})
      .says(
          "who shares an expert's slots: the tokens of a sequence, or all of a pass (then other "
          "sequences decide who is dropped)")
      .at_level(config::Level::kAll);
}

std::int64_t rounded(double value, const std::string& rounding) {
  if (rounding == "floor") return static_cast<std::int64_t>(std::floor(value));
  if (rounding == "ceil") return static_cast<std::int64_t>(std::ceil(value));
  return static_cast<std::int64_t>(std::nearbyint(value));
}

std::int64_t CapacityRule::capacity(std::int64_t num_tokens,
                                    std::int64_t num_experts,
                                    std::int64_t top_k,
                                    bool is_training) const {
  const double factor = is_training ? factor_ : factor_eval_;
  const double share = factor * static_cast<double>(num_tokens) / static_cast<double>(num_experts) *
                       (is_scaled_by_top_k_ ? static_cast<double>(top_k) : 1.0);
  const std::int64_t slots = rounded(share, rounding_);
  return std::max(min_capacity_, (slots + multiple_ - 1) / multiple_ * multiple_);
}

at::Tensor places_in_queues(const at::Tensor& expert_index,
                            std::int64_t num_experts,
                            const at::Tensor& order) {
  const at::Tensor index = order.defined() ? expert_index.gather(1, order) : expert_index;
  const auto [sorted, from] = at::sort(index, /*stable=*/true, 1, false);
  const at::Tensor count = at::zeros({index.size(0), num_experts + 1}, index.options())
                               .scatter_add_(1, index, at::ones_like(index));
  const at::Tensor first = count.cumsum(1) - count;
  const at::Tensor place = at::arange(index.size(1), index.options()) - first.gather(1, sorted);
  const at::Tensor in_order = at::empty_like(place).scatter_(1, from, place);
  return order.defined() ? at::empty_like(place).scatter_(1, order, in_order) : in_order;
}

at::Tensor places_choice_by_choice(const at::Tensor& expert_index,
                                   std::int64_t num_experts,
                                   const at::Tensor& token_order) {
  const std::int64_t G = expert_index.size(0), T = expert_index.size(1), K = expert_index.size(2);
  at::Tensor order;
  if (token_order.defined()) {
    const at::Tensor first = at::arange(K, token_order.options()) * T;
    order = (token_order.unsqueeze(1) + first.view({1, K, 1})).view({G, K * T});
  }
  const at::Tensor by_choice = expert_index.transpose(1, 2).reshape({G, K * T});
  return places_in_queues(by_choice, num_experts, order).view({G, K, T}).transpose(1, 2);
}

at::Tensor LimitedCapacity::limit(const Choice& choice,
                                  const at::Tensor& /*combine_weight*/,
                                  const Scores& scores,
                                  const TokenView& tokens) {
  const at::NoGradGuard no_grad;
  const std::int64_t K = choice.expert_index.size(1), E = scores.num_experts();
  const std::int64_t G = rule_.num_groups(tokens), T = tokens.num_tokens() / G;
  const at::Tensor index = choice.expert_index.view({G, T, K});
  const at::Tensor score = at_chosen(scores.scores, choice.expert_index).view({G, T, K});
  const std::int64_t slots = rule_.capacity(T, E, K, tokens.is_training);
  at::Tensor is_over = places(index, score, E) >= slots;
  if (num_free_experts_ > 0) is_over = is_over.logical_and(index < E - num_free_experts_);
  return index.masked_fill(is_over, E).view({-1, K});
}

}  // namespace switchyard::train
