// Routing on the device against the host reference; skipped where no CUDA device answers.
#include <numeric>

#include "kernels/include/route_top_k.h"
#include "tests/kernels/device_array.h"

namespace switchyard::kernels {
namespace {

constexpr RouterScore kScores[] = {RouterScore::kSoftmax,
                                   RouterScore::kSigmoid,
                                   RouterScore::kSqrtSoftplus,
                                   RouterScore::kSoftmaxOfSelected};

std::string text(const RouteTopK& shape) {
  return std::to_string(shape.N) + " tokens, " + std::to_string(shape.E) + " experts, top " +
         std::to_string(shape.K) + ", score " + std::to_string(static_cast<int>(shape.score)) +
         (shape.use_renormalized_weights ? ", renormalised" : ", raw");
}

/// Logits far enough apart that no rounding of a score changes an order: every row a permutation of
/// one grid.
HostArray grid_logits(std::int64_t N, int E) {
  HostArray logits(Dtype::kF32, N * E);
  std::vector<int> order(static_cast<std::size_t>(E));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937 random(static_cast<std::uint32_t>(N + E));
  for (std::int64_t n = 0; n < N; ++n) {
    std::shuffle(order.begin(), order.end(), random);
    for (int e = 0; e < E; ++e) {
      logits.set(n * E + e, 6.0 * order[static_cast<std::size_t>(e)] / E - 3.0);
    }
  }
  return logits;
}

/// Everything that routing writes, in host memory.
struct Outputs {
  std::vector<std::int32_t> expert_index;
  std::vector<std::int64_t> tokens_per_expert;
  HostArray combine_weight, router_probs, logsumexp, sum_probs, importance;
  HostArray scalars;  ///< balance loss, z loss, entropy, margin

  explicit Outputs(const RouteTopK& shape)
      : expert_index(static_cast<std::size_t>(shape.N * shape.K), -7),
        tokens_per_expert(static_cast<std::size_t>(shape.E), -7),
        combine_weight(Dtype::kF32, shape.N * shape.K, -7.0),
        router_probs(Dtype::kF32, shape.N * shape.E, -7.0),
        logsumexp(Dtype::kF32, shape.N, -7.0),
        sum_probs(Dtype::kF32, shape.E, -7.0),
        importance(Dtype::kF32, shape.E, -7.0),
        scalars(Dtype::kF32, 4, -7.0) {}

