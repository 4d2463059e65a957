// What every router promises, checked for each entry of all_routers().
#include <cmath>
#include <set>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/base/config/schema.h"
#include "tests/support/gradient_check.h"
#include "tests/support/routing_options.h"

namespace switchyard::train {
namespace {

struct Shape {
  std::int64_t N, E, K;
};

constexpr Shape kShapes[] = {{1, 4, 2}, {5, 1, 1}, {7, 4, 4}, {33, 8, 2}, {64, 257, 8}};

config::Schema schema_of(const RouterEntry& entry) {
  config::Schema schema;
  if (entry.describe != nullptr) entry.describe(schema);
  return schema;
}

/// The router with default options and K experts per token, where it has such an option.
std::unique_ptr<test::RoutingUnderTest> make_router(const RouterEntry& entry,
                                                    std::int64_t E,
                                                    std::int64_t K) {
  Json router = Json::object({{"type", std::string(entry.info.name)}});
  if (schema_of(entry).find("top_k") != nullptr) router.set("top_k", K);
  Json options = Json::object({{"router", std::move(router)}});
  if (K == 1) options.set("combine_weight", Json::object({{"type", "raw"}}));
  return std::make_unique<test::RoutingUnderTest>(test::routed_options(E, std::move(options)), 4);
}

void expect_equal(const at::Tensor& a, const at::Tensor& b, const char* what) {
  EXPECT_TRUE(at::equal(a, b)) << what;
}

class EveryRouter : public ::testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static const RouterEntry& entry() { return all_routers()[GetParam()]; }
};

TEST_P(EveryRouter, ExplainsItself) {
  const StageInfo& info = entry().info;
  EXPECT_FALSE(info.name.empty());
  EXPECT_FALSE(info.summary.empty());
  EXPECT_FALSE(info.source.empty());
  const config::Schema schema = schema_of(entry());
  for (const config::Field& field : schema.fields()) {
    EXPECT_FALSE(field.help.empty()) << field.key;
    const bool is_number =
        field.type == config::Field::Type::kInteger || field.type == config::Field::Type::kNumber;
    EXPECT_TRUE(!is_number || field.has_range) << field.key;
    const bool is_integer = field.type == config::Field::Type::kInteger;
    EXPECT_TRUE(!is_integer || !field.unit.empty()) << field.key;
  }
}

TEST_P(EveryRouter, HasOptionsThatRoundTripThroughJson) {
  const config::Schema schema = schema_of(entry());
  const config::Resolved defaults = config::resolve(schema, Json::object(), "defaults");
  ASSERT_TRUE(defaults.ok());
  const auto parsed = parse_json(defaults.config.dump(), "written");
  ASSERT_TRUE(parsed.ok());
  const config::Resolved again = config::resolve(schema, *parsed, "written");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again.config, defaults.config);
}

TEST_P(EveryRouter, ChoosesDistinctExpertsWithFiniteWeightsInDescendingOrder) {
  for (const auto& [N, E, K] : kShapes) {
    const auto router = make_router(entry(), E, K);
    const RoutingPlan plan = router->route(test::normal({N, E}, 1), true);
    ASSERT_EQ(plan.expert_index.sizes(), at::IntArrayRef({N, router->routing.top_k()}));
    ASSERT_EQ(plan.combine_weight.sizes(), plan.expert_index.sizes());
    ASSERT_EQ(plan.router_probs.sizes(), at::IntArrayRef({N, E}));
    EXPECT_TRUE(at::isfinite(plan.combine_weight).all().item<bool>());
    EXPECT_GE(plan.combine_weight.min().item<double>(), 0.0);
    EXPECT_LE(plan.combine_weight.sum(1).max().item<double>(), 1.0 + 1e-12);
    EXPECT_LE((plan.router_probs.sum(1) - 1.0).abs().max().item<double>(), 1e-12);
    for (std::int64_t n = 0; n < N; ++n) {
      std::set<std::int64_t> chosen;
      for (std::int64_t k = 0; k < router->routing.top_k(); ++k) {
        const auto e = plan.expert_index[n][k].item<std::int64_t>();
        EXPECT_TRUE(e >= 0 && e < E) << e;
        chosen.insert(e);
        if (k == 0) continue;
        EXPECT_GE(plan.combine_weight[n][k - 1].item<double>(),
                  plan.combine_weight[n][k].item<double>());
      }
      EXPECT_EQ(static_cast<std::int64_t>(chosen.size()), router->routing.top_k());
    }
  }
}

TEST_P(EveryRouter, AcceptsNoTokens) {
  const RoutingPlan plan = make_router(entry(), 4, 2)->route(at::empty({0, 4}, at::kDouble), true);
  EXPECT_EQ(plan.expert_index.sizes(), at::IntArrayRef({0, 2}));
  EXPECT_EQ(plan.combine_weight.numel(), 0);
}

