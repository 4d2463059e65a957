#include "engine/base/routing/load.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace switchyard::routing {
namespace {

double sum_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

double entropy_of(std::span<const double> shares) {
  double entropy = 0.0;
  for (const double p : shares) {
    if (p > 0.0) entropy -= p * std::log(p);
  }
  return entropy;
}

double squared_cv(std::span<const double> values) {
  const double mean = sum_of(values) / static_cast<double>(values.size());
  double variance = 0.0;
  for (const double value : values) variance += (value - mean) * (value - mean);
  return variance / static_cast<double>(values.size()) / (mean * mean);
}

LoadStatistics load_statistics(std::span<const double> tokens_per_expert, double dead_fraction) {
  LoadStatistics load;
  const auto E = static_cast<double>(tokens_per_expert.size());
  const double total = sum_of(tokens_per_expert);
  if (tokens_per_expert.empty() || total <= 0.0) return load;
  const double mean = total / E;
  std::vector<double> sorted(tokens_per_expert.begin(), tokens_per_expert.end());
  std::sort(sorted.begin(), sorted.end());
  double weighted = 0.0;  // Gini by ranks: equals the sum over all pairs
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    weighted += (2.0 * static_cast<double>(i) + 1.0 - E) * sorted[i];
    if (sorted[i] < dead_fraction * mean) ++load.dead_experts;
    if (sorted[i] == 0.0) ++load.unused_experts;
  }
  load.gini = weighted / (E * E * mean);
  load.max_over_mean = sorted.back() / mean;
  load.min_over_mean = sorted.front() / mean;
  load.cv = std::sqrt(squared_cv(tokens_per_expert));
  for (double& count : sorted) count /= total;
  load.entropy_nats = entropy_of(sorted);
  load.entropy_normalized = sorted.size() > 1 ? load.entropy_nats / std::log(E) : 1.0;
  load.effective_experts = std::exp(load.entropy_nats);
  return load;
}

}  // namespace switchyard::routing
