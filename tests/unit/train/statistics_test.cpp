#include "engine/train/routing/statistics.h"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/train/routing/losses.h"
#include "tests/support/gradient_check.h"
#include "tests/support/model_config.h"

namespace switchyard::train {
namespace {

using routing::kDeadFraction;
using routing::load_statistics;
using routing::LoadStatistics;

std::unique_ptr<Transformer> routed_model() {
  auto model = Transformer::create(test::small_config(test::routed()), 11, {});
  EXPECT_TRUE(model.ok());
  return std::move(model).value();
}

RoutingRecord record_of(int layer, std::int64_t N, std::uint64_t seed) {
  RoutingRecord record;
  record.layer = layer;
  record.router_logits = test::normal({N, 4}, seed);
  record.router_probs = at::softmax(record.router_logits, 1);
  const auto [weight, index] = at::topk(record.router_probs, 2, 1);
  record.combine_weight = weight;
  record.expert_index = index;
  record.tokens_per_expert = count_assignments(index, 4);
  return record;
}

TEST(RoutingStatistics, SumWhatSeveralStepsReportAndStartAnew) {
  const auto model = routed_model();
  RoutingStatistics statistics(*model);
  const RoutingRecord first = record_of(0, 30, 1), second = record_of(0, 50, 2);
  const RoutingRecord other = record_of(1, 30, 3), last = record_of(1, 50, 4);
  statistics.add({first, other});
  statistics.add({second, last});
  const std::vector<LayerRoutingSample> samples = statistics.read();
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[1].layer, 1);
  const RoutingAnalysis want =
      analyze_routing(at::cat({first.router_probs, second.router_probs}),
                      at::cat({first.expert_index, second.expert_index}),
                      at::cat({first.combine_weight, second.combine_weight}),
                      kDeadFraction);
  const LayerRoutingSample& got = samples[0];
  for (std::size_t e = 0; e < 4; ++e) {
    EXPECT_EQ(got.tokens_per_expert[e], static_cast<float>(want.counts[e]));
    EXPECT_NEAR(got.importance[e], want.importance[e], 1e-4);
  }
  EXPECT_NEAR(got.router_entropy_nats, want.scalars.at("token_entropy_mean_nats"), 1e-12);
  EXPECT_NEAR(got.router_entropy_normalized, want.scalars.at("token_entropy_normalised"), 1e-12);
  EXPECT_NEAR(got.top1_margin, want.scalars.at("margin_top1_top2_mean"), 1e-12);
  EXPECT_NEAR(got.load.cv, want.scalars.at("load_cv"), 1e-12);
  EXPECT_NEAR(got.load.gini, want.scalars.at("gini"), 1e-12);
  EXPECT_EQ(got.dropped_frac, 0.0);
  EXPECT_TRUE(statistics.read().empty());
}

TEST(RoutingStatistics, NeverTouchTheModelsNumbers) {
  const auto model = routed_model();
  const at::Tensor tokens = at::arange(24, at::kLong).remainder(11).view({2, 12});
  const double before = model->forward(tokens, tokens, true).total.item<double>();
  RoutingStatistics statistics(*model);
  for (int i = 0; i < 3; ++i) statistics.add(model->forward(tokens, tokens, true).routing);
  ASSERT_EQ(statistics.read().size(), 2U);
  EXPECT_EQ(model->forward(tokens, tokens, true).total.item<double>(), before);
}

TEST(LoadStatistics, OfEqualLoadsAreThoseOfAPerfectBalance) {
  const std::vector<double> counts(8, 5.0);
  const LoadStatistics load = load_statistics(counts, 0.1);
  EXPECT_NEAR(load.entropy_nats, std::log(8.0), 1e-12);
  EXPECT_NEAR(load.entropy_normalized, 1.0, 1e-12);
  EXPECT_NEAR(load.effective_experts, 8.0, 1e-9);
  EXPECT_EQ(load.cv, 0.0);
  EXPECT_NEAR(load.gini, 0.0, 1e-12);
  EXPECT_EQ(load.max_over_mean, 1.0);
  EXPECT_EQ(load.dead_experts, 0);
}

TEST(LoadStatistics, NoticeACollapse) {
  const std::vector<double> counts{0.0, 0.0, 100.0, 0.0};
  const LoadStatistics load = load_statistics(counts, 0.01);
  EXPECT_EQ(load.entropy_nats, 0.0);
  EXPECT_EQ(load.max_over_mean, 4.0);
  EXPECT_EQ(load.dead_experts, 3);
  EXPECT_EQ(load.unused_experts, 3);
  EXPECT_NEAR(load.cv, std::sqrt(3.0), 1e-12);
  EXPECT_NEAR(load.gini, 0.75, 1e-12);
}

TEST(LoadStatistics, OfNothingAreZeroAndOfOneExpertAreWhole) {
  EXPECT_EQ(load_statistics({}, 0.1).cv, 0.0);
  const std::vector<double> none{0.0, 0.0}, one{7.0};
  EXPECT_EQ(load_statistics(none, 0.1).max_over_mean, 0.0);
  EXPECT_EQ(load_statistics(one, 0.1).entropy_normalized, 1.0);
}

}  // namespace
}  // namespace switchyard::train
