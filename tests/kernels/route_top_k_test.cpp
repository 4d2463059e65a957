// The host reference of routing against formulas in f64 and their central differences.
#include "kernels/include/route_top_k.h"

#include <gtest/gtest.h>

#include "tests/kernels/host_array.h"

namespace switchyard::kernels {
namespace {

using Doubles = std::vector<double>;

constexpr RouterScore kScores[] = {RouterScore::kSoftmax,
                                   RouterScore::kSigmoid,
                                   RouterScore::kSqrtSoftplus,
                                   RouterScore::kSoftmaxOfSelected};

/// A routing and the memory of all that it writes.
struct Routing {
  RouteTopK shape;
  HostArray logits;
  std::vector<std::int32_t> expert_index;
  std::vector<std::int64_t> tokens_per_expert;
  HostArray weight, probs, logsumexp, sum_probs, importance, scalars;

  Routing(const RouteTopK& routed, const HostArray& router_logits, const float* bias = nullptr)
      : shape(routed),
        logits(router_logits),
        expert_index(static_cast<std::size_t>(shape.N * shape.K)),
        tokens_per_expert(static_cast<std::size_t>(shape.E)),
        weight(Dtype::kF32, shape.N * shape.K),
        probs(Dtype::kF32, shape.N * shape.E),
        logsumexp(Dtype::kF32, shape.N),
        sum_probs(Dtype::kF32, shape.E),
        importance(Dtype::kF32, shape.E),
        scalars(Dtype::kF32, 4) {
    route_top_k_reference(shape,
                          {.router_logits = logits.floats(),
                           .selection_bias = bias,
                           .expert_index = expert_index.data(),
                           .combine_weight = weight.floats(),
                           .router_probs = probs.floats(),
                           .logsumexp = logsumexp.floats(),
                           .tokens_per_expert = tokens_per_expert.data(),
                           .sum_probs = sum_probs.floats(),
                           .importance = importance.floats(),
                           .load_balance_loss = scalars.floats(),
                           .router_z_loss = scalars.floats() + 1,
                           .token_entropy_nats = scalars.floats() + 2,
                           .top1_margin = scalars.floats() + 3});
  }

