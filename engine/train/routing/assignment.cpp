#include "engine/train/routing/assignment.h"

#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <queue>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

namespace switchyard::train {
namespace {

/// What an expert of an auction holds: the bids of the tokens that it serves, the lowest on top.
struct Holder {
  using Bid = std::pair<double, std::int64_t>;
  std::priority_queue<Bid, std::vector<Bid>, std::greater<>> bids;
  std::size_t num_slots = 0;

  /// What the next token has to outbid.
  [[nodiscard]] double price() const {
    if (num_slots == 0) return std::numeric_limits<double>::infinity();
    return bids.size() < num_slots ? 0.0 : bids.top().first;
  }
};

}  // namespace

at::Tensor sinkhorn(const at::Tensor& logits, std::int64_t num_iterations) {
  const auto N = static_cast<double>(logits.size(0)), E = static_cast<double>(logits.size(1));
  at::Tensor row, column = at::zeros({1, logits.size(1)}, logits.options());
  for (std::int64_t i = 0; i < num_iterations; ++i) {
    row = -std::log(N) - at::logsumexp(logits + column, 1, true);
    column = -std::log(E) - at::logsumexp(logits + row, 0, true);
  }
  return at::exp(logits + row + column);
}

at::Tensor balanced_assignment(const at::Tensor& affinity) {
  const at::Tensor values = affinity.to(at::kDouble).contiguous();
  const std::int64_t N = values.size(0), E = values.size(1);
  at::Tensor result = at::zeros({N}, at::kLong);
  if (N == 0) return result;
  const double range = (values.max() - values.min()).item<double>();
  const double eps = range > 0.0 ? 1e-4 * range : 1.0;
  std::vector<Holder> holders(static_cast<std::size_t>(E));
  for (std::int64_t e = 0; e < E; ++e) {
    holders[static_cast<std::size_t>(e)].num_slots =
        static_cast<std::size_t>(N / E + (e < N % E ? 1 : 0));
  }
  const auto* const value = values.const_data_ptr<double>();
  std::deque<std::int64_t> unserved;
  for (std::int64_t n = 0; n < N; ++n) unserved.push_back(n);
  while (!unserved.empty()) {
    const std::int64_t n = unserved.front();
    unserved.pop_front();
    std::size_t best = 0;
    double first = -std::numeric_limits<double>::infinity(), second = first;
    for (std::size_t e = 0; e < holders.size(); ++e) {
      const double profit = value[n * E + static_cast<std::int64_t>(e)] - holders[e].price();
      if (profit > first) {
        second = std::exchange(first, profit);
        best = e;
      } else if (profit > second) {
        second = profit;
      }
    }
    Holder& holder = holders[best];
    // Without a second expert to go to, any bid is enough.
    const double raise = std::isfinite(second) ? first - second : 0.0;
    holder.bids.emplace(holder.price() + raise + eps, n);
    if (holder.bids.size() > holder.num_slots) {
      unserved.push_back(holder.bids.top().second);
      holder.bids.pop();
    }
  }
  auto* const expert = result.mutable_data_ptr<std::int64_t>();
  for (std::size_t e = 0; e < holders.size(); ++e) {
    for (; !holders[e].bids.empty(); holders[e].bids.pop()) {
      expert[holders[e].bids.top().second] = static_cast<std::int64_t>(e);
    }
  }
  return result;
}

}  // namespace switchyard::train
