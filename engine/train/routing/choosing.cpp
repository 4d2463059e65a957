#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "engine/train/routing/router.h"

namespace switchyard::train {

at::Tensor at_chosen(const at::Tensor& values, const at::Tensor& expert_index) {
  const std::int64_t E = values.size(1);
  const at::Tensor chosen = values.gather(1, expert_index.clamp_max(E - 1));
  return chosen.masked_fill(expert_index == E, 0.0);
}

at::Tensor largest(const at::Tensor& ranked, std::int64_t top_k) {
  return std::get<1>(at::sort(ranked, /*stable=*/true, 1, /*descending=*/true))
      .narrow(1, 0, top_k)
      .contiguous();
}

at::Tensor index_of_members(const at::Tensor& is_member, const at::Tensor& ranked) {
  const std::int64_t E = ranked.size(1);
  const at::Tensor by_rank = largest(ranked, E);
  const at::Tensor is_out = is_member.gather(1, by_rank).logical_not();
  // Members first, each part in its order.
  const at::Tensor order = std::get<1>(at::sort(is_out.to(at::kInt), /*stable=*/true, 1, false));
  return by_rank.masked_fill(is_out, E).gather(1, order);
}

at::Tensor shares_of(const at::Tensor& values) {
  constexpr double kSmallestSum = 1e-20;
  return values / values.sum(1, true).clamp_min(kSmallestSum);
}

at::Tensor quantile_of_columns(const at::Tensor& values, double level) {
  const at::Tensor sorted = std::get<0>(at::sort(values, /*stable=*/true, 0, false));
  const double position = level * static_cast<double>(values.size(0) - 1);
  const auto below = static_cast<std::int64_t>(std::floor(position));
  const std::int64_t above = std::min(below + 1, values.size(0) - 1);
  const at::Tensor low = sorted.select(0, below);
  return low + (sorted.select(0, above) - low) * (position - static_cast<double>(below));
}

at::Tensor uniform_numbers(const TokenView& tokens, const at::Tensor& like) {
  return tokens.random.defined() ? tokens.random : at::rand_like(like);
}

at::Tensor count_assignments(const at::Tensor& expert_index, std::int64_t num_experts) {
  const at::Tensor index = expert_index.flatten();
  return at::zeros({num_experts + 1}, index.options())
      .scatter_add_(0, index, at::ones_like(index))
      .narrow(0, 0, num_experts);
}

}  // namespace switchyard::train
