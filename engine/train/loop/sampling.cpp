#include "engine/train/loop/sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <unordered_set>

#include "kernels/include/philox.h"

namespace switchyard::train {
namespace {

Error out_of_range(const char* name, const char* expected, double found) {
  return {ErrorCode::kUsage,
          name,
          std::string("expected ") + expected + ", found " + Json(found).dump() + ".",
          "",
          {}};
}

void penalise(std::vector<double>& logits, std::span<const std::int32_t> history, double penalty) {
  if (penalty == 1.0) return;
  for (const std::int32_t id : std::unordered_set<std::int32_t>(history.begin(), history.end())) {
    if (id < 0 || static_cast<std::size_t>(id) >= logits.size()) continue;
    double& logit = logits[static_cast<std::size_t>(id)];
    logit = logit < 0 ? logit * penalty : logit / penalty;
  }
}

void keep_top_k(std::vector<double>& logits, std::int64_t top_k) {
  if (top_k <= 0 || top_k >= std::ssize(logits)) return;
  std::vector<double> sorted = logits;
  const auto kth = sorted.begin() + (top_k - 1);
  std::nth_element(sorted.begin(), kth, sorted.end(), std::greater<>());
  for (double& logit : logits) {
    if (logit < *kth) logit = -std::numeric_limits<double>::infinity();
  }
}

void normalise(std::vector<double>& probabilities) {
  const double total = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  for (double& p : probabilities) p /= total;
}

std::vector<double> softmax(const std::vector<double>& logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> probabilities(logits.size());
  std::transform(logits.begin(), logits.end(), probabilities.begin(), [&](double logit) {
    return std::exp(logit - largest);
  });
  normalise(probabilities);
  return probabilities;
}

void keep_top_p(std::vector<double>& probabilities, double top_p) {
  if (top_p >= 1.0) return;
  std::vector<std::size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return probabilities[a] > probabilities[b];
  });
  double before = 0.0;
  bool is_first = true;
  for (const std::size_t id : order) {
    const double p = probabilities[id];
    if (!is_first && before >= top_p) probabilities[id] = 0.0;
    before += p;
    is_first = false;
  }
  normalise(probabilities);
}

void keep_min_p(std::vector<double>& probabilities, double min_p) {
  if (min_p <= 0.0) return;
  const double bound = min_p * *std::max_element(probabilities.begin(), probabilities.end());
  for (double& p : probabilities) {
    if (p < bound) p = 0.0;
  }
  normalise(probabilities);
}

}  // namespace

Status check_settings(const SamplingSettings& settings) {
  const auto is_within = [](double value, double low, double high) {
    return value >= low && value <= high;  // false for NaN
  };
  if (!is_within(settings.temperature, 0.0, 100.0)) {
    return out_of_range("temperature", "a number in [0, 100]", settings.temperature);
  }
  if (settings.top_k < 0) {
    return out_of_range("top_k", "0 (off) or more", static_cast<double>(settings.top_k));
  }
  if (!is_within(settings.top_p, 0.0, 1.0) || settings.top_p == 0.0) {
    return out_of_range("top_p", "a number above 0 and up to 1", settings.top_p);
  }
  if (!is_within(settings.min_p, 0.0, 1.0)) {
    return out_of_range("min_p", "a number in [0, 1]", settings.min_p);
  }
  if (!is_within(settings.repetition_penalty, 1e-3, 100.0)) {
    return out_of_range(
        "repetition_penalty", "a number in [0.001, 100]", settings.repetition_penalty);
  }
  return {};
}

std::vector<double> sampling_distribution(std::span<const double> logits,
                                          std::span<const std::int32_t> history,
                                          const SamplingSettings& settings) {
  std::vector<double> scores(logits.begin(), logits.end());
  penalise(scores, history, settings.repetition_penalty);
  if (settings.temperature == 0.0) {
    std::vector<double> probabilities(scores.size(), 0.0);
    const auto best = std::max_element(scores.begin(), scores.end());
    probabilities[static_cast<std::size_t>(best - scores.begin())] = 1.0;
    return probabilities;
  }
  for (double& score : scores) score /= settings.temperature;
  keep_top_k(scores, settings.top_k);
  std::vector<double> probabilities = softmax(scores);
  keep_top_p(probabilities, settings.top_p);
  keep_min_p(probabilities, settings.min_p);
  return probabilities;
}

std::int32_t draw(std::span<const double> probabilities, double u) {
  double cumulative = 0.0;
  std::int32_t last_possible = 0;
  for (std::size_t id = 0; id < probabilities.size(); ++id) {
    if (probabilities[id] <= 0.0) continue;
    cumulative += probabilities[id];
    last_possible = static_cast<std::int32_t>(id);
    if (cumulative > u) return last_possible;
  }
  return last_possible;
}

double uniform(std::uint64_t seed, std::uint64_t i) {
  return kernels::philox_uniform(seed, i);
}

double log_probability(std::span<const double> logits, std::int32_t id) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  const double total =
      std::accumulate(logits.begin(), logits.end(), 0.0, [&](double sum, double logit) {
        return sum + std::exp(logit - largest);
      });
  return logits[static_cast<std::size_t>(id)] - largest - std::log(total);
}

double entropy_nats(std::span<const double> probabilities) {
  double entropy = 0.0;
  for (const double p : probabilities) {
    if (p > 0.0) entropy -= p * std::log(p);
  }
  return entropy;
}

std::int64_t rank_of(std::span<const double> probabilities, std::int32_t id) {
  const auto at = static_cast<std::size_t>(id);
  std::int64_t rank = 0;
  for (std::size_t other = 0; other < probabilities.size(); ++other) {
    const bool is_before = probabilities[other] > probabilities[at] ||
                           (probabilities[other] == probabilities[at] && other < at);
    rank += is_before ? 1 : 0;
  }
  return rank;
}

std::optional<StopMatch> find_stop(std::string_view text,
                                   std::size_t from,
                                   std::span<const std::string> stops) {
  std::optional<StopMatch> first;
  for (std::size_t i = 0; i < stops.size(); ++i) {
    if (stops[i].empty()) continue;
    const std::size_t begin = from >= stops[i].size() ? from - stops[i].size() + 1 : 0;
    const std::size_t position = text.find(stops[i], begin);
    if (position == std::string_view::npos) continue;
    if (!first.has_value() || position < first->position) first = StopMatch{position, i};
  }
  return first;
}

}  // namespace switchyard::train
