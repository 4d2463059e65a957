#include "kernels/include/route_top_k.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace switchyard::kernels {
namespace {

using Doubles = std::vector<double>;

bool is_softmax(RouterScore score) {
  return score == RouterScore::kSoftmax || score == RouterScore::kSoftmaxOfSelected;
}

double log_sum_exp(const float* x, int E) {
  const auto largest = static_cast<double>(*std::max_element(x, x + E));
  double sum = 0.0;
  for (int e = 0; e < E; ++e) sum += std::exp(static_cast<double>(x[e]) - largest);
  return largest + std::log(sum);
}

double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
}

/// Scores before any selection; for both softmax kinds the softmax of all logits.
Doubles scores_of(RouterScore score, const float* x, int E, double logsumexp) {
  Doubles s;
  for (int e = 0; e < E; ++e) {
    const auto logit = static_cast<double>(x[e]);
    if (is_softmax(score)) {
      s.push_back(std::exp(logit - logsumexp));
    } else if (score == RouterScore::kSigmoid) {
      s.push_back(sigmoid(logit));
    } else {
      s.push_back(std::sqrt(softplus(logit)));
    }
  }
  return s;
}

/// ds / dx of a score that depends on its own logit alone.
double slope_of(RouterScore score, double x, double s) {
  if (score == RouterScore::kSigmoid) return s * (1.0 - s);
  return s > 0.0 ? sigmoid(x) / (2.0 * s) : 0.0;
}

double sum_of(const Doubles& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

void select(const RouteTopK& shape,
            const float* x,
            const float* bias,
            const Doubles& s,
            std::int32_t* expert_index) {
  std::vector<float> keys;
  for (int e = 0; e < shape.E; ++e) {
    const bool is_logit = bias == nullptr || shape.score == RouterScore::kSoftmaxOfSelected;
    const float key = is_logit ? x[e] : static_cast<float>(s[static_cast<std::size_t>(e)]);
    keys.push_back(bias == nullptr ? key : key + bias[e]);
  }
  std::vector<std::int32_t> order(static_cast<std::size_t>(shape.E));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    const float key_a = keys[static_cast<std::size_t>(a)],
                key_b = keys[static_cast<std::size_t>(b)];
    return std::isnan(key_a) ? !std::isnan(key_b) : key_a > key_b;
  });
  std::copy_n(order.begin(), shape.K, expert_index);
}

/// The scores of the selected experts, for kSoftmaxOfSelected their softmax.
Doubles selected_scores(const RouteTopK& shape,
                        const float* x,
                        const Doubles& s,
                        const std::int32_t* expert_index) {
  Doubles selected;
  if (shape.score == RouterScore::kSoftmaxOfSelected) {
    std::vector<float> logits;
    for (int k = 0; k < shape.K; ++k) logits.push_back(x[expert_index[k]]);
    const double logsumexp = log_sum_exp(logits.data(), shape.K);
    for (const float logit : logits) {
      selected.push_back(std::exp(static_cast<double>(logit) - logsumexp));
    }
    return selected;
  }
  for (int k = 0; k < shape.K; ++k) {
    selected.push_back(s[static_cast<std::size_t>(expert_index[k])]);
  }
  return selected;
}

/// 1 / (sum + eps) where weights are divided by their sum; 1 where that is not wanted or already
/// so.
double inverse_sum(const RouteTopK& shape, const Doubles& selected) {
  if (shape.score == RouterScore::kSoftmaxOfSelected || !shape.use_renormalized_weights) return 1.0;
  return 1.0 / (sum_of(selected) + static_cast<double>(shape.eps));
}

void write(double value, float* at) {
  if (at != nullptr) *at = static_cast<float>(value);
}

void write(const Doubles& values, float* at) {
  if (at == nullptr) return;
  std::transform(
      values.begin(), values.end(), at, [](double value) { return static_cast<float>(value); });
}

}  // namespace

