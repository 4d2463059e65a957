// What a probe of the routing counts, against tables written by hand.
#include "engine/base/routing/routing_probe.h"

#include <cmath>

#include <gtest/gtest.h>

namespace switchyard::routing {
namespace {

/// Six tokens in windows of three; layer 0 chooses two of four experts, layer 3 one of two.
RoutingProbe small_probe() {
  const ProbeText text{{7, 7, 9, 7, 9, 9}, {7, 9, 7, 9, 9, 5}, 3};
  return make_probe(text,
                    {{0, 4, 2, {0, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 2}, 1.0, 0.2, 0.1},
                     {3, 2, 1, {0, 0, 1, 1, 0, 1}, 0.5, 0.4, 0.4}});
}

TEST(RoutingProbe, CountsAllPairsOfATokensSet) {
  const RoutingProbe probe = small_probe();
  ASSERT_EQ(probe.layers.size(), 2U);
  const ProbeLayer& layer = probe.layers[0];
  EXPECT_EQ(layer.coactivation,
            (std::vector<std::uint32_t>{4, 3, 1, 0, 3, 5, 2, 0, 1, 2, 3, 0, 0, 0, 0, 0}));
  EXPECT_EQ(layer.tokens_per_expert(), (std::vector<double>{4, 5, 3, 0}));
  EXPECT_DOUBLE_EQ(layer.coactivation_share(0, 1), 0.75);
  EXPECT_DOUBLE_EQ(layer.coactivation_share(1, 0), 0.6);
  EXPECT_EQ(layer.coactivation_share(3, 0), 0.0);
  const auto pairs = strongest_pairs(layer, 2);
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0].first, 0);
  EXPECT_EQ(pairs[0].second, 1);
  EXPECT_DOUBLE_EQ(pairs[0].share, 0.75);
  EXPECT_EQ(pairs[1].first, 2);
  EXPECT_EQ(pairs[1].second, 1);
  EXPECT_DOUBLE_EQ(pairs[1].share, 2.0 / 3.0);
  EXPECT_TRUE(strongest_pairs(layer, 2, 6).empty());
}

TEST(RoutingProbe, FollowsFirstChoicesToTheNextRoutedLayer) {
  const RoutingProbe probe = small_probe();
  const ProbeLayer& layer = probe.layers[0];
  EXPECT_EQ(layer.next_layer, 3);
  // first choices 0 0 1 2 0 1 → 0 0 1 1 0 1
  EXPECT_EQ(layer.transition, (std::vector<std::uint32_t>{3, 0, 0, 2, 0, 1, 0, 0}));
  EXPECT_DOUBLE_EQ(layer.transition_share(1, 1), 1.0);
  EXPECT_EQ(layer.transition_share(3, 0), 0.0);
  EXPECT_EQ(probe.layers[1].next_layer, -1);
  EXPECT_TRUE(probe.layers[1].transition.empty());
  EXPECT_NEAR(mutual_information_nats(layer.transition, 2), std::log(2.0), 1e-12);
  const std::vector<std::uint32_t> independent{2, 4, 3, 6};
  EXPECT_NEAR(mutual_information_nats(independent, 2), 0.0, 1e-12);
}

TEST(RoutingProbe, CountsPositionsInSixteenBuckets) {
  const ProbeLayer layer = small_probe().layers[0];
  // positions 0, 1, 2 of windows of three lie in buckets 0, 5 and 10
  EXPECT_EQ(layer.position_counts[0 * 4 + 0], 1U);
  EXPECT_EQ(layer.position_counts[0 * 4 + 1], 2U);
  EXPECT_EQ(layer.position_counts[5 * 4 + 0], 2U);
  EXPECT_EQ(layer.position_counts[10 * 4 + 2], 1U);
  EXPECT_DOUBLE_EQ(layer.position_share(0, 1), 1.0);
  EXPECT_DOUBLE_EQ(layer.position_share(0, 0), 0.5);
  EXPECT_EQ(layer.position_share(1, 0), 0.0);
}

