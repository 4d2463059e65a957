#include "kernels/include/sample_token.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "kernels/include/philox.h"

namespace switchyard::kernels {
namespace {

std::vector<double> softmax(const std::vector<double>& scores) {
  const double largest = *std::max_element(scores.begin(), scores.end());
  std::vector<double> weights;
  double total = 0.0;
  for (const double score : scores) total += weights.emplace_back(std::exp(score - largest));
  for (double& weight : weights) weight /= total;
  return weights;
}

void keep_top_p(std::vector<double>& probabilities, double top_p) {
  std::vector<std::size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return probabilities[a] > probabilities[b];
  });
  double before = 0.0;
  for (const std::size_t id : order) {
    const double p = probabilities[id];
    if (before > 0.0 && before >= top_p) probabilities[id] = 0.0;
    before += p;
  }
}

/// What is drawn from; sums to anything.
std::vector<double> distribution(std::vector<double> scores, const SampleSettings& settings) {
  for (double& score : scores) score /= static_cast<double>(settings.temperature);
  if (settings.top_k > 0 && settings.top_k < std::ssize(scores)) {
    std::vector<double> sorted = scores;
    const auto kth = sorted.begin() + (settings.top_k - 1);
    std::nth_element(sorted.begin(), kth, sorted.end(), std::greater<>());
    for (double& score : scores) {
      if (score < *kth) score = -HUGE_VAL;
    }
  }
  std::vector<double> probabilities = softmax(scores);
  if (settings.top_p < 1.0F) keep_top_p(probabilities, static_cast<double>(settings.top_p));
  const double bound = static_cast<double>(settings.min_p) *
                       *std::max_element(probabilities.begin(), probabilities.end());
  for (double& p : probabilities) {
    if (p < bound) p = 0.0;
  }
  return probabilities;
}

std::int32_t draw(const std::vector<double>& weights, double u) {
  const double target = u * std::accumulate(weights.begin(), weights.end(), 0.0);
  double cumulative = 0.0;
  std::int32_t last_possible = 0;
  for (std::size_t id = 0; id < weights.size(); ++id) {
    if (weights[id] <= 0.0) continue;
    cumulative += weights[id];
    last_possible = static_cast<std::int32_t>(id);
    if (cumulative > target) break;
  }
  return last_possible;
}

}  // namespace

void sample_token_reference(const SampleToken& shape, const SampleTokenArguments& args) {
  for (std::int64_t m = 0; m < shape.M; ++m) {
    const float* row = args.logits + m * shape.stride;
    const std::vector<double> logits(row, row + shape.V);
    const std::int64_t i = args.num_drawn[m];
    const double u = philox_uniform(args.seed[m], static_cast<std::uint64_t>(i));
    const std::int32_t token =
        args.settings->temperature == 0.0F
            ? static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) -
                                        logits.begin())
            : draw(distribution(logits, *args.settings), u);
    args.token[m] = token;
    args.num_drawn[m] = i + 1;
    if (args.length != nullptr) ++args.length[m];
    if (i < 0 || i >= shape.capacity) continue;
    const std::int64_t at = m * shape.capacity + i;
    if (args.tokens != nullptr) args.tokens[at] = token;
    const std::vector<double> plain = softmax(logits);
    if (args.log_probability != nullptr) {
      args.log_probability[at] =
          static_cast<float>(std::log(plain[static_cast<std::size_t>(token)]));
    }
    if (args.entropy == nullptr) continue;
    double entropy = 0.0;
    for (const double p : plain) entropy -= p > 0.0 ? p * std::log(p) : 0.0;
    args.entropy[at] = static_cast<float>(entropy);
  }
}

}  // namespace switchyard::kernels