  [[nodiscard]] std::int32_t index(std::int64_t slot) const {
    return expert_index[static_cast<std::size_t>(slot)];
  }
};

double score(RouterScore kind, double x) {
  if (kind == RouterScore::kSigmoid) return 1.0 / (1.0 + std::exp(-x));
  if (kind == RouterScore::kSqrtSoftplus) return std::sqrt(std::log(1.0 + std::exp(x)));
  return std::exp(x);  // softmax but for its divisor
}

double sum_of_scores(RouterScore kind, const double* x, int E) {
  double sum = 0.0;
  for (int e = 0; e < E; ++e) sum += score(kind, x[e]);
  return sum;
}

/// Probability of expert e, scores divided by their sum.
double probability(RouterScore kind, const double* x, int E, std::int32_t e) {
  return score(kind, x[e]) / sum_of_scores(kind, x, E);
}

/// Weight of choice k, its selection given.
double weight_of(const RouteTopK& shape, const double* x, const std::int32_t* index, int k) {
  const bool is_own_softmax = shape.score == RouterScore::kSoftmaxOfSelected;
  const double sum =
      shape.score == RouterScore::kSoftmax ? sum_of_scores(shape.score, x, shape.E) : 1.0;
  double selected = is_own_softmax ? 0.0 : static_cast<double>(shape.eps);
  for (int j = 0; j < shape.K; ++j) selected += score(shape.score, x[index[j]]) / sum;
  const bool is_divided = is_own_softmax || shape.use_renormalized_weights;
  const double s = score(shape.score, x[index[k]]) / sum;
  return static_cast<double>(shape.scale) * (is_divided ? s / selected : s);
}

double square(double x) {
  return x * x;
}

/// Balance and z loss with the routing's counts.
Doubles losses_of(const Routing& routing, const Doubles& x) {
  const RouteTopK& shape = routing.shape;
  const auto N = static_cast<double>(shape.N);
  double balance = 0.0, squares = 0.0;
  for (std::int64_t n = 0; n < shape.N; ++n) {
    const double* row = x.data() + n * shape.E;
    squares += square(std::log(sum_of_scores(RouterScore::kSoftmax, row, shape.E)));
    for (int e = 0; e < shape.E; ++e) {
      const auto count =
          static_cast<double>(routing.tokens_per_expert[static_cast<std::size_t>(e)]);
      balance += count / (N * shape.K) * probability(shape.score, row, shape.E, e) / N;
    }
  }
  return {balance * shape.E, squares / N};
}

std::vector<RouteTopK> all_shapes() {
  std::vector<RouteTopK> shapes;
  for (const RouterScore kind : kScores) {
    for (const bool is_renormalized : {true, false}) {
      for (const int K : {1, 2, 5}) {
        shapes.push_back({.N = 9,
                          .E = 7,
                          .K = K,
                          .score = kind,
                          .use_renormalized_weights = is_renormalized,
                          .eps = is_renormalized ? 0.01F : 0.0F,
                          .scale = 2.5F});
      }
    }
  }
  return shapes;
}

TEST(RouteTopKReference, EqualsTheFormulas) {
  for (const RouteTopK& shape : all_shapes()) {
    const Routing routing(shape, HostArray::random(Dtype::kF32, shape.N * shape.E, 1, 1.5));
    const Doubles x = routing.logits.doubles();
    Doubles importance(static_cast<std::size_t>(shape.E), 0.0), sum_probs = importance;
    std::vector<std::int64_t> counts(importance.size(), 0);
    double entropy = 0.0, margin = 0.0;
    for (std::int64_t n = 0; n < shape.N; ++n) {
      const double* row = x.data() + n * shape.E;
      const std::int32_t* index = routing.expert_index.data() + n * shape.K;
      for (int k = 0; k < shape.K; ++k) {
        EXPECT_NEAR(routing.weight[n * shape.K + k], weight_of(shape, row, index, k), 1e-6);
        importance[static_cast<std::size_t>(index[k])] += weight_of(shape, row, index, k);
        ++counts[static_cast<std::size_t>(index[k])];
        EXPECT_TRUE(k == 0 || row[index[k - 1]] >= row[index[k]]) << "descending";
      }
      Doubles probs;
      for (int e = 0; e < shape.E; ++e) {
        const double p = probability(shape.score, row, shape.E, e);
        EXPECT_NEAR(routing.probs[n * shape.E + e], p, 1e-6);
        sum_probs[static_cast<std::size_t>(e)] += p;
        entropy -= p * std::log(p);
        const bool is_chosen = std::find(index, index + shape.K, e) != index + shape.K;
        EXPECT_TRUE(is_chosen || row[e] <= row[index[shape.K - 1]]);
        probs.push_back(p);
      }
      std::sort(probs.begin(), probs.end());
      margin += probs[6] - probs[5];
    }
    EXPECT_EQ(routing.tokens_per_expert, counts);
    for (std::size_t e = 0; e < counts.size(); ++e) {
      const auto at = static_cast<std::int64_t>(e);
      EXPECT_NEAR(routing.importance[at], importance[e], 1e-5);
      EXPECT_NEAR(routing.sum_probs[at], sum_probs[e], 1e-5);
    }
    const Doubles losses = losses_of(routing, x);
    EXPECT_NEAR(routing.scalars[0], losses[0], 1e-6);
    EXPECT_NEAR(routing.scalars[1], losses[1], 1e-5);
    EXPECT_NEAR(routing.scalars[2], entropy, 1e-5);
    EXPECT_NEAR(routing.scalars[3], margin, 1e-6);
  }
}

TEST(RouteTopKReference, GradientsEqualCentralDifferences) {
  for (const RouteTopK& shape : all_shapes()) {
    const Routing routing(shape, HostArray::random(Dtype::kF32, shape.N * shape.E, 2, 1.5));
    const HostArray g = HostArray::random(Dtype::kF32, shape.N * shape.K, 3);
    const float of_balance = 0.7F, of_z = 0.3F;
    Doubles x = routing.logits.doubles();
    const Doubles slopes = central_differences(x, [&] {
      double sum = 0.0;
      for (std::int64_t i = 0; i < shape.N * shape.K; ++i) {
        const std::int64_t n = i / shape.K;
        sum += g[i] * weight_of(shape,
                                x.data() + n * shape.E,
                                routing.expert_index.data() + n * shape.K,
                                static_cast<int>(i % shape.K));
      }
      const Doubles losses = losses_of(routing, x);
      return sum + static_cast<double>(of_balance) * losses[0] +
             static_cast<double>(of_z) * losses[1];
    });
    HostArray gradient = routing.logits;  // in place
    route_top_k_backward_reference(shape,
                                   {.router_logits = gradient.floats(),
                                    .logsumexp = routing.logsumexp.floats(),
                                    .expert_index = routing.expert_index.data(),
                                    .tokens_per_expert = routing.tokens_per_expert.data(),
                                    .dcombine_weight = g.floats(),
                                    .dload_balance_loss = &of_balance,
                                    .drouter_z_loss = &of_z,
                                    .drouter_logits = gradient.floats()});
    const Errors errors(gradient.doubles(), slopes);
    EXPECT_TRUE(errors.within(Dtype::kF32))
        << errors << ", score " << static_cast<int>(shape.score) << ", top " << shape.K;
  }
}

TEST(RouteTopKReference, GivesTiesToTheLowerIndex) {
  HostArray logits(Dtype::kF32, 2 * 5);
  logits.set(0, -0.0);
  logits.set(5 + 3, 1.0);
  logits.set(5 + 1, 1.0);
  const Routing routing({.N = 2, .E = 5, .K = 3}, logits);
  EXPECT_EQ(routing.expert_index, (std::vector<std::int32_t>{0, 1, 2, 1, 3, 0}));
}

TEST(RouteTopKReference, TheBiasChoosesButDoesNotWeigh) {
  HostArray logits(Dtype::kF32, 4);
  for (int e = 0; e < 4; ++e) logits.set(e, 0.5 * e);
  const float bias[] = {2.0F, 0.0F, 1.0F, 0.0F};
  const Routing routing({.N = 1, .E = 4, .K = 2, .score = RouterScore::kSigmoid}, logits, bias);
  EXPECT_EQ(routing.expert_index, (std::vector<std::int32_t>{0, 2}));
  const double first = score(RouterScore::kSigmoid, 0.0),
               second = score(RouterScore::kSigmoid, 1.0);
  EXPECT_NEAR(routing.weight[0], first / (first + second), 1e-7);
  EXPECT_NEAR(routing.weight[1], second / (first + second), 1e-7);
}

TEST(RouteTopKReference, LossesHaveTheirKnownValues) {
  for (const int E : {4, 8, 16, 64}) {
    const HostArray zeros(Dtype::kF32, 16 * E);
    EXPECT_NEAR(Routing({.N = 16, .E = E, .K = 1}, zeros).scalars[1], square(std::log(E)), 1e-5);
  }
  HostArray one_takes_all(Dtype::kF32, 64 * 16), even = one_takes_all;
  for (std::int64_t n = 0; n < 64; ++n) {
    one_takes_all.set(n * 16, 40.0);
    even.set(n * 16 + n % 16, 1.0);
  }
  EXPECT_NEAR(Routing({.N = 64, .E = 16, .K = 1}, one_takes_all).scalars[0], 16.0, 1e-5);
  EXPECT_NEAR(Routing({.N = 64, .E = 16, .K = 1}, even).scalars[0], 1.0, 1e-6);
}

TEST(RouteTopKReference, NoTokensGiveZeros) {
  const Routing routing({.N = 0, .E = 3, .K = 2}, HostArray(Dtype::kF32, 0));
  EXPECT_EQ(routing.tokens_per_expert, (std::vector<std::int64_t>{0, 0, 0}));
  for (std::int64_t i = 0; i < 4; ++i) EXPECT_EQ(routing.scalars[i], 0.0);
}

}  // namespace
}  // namespace switchyard::kernels