TEST_P(EveryRouter, SettlesTiesForTheLowerIndexWithBalancedLoss) {
  const RoutingPlan plan = make_router(entry(), 6, 3)->route(at::zeros({5, 6}, at::kDouble), true);
  const at::Tensor lowest = at::arange(3, at::kLong).expand({5, 3});
  expect_equal(plan.expert_index, lowest, "expert_index");
  EXPECT_NEAR(plan.load_balance_loss.item<double>(), 1.0, 1e-12);
  EXPECT_NEAR(plan.router_z_loss.item<double>(), std::log(6.0) * std::log(6.0), 1e-12);
}

TEST_P(EveryRouter, StaysFiniteAtHugeLogits) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const at::Tensor logits = (test::normal({9, 5}, 4).sign() * 1e4).to(type).requires_grad_(true);
    const RoutingPlan plan = make_router(entry(), 5, 2)->route(logits, true);
    (plan.combine_weight.square().sum() + plan.load_balance_loss + plan.router_z_loss).backward();
    for (const at::Tensor& value : {plan.combine_weight,
                                    plan.router_probs,
                                    plan.load_balance_loss,
                                    plan.router_z_loss,
                                    logits.grad()}) {
      EXPECT_TRUE(at::isfinite(value).all().item<bool>());
    }
  }
}

TEST_P(EveryRouter, HasTheGradientOfCentralDifferences) {
  const auto router = make_router(entry(), 5, 2);
  const at::Tensor logits = test::normal({4, 5}, 7);
  const at::Tensor of_weight = test::normal({4, 2}, 8), of_probs = test::normal({4, 5}, 9);
  test::expect_gradient_matches(
      [&] {
        const RoutingPlan plan = router->route(logits, true);
        return (plan.combine_weight * of_weight).sum() + (plan.router_probs * of_probs).sum() +
               plan.load_balance_loss * 0.7 + plan.router_z_loss * 0.3;
      },
      logits,
      {1e-6, 1e-6, 1});
}

TEST_P(EveryRouter, FollowsPermutationsOfTokens) {
  if (!entry().info.is_causal) GTEST_SKIP() << "looks at other tokens";
  const auto router = make_router(entry(), 8, 2);
  const at::Tensor logits = test::normal({16, 8}, 2);
  const at::Tensor order = at::arange(16, at::kLong).flip(0).roll(3);
  const RoutingPlan plan = router->route(logits, false);
  const RoutingPlan moved = router->route(logits.index_select(0, order), false);
  expect_equal(moved.expert_index, plan.expert_index.index_select(0, order), "expert_index");
  expect_equal(moved.combine_weight, plan.combine_weight.index_select(0, order), "combine_weight");
}

TEST_P(EveryRouter, FollowsPermutationsOfExperts) {
  const auto router = make_router(entry(), 8, 2);
  const at::Tensor logits = test::normal({16, 8}, 3);
  const at::Tensor order = at::arange(8, at::kLong).flip(0);
  const RoutingPlan plan = router->route(logits, false);
  const RoutingPlan moved = router->route(logits.index_select(1, order), false);
  expect_equal(order.index_select(0, moved.expert_index.flatten()),
               plan.expert_index.flatten(),
               "expert_index");
}

TEST_P(EveryRouter, RepeatsItselfBitForBit) {
  const at::Tensor logits = test::normal({40, 8}, 5).to(at::kFloat);
  const RoutingPlan first = make_router(entry(), 8, 2)->route(logits, true);
  const RoutingPlan second = make_router(entry(), 8, 2)->route(logits, true);
  expect_equal(first.expert_index, second.expert_index, "expert_index");
  expect_equal(first.combine_weight, second.combine_weight, "combine_weight");
  expect_equal(first.load_balance_loss, second.load_balance_loss, "load_balance_loss");
}

TEST_P(EveryRouter, AssignsEveryChoice) {
  for (const auto& [N, E, K] : kShapes) {
    const auto router = make_router(entry(), E, K);
    const RoutingPlan plan = router->route(test::normal({N, E}, 6), true);
    EXPECT_EQ(count_assignments(plan.expert_index, E).sum().item<std::int64_t>(),
              N * router->routing.top_k());
  }
}

std::string name_of(const ::testing::TestParamInfo<std::size_t>& info) {
  return std::string(all_routers()[info.param].info.name);
}

INSTANTIATE_TEST_SUITE_P(Registry,
                         EveryRouter,
                         ::testing::Range(std::size_t{0}, all_routers().size()),
                         name_of);

TEST(TopKRouter, DividesTheChosenWeightsByTheirSumOnlyWhenAsked) {
  const at::Tensor logits = test::normal({12, 6}, 11);
  for (const bool is_renormalized : {true, false}) {
    const char* const rule = is_renormalized ? "renormalized" : "raw";
    const Json options = test::routed_options(
        6, Json::object({{"combine_weight", Json::object({{"type", rule}})}}));
    const RoutingPlan plan = test::RoutingUnderTest(options, 4).route(logits);
    const at::Tensor chosen = plan.router_probs.gather(1, plan.expert_index);
    const at::Tensor want = is_renormalized ? chosen / chosen.sum(1, true) : chosen;
    EXPECT_LE((plan.combine_weight - want).abs().max().item<double>(), 1e-15);
  }
}

}  // namespace
}  // namespace switchyard::train