TEST(RoutingProbe, ListsTokenIdsByShareAndByCount) {
  ProbeText text;
  ProbeReading reading{0, 3, 1, {}, 0.0, 0.0, 0.0};
  const auto add = [&](std::int32_t id, std::int32_t next, std::uint16_t e, int times) {
    for (int i = 0; i < times; ++i) {
      text.inputs.push_back(id);
      text.targets.push_back(next);
      reading.experts.push_back(e);
    }
  };
  add(1, 50, 0, 8);   // always to expert 0
  add(2, 50, 0, 30);  // 30 of 40 to expert 0, 10 to 1
  add(2, 60, 1, 10);
  add(3, 60, 0, 7);  // too rare for a share
  text.seq_len = 5;
  const ProbeLayer layer = make_probe(text, {reading}).layers[0];
  EXPECT_EQ(layer.input_by_share[0], (std::vector<TokenUse>{{1, 8, 8}, {2, 30, 40}}));
  EXPECT_EQ(layer.input_by_count[0], (std::vector<TokenUse>{{2, 30, 40}, {1, 8, 8}, {3, 7, 7}}));
  EXPECT_EQ(layer.input_by_share[1], (std::vector<TokenUse>{{2, 10, 40}}));
  EXPECT_EQ(layer.target_by_share[0], (std::vector<TokenUse>{{50, 38, 38}, {60, 7, 17}}));
  EXPECT_TRUE(layer.input_by_count[2].empty());
  EXPECT_DOUBLE_EQ(layer.vocabulary_specialization, (1.0 + 0.75) / 2.0);
  EXPECT_TRUE(std::isnan(small_probe().layers[0].vocabulary_specialization));
}

TEST(RoutingProbe, KeepsTwentyIdsTheLowerFirstOnTies) {
  ProbeText text;
  ProbeReading reading{0, 2, 1, {}, 0.0, 0.0, 0.0};
  for (std::int32_t id = 40; id-- > 0;) {
    for (int i = 0; i < 8; ++i) {
      text.inputs.push_back(id);
      text.targets.push_back(id);
      reading.experts.push_back(0);
    }
  }
  const ProbeLayer layer = make_probe(text, {reading}).layers[0];
  ASSERT_EQ(layer.input_by_share[0].size(), kMostTopTokens);
  EXPECT_EQ(layer.input_by_share[0].front().token, 0);
  EXPECT_EQ(layer.input_by_share[0].back().token, 19);
}

TEST(RoutingProbe, SaturationComparesFirstChoicesAndSets) {
  const RoutingProbe before = small_probe();
  RoutingProbe after = before;
  auto& experts = after.layers[0].experts;
  std::swap(experts[0], experts[1]);  // the same set, another first choice
  experts[3] = 3;                     // one of two experts replaced
  const auto same = saturation(after, before, 0);
  ASSERT_TRUE(same.has_value());
  EXPECT_DOUBLE_EQ(same->top1, 5.0 / 6.0);
  EXPECT_DOUBLE_EQ(same->top_k, 11.0 / 12.0);
  EXPECT_DOUBLE_EQ(saturation(after, before, 1)->top_k, 1.0);
  after.text_crc ^= 1;
  EXPECT_FALSE(saturation(after, before, 0).has_value()) << "another text";
  EXPECT_FALSE(saturation(before, before, 2).has_value()) << "no such layer";
}

TEST(RoutingProbe, LeavesSlotsWithoutAnExpertOut) {
  const ProbeText text{{1, 1, 1}, {1, 1, 1}, 3};
  const RoutingProbe probe = make_probe(
      text, {{0, 2, 2, {0, 1, 0, 2, 2, 2}, 1.0, 0.2, 0.1}, {1, 2, 1, {0, 2, 1}, 1.0, 0.2, 0.1}});
  const ProbeLayer& layer = probe.layers[0];
  EXPECT_EQ(layer.coactivation, (std::vector<std::uint32_t>{2, 1, 1, 1}));
  EXPECT_EQ(layer.transition, (std::vector<std::uint32_t>{1, 0, 0, 0}));
  EXPECT_EQ(layer.tokens_per_expert(), (std::vector<double>{2, 1}));
  EXPECT_EQ(layer.input_by_count[0], (std::vector<TokenUse>{{1, 2, 3}}));
  EXPECT_DOUBLE_EQ(saturation(probe, probe, 0)->top_k, 1.0);
  RoutingProbe other = probe;
  other.layers[0].experts = {0, 2, 0, 2, 2, 2};
  EXPECT_DOUBLE_EQ(saturation(probe, other, 0)->top_k, (0.5 + 1.0 + 1.0) / 3.0);
}

TEST(ProbeToDrop, KeepsTheFirstAndTheLastTwo) {
  std::vector<ProbeSize> probes;
  for (std::int64_t step = 1; step <= 4; ++step) probes.push_back({step, kMostProbeBytes});
  EXPECT_EQ(probe_to_drop(probes), 1U) << "too many bytes: only one in the middle may go";
  probes.erase(probes.begin() + 1);
  EXPECT_EQ(probe_to_drop(probes), std::nullopt);
  probes.clear();
  for (std::int64_t i = 0; i < 24; ++i) probes.push_back({std::int64_t{1} << i, 10});
  EXPECT_EQ(probe_to_drop(probes), std::nullopt);
  probes.insert(probes.begin() + 12, {(std::int64_t{1} << 11) + 1, 10});
  EXPECT_EQ(probe_to_drop(probes), 12U);
}

}  // namespace
}  // namespace switchyard::routing