  bool operator==(const Outputs& other) const = default;
};

Outputs reference_of(const RouteTopK& shape, const HostArray& logits, const HostArray* bias) {
  Outputs want(shape);
  route_top_k_reference(shape,
                        {.router_logits = logits.floats(),
                         .selection_bias = bias != nullptr ? bias->floats() : nullptr,
                         .expert_index = want.expert_index.data(),
                         .combine_weight = want.combine_weight.floats(),
                         .router_probs = want.router_probs.floats(),
                         .logsumexp = want.logsumexp.floats(),
                         .tokens_per_expert = want.tokens_per_expert.data(),
                         .sum_probs = want.sum_probs.floats(),
                         .importance = want.importance.floats(),
                         .load_balance_loss = want.scalars.floats(),
                         .router_z_loss = want.scalars.floats() + 1,
                         .token_entropy_nats = want.scalars.floats() + 2,
                         .top1_margin = want.scalars.floats() + 3});
  return want;
}

Outputs device_of(const RouteTopK& shape, const HostArray& logits, const HostArray* bias) {
  Outputs got(shape);
  const DeviceCopy logits_(logits), bias_(bias != nullptr ? *bias : logits);
  const DeviceArray<std::int32_t> index_(got.expert_index);
  const DeviceArray<std::int64_t> tokens_(got.tokens_per_expert);
  const DeviceCopy weight_(got.combine_weight), probs_(got.router_probs), lse_(got.logsumexp);
  const DeviceCopy sum_probs_(got.sum_probs), importance_(got.importance), scalars_(got.scalars);
  const Scratch scratch(route_top_k_workspace_bytes(shape.N, shape.E));
  EXPECT_TRUE(
      launched(route_top_k_cuda(shape,
                                {.router_logits = logits_.floats(),
                                 .selection_bias = bias != nullptr ? bias_.floats() : nullptr,
                                 .expert_index = index_.data(),
                                 .combine_weight = weight_.floats(),
                                 .router_probs = probs_.floats(),
                                 .logsumexp = lse_.floats(),
                                 .tokens_per_expert = tokens_.data(),
                                 .sum_probs = sum_probs_.floats(),
                                 .importance = importance_.floats(),
                                 .load_balance_loss = scalars_.floats(),
                                 .router_z_loss = scalars_.floats() + 1,
                                 .token_entropy_nats = scalars_.floats() + 2,
                                 .top1_margin = scalars_.floats() + 3,
                                 .workspace = scratch.data()},
                                nullptr)));
  got.expert_index = index_.values();
  got.tokens_per_expert = tokens_.values();
  got.combine_weight = weight_.values();
  got.router_probs = probs_.values();
  got.logsumexp = lse_.values();
  got.sum_probs = sum_probs_.values();
  got.importance = importance_.values();
  got.scalars = scalars_.values();
  return got;
}

::testing::AssertionResult near(const HostArray& got, const HostArray& want) {
  const Errors errors(got.doubles(), want.doubles());
  if (errors.within(Dtype::kF32)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << errors;
}

void expect_same_gradient(const RouteTopK& shape, const HostArray& logits, const Outputs& routed) {
  const HostArray g = HostArray::random(Dtype::kF32, shape.N * shape.K, 3);
  HostArray coefficients(Dtype::kF32, 2);
  coefficients.set(0, 0.7);
  coefficients.set(1, 0.3);
  const HostArray unset(Dtype::kF32, shape.N * shape.E, 9.0);
  const DeviceCopy logits_(logits), lse_(routed.logsumexp), g_(g), coefficients_(coefficients);
  const DeviceArray<std::int32_t> index_(routed.expert_index);
  const DeviceArray<std::int64_t> tokens_(routed.tokens_per_expert);
  for (int used = 1; used < 8; ++used) {  // which gradients arrive; the last time all, in place
    const auto if_used = [&](int bit, const float* at) { return (used & bit) != 0 ? at : nullptr; };
    HostArray want = unset;
    route_top_k_backward_reference(shape,
                                   {.router_logits = logits.floats(),
                                    .logsumexp = routed.logsumexp.floats(),
                                    .expert_index = routed.expert_index.data(),
                                    .tokens_per_expert = routed.tokens_per_expert.data(),
                                    .dcombine_weight = if_used(1, g.floats()),
                                    .dload_balance_loss = if_used(2, coefficients.floats()),
                                    .drouter_z_loss = if_used(4, coefficients.floats() + 1),
                                    .drouter_logits = want.floats()});
    const DeviceCopy own_(unset);
    const DeviceCopy& out_ = used == 7 ? logits_ : own_;
    ASSERT_TRUE(launched(
        route_top_k_backward_cuda(shape,
                                  {.router_logits = logits_.floats(),
                                   .logsumexp = lse_.floats(),
                                   .expert_index = index_.data(),
                                   .tokens_per_expert = tokens_.data(),
                                   .dcombine_weight = if_used(1, g_.floats()),
                                   .dload_balance_loss = if_used(2, coefficients_.floats()),
                                   .drouter_z_loss = if_used(4, coefficients_.floats() + 1),
                                   .drouter_logits = out_.floats()},
                                  nullptr)));
    const Errors errors(out_.values().doubles(), want.doubles());
    EXPECT_TRUE(errors.within(Dtype::kF32) || errors.largest <= 1e-6)  // 0 but for rounding
        << errors << ", drouter_logits, gradients used: " << used;
  }
}

void expect_same_routing(const RouteTopK& shape, const HostArray& logits, const HostArray* bias) {
  SCOPED_TRACE(text(shape) + (bias != nullptr ? ", bias" : ""));
  const Outputs want = reference_of(shape, logits, bias);
  const Outputs got = device_of(shape, logits, bias);
  EXPECT_EQ(got.expert_index, want.expert_index);
  EXPECT_EQ(got.tokens_per_expert, want.tokens_per_expert);
  EXPECT_TRUE(near(got.combine_weight, want.combine_weight)) << "combine_weight";
  EXPECT_TRUE(near(got.router_probs, want.router_probs)) << "router_probs";
  EXPECT_TRUE(near(got.logsumexp, want.logsumexp)) << "logsumexp";
  EXPECT_TRUE(near(got.sum_probs, want.sum_probs)) << "sum_probs";
  EXPECT_TRUE(near(got.importance, want.importance)) << "importance";
  for (std::int64_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(got.scalars[i], want.scalars[i], 1e-5 * std::max(1.0, std::fabs(want.scalars[i])))
        << "sum " << i;
  }
  EXPECT_EQ(device_of(shape, logits, bias), got) << "the same bits again";
  if (shape.N <= 1000) expect_same_gradient(shape, logits, want);
}

TEST_F(Device, RoutingEqualsTheReference) {
  for (const std::int64_t N : {0, 1, 31, 32, 33, 1000, 4097, 9000}) {
    for (const int E : {1, 2, 7, 8, 64, 100, 257, 512}) {
      if (N > 1000 && E != 8 && E != 64) continue;
      const HostArray logits = HostArray::random(Dtype::kF32, N * E, 1, 2.0);
      const HostArray grid = grid_logits(N, E);
      HostArray bias(Dtype::kF32, E);
      for (int e = 0; e < E; ++e) bias.set(e, 0.25 * (e % 3));
      for (const int K : {1, 2, 8, 16}) {
        if (K > E) continue;
        for (const RouterScore score : kScores) {
          if (N == 1000 && score != RouterScore::kSoftmax && K != 8) continue;
          RouteTopK shape{.N = N, .E = E, .K = K, .score = score};
          expect_same_routing(shape, logits, nullptr);
          shape.use_renormalized_weights = false;
          shape.scale = 2.5F;
          shape.eps = 1e-20F;
          expect_same_routing(shape, grid, &bias);
        }
      }
    }
  }
}

TEST_F(Device, RoutingGivesTiesToTheLowerIndexAndStaysInRange) {
  constexpr int kE = 70, kK = 16;
  RouteTopK shape{.N = 5, .E = kE, .K = kK};
  HostArray logits(Dtype::kF32, 5 * kE);
  for (int e = 0; e < kE; ++e) {
    logits.set(kE + e, -0.0);
    logits.set(2 * kE + e, e % 2 == 0 ? 0.0 : -0.0);
    logits.set(3 * kE + e, -INFINITY);
    logits.set(4 * kE + e, NAN);
  }
  const Outputs got = device_of(shape, logits, nullptr);
  for (std::size_t i = 0; i < got.expert_index.size(); ++i) {
    EXPECT_EQ(got.expert_index[i], static_cast<std::int32_t>(i % kK)) << "slot " << i;
  }
  logits.set(kE + 50, 1e4);  // far above the others: nothing overflows
  const Outputs far = device_of(shape, logits, nullptr);
  EXPECT_EQ(far.expert_index[kK], 50);
  EXPECT_EQ(far.combine_weight[kK], 1.0);
  EXPECT_EQ(far.logsumexp[1], 1e4);
}

TEST(Launcher, RefusesARoutingOutOfLimitsInWords) {
  EXPECT_FALSE(route_top_k_cuda({.N = 1, .E = 513, .K = 2}, {}, nullptr).ok());
  EXPECT_FALSE(route_top_k_cuda({.N = 1, .E = 64, .K = 17}, {}, nullptr).ok());
  EXPECT_FALSE(route_top_k_cuda({.N = 1, .E = 4, .K = 5}, {}, nullptr).ok());
  EXPECT_FALSE(route_top_k_backward_cuda({.N = 1, .E = 64, .K = 0}, {}, nullptr).ok());
}

}  // namespace
}  // namespace switchyard::kernels