void route_top_k_reference(const RouteTopK& shape, const RouteTopKForward& args) {
  const auto E = static_cast<std::size_t>(shape.E);
  Doubles sum_probs(E, 0.0), importance(E, 0.0);
  double squares = 0.0, entropy = 0.0, margin = 0.0, balance = 0.0;
  std::fill_n(args.tokens_per_expert, shape.E, std::int64_t{0});
  for (std::int64_t n = 0; n < shape.N; ++n) {
    const float* x = args.router_logits + n * shape.E;
    std::int32_t* expert_index = args.expert_index + n * shape.K;
    const double logsumexp = log_sum_exp(x, shape.E);
    const Doubles s = scores_of(shape.score, x, shape.E, logsumexp);
    select(shape, x, args.selection_bias, s, expert_index);
    const Doubles selected = selected_scores(shape, x, s, expert_index);
    const double factor = static_cast<double>(shape.scale) * inverse_sum(shape, selected);
    for (int k = 0; k < shape.K; ++k) {
      const auto e = static_cast<std::size_t>(expert_index[k]);
      const double weight = factor * selected[static_cast<std::size_t>(k)];
      args.combine_weight[n * shape.K + k] = static_cast<float>(weight);
      importance[e] += weight;
      ++args.tokens_per_expert[e];
    }
    const double sum = is_softmax(shape.score) ? 1.0 : sum_of(s);
    double first = 0.0, second = 0.0;
    for (std::size_t e = 0; e < E; ++e) {
      const double p = s[e] / sum;
      sum_probs[e] += p;
      if (p > 0.0) entropy -= p * std::log(p);
      second = std::max(second, std::min(first, p));
      first = std::max(first, p);
      if (args.router_probs != nullptr) {
        write(p, args.router_probs + n * shape.E + static_cast<std::int64_t>(e));
      }
    }
    if (shape.E > 1) margin += first - second;
    squares += logsumexp * logsumexp;
    write(logsumexp, args.logsumexp + n);
  }
  const auto N = static_cast<double>(std::max<std::int64_t>(shape.N, 1));
  for (std::size_t e = 0; e < E; ++e) {
    balance += static_cast<double>(args.tokens_per_expert[e]) * sum_probs[e];
  }
  write(sum_probs, args.sum_probs);
  write(importance, args.importance);
  write(balance * shape.E / (N * shape.K * N), args.load_balance_loss);
  write(squares / N, args.router_z_loss);
  write(entropy, args.token_entropy_nats);
  write(margin, args.top1_margin);
}

void route_top_k_backward_reference(const RouteTopK& shape, const RouteTopKBackward& args) {
  const auto N = static_cast<double>(shape.N);
  const auto from_device = [](const float* at) {
    return at != nullptr ? static_cast<double>(*at) : 0.0;
  };
  const double balance = from_device(args.dload_balance_loss) * shape.E / N;
  const double square = from_device(args.drouter_z_loss) * 2.0 / N;
  for (std::int64_t n = 0; n < shape.N; ++n) {
    const std::vector<float> x(args.router_logits + n * shape.E,
                               args.router_logits + (n + 1) * shape.E);
    const std::int32_t* expert_index = args.expert_index + n * shape.K;
    const auto logsumexp = static_cast<double>(args.logsumexp[n]);
    const Doubles s = scores_of(shape.score, x.data(), shape.E, logsumexp);
    const double sum = is_softmax(shape.score) ? 1.0 : sum_of(s);
    Doubles dscore(x.size(), 0.0), dx(x.size(), 0.0);  // dscore: through scores of all logits
    if (args.dload_balance_loss != nullptr) {
      double mean = 0.0;
      const auto share = [&](std::size_t e) {
        return static_cast<double>(args.tokens_per_expert[e]) / (N * shape.K);
      };
      for (std::size_t e = 0; e < x.size(); ++e) mean += share(e) * s[e] / sum;
      for (std::size_t e = 0; e < x.size(); ++e) {
        dscore[e] = balance * (share(e) - (is_softmax(shape.score) ? 0.0 : mean)) / sum;
      }
    }
    if (args.dcombine_weight != nullptr) {
      const float* g = args.dcombine_weight + n * shape.K;
      const Doubles selected = selected_scores(shape, x.data(), s, expert_index);
      const double inverse = inverse_sum(shape, selected);
      const bool is_own_softmax = shape.score == RouterScore::kSoftmaxOfSelected;
      double mean = 0.0;  // of g, weighted by the normalised scores
      for (int k = 0; k < shape.K && (is_own_softmax || shape.use_renormalized_weights); ++k) {
        mean += static_cast<double>(g[k]) * inverse * selected[static_cast<std::size_t>(k)];
      }
      for (int k = 0; k < shape.K; ++k) {
        const auto e = static_cast<std::size_t>(expert_index[k]);
        const double through =
            static_cast<double>(shape.scale) * inverse * (static_cast<double>(g[k]) - mean);
        if (is_own_softmax) {
          dx[e] += through * selected[static_cast<std::size_t>(k)];
        } else {
          dscore[e] += through;
        }
      }
    }
    double mean = 0.0;
    for (std::size_t e = 0; e < x.size(); ++e) mean += dscore[e] * s[e];
    for (std::size_t e = 0; e < x.size(); ++e) {
      const auto logit = static_cast<double>(x[e]);
      dx[e] += is_softmax(shape.score) ? s[e] * (dscore[e] - mean)
                                       : dscore[e] * slope_of(shape.score, logit, s[e]);
      dx[e] += square * logsumexp * std::exp(logit - logsumexp);
      args.drouter_logits[n * shape.E + static_cast<std::int64_t>(e)] = static_cast<float>(dx[e]);
    }
  }
}

}  // namespace switchyard::kernels
