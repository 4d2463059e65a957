// What single strategies of routing promise; what all of them do: tests/contract.
#include <cmath>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/gradient_check.h"
#include "tests/support/routing_options.h"

namespace switchyard::train {
namespace {

void expect_equal(const at::Tensor& a, const at::Tensor& b, const char* what) {
  EXPECT_TRUE(at::equal(a, b)) << what;
}

TEST(TopKRouter, SettlesTiesForTheLowerIndexWithBalancedLoss) {
  const Json options =
      test::routed_options(6, Json::object({{"router", Json::object({{"top_k", 3}})}}));
  const RoutingPlan plan =
      test::RoutingUnderTest(options, 4).route(at::zeros({5, 6}, at::kDouble));
  expect_equal(plan.expert_index, at::arange(3, at::kLong).expand({5, 3}), "expert_index");
  EXPECT_NEAR(plan.load_balance_loss.item<double>(), 1.0, 1e-12);
  EXPECT_NEAR(plan.router_z_loss.item<double>(), std::log(6.0) * std::log(6.0), 1e-12);
}

TEST(TopKRouter, FollowsPermutationsOfExperts) {
  const test::RoutingUnderTest router(test::routed_options(8), 4);
  const at::Tensor logits = test::normal({16, 8}, 3);
  const at::Tensor order = at::arange(8, at::kLong).flip(0);
  const RoutingPlan plan = router.route(logits, false);
  const RoutingPlan moved = router.route(logits.index_select(1, order), false);
  expect_equal(order.index_select(0, moved.expert_index.flatten()),
               plan.expert_index.flatten(),
               "expert_index");
}

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

TEST(BiasController, LeavesWeightsAloneAndStopsWhereItIsFrozen) {
  const auto make = [](std::int64_t freeze_after_steps) {
    Json balance = Json::object(
        {{"type", "bias_sign"}, {"gamma", 0.2}, {"freeze_after_steps", freeze_after_steps}});
    return test::routed_options(
        6, Json::object({{"combine_weight", Json::object({{"type", "raw"}})},
                         {"balance", std::move(balance)}}));
  };
  test::RoutingUnderTest frozen(make(1), 4), free(make(0), 4);
  const at::Tensor logits = test::normal({12, 6}, 11) + at::arange(6, at::kDouble);
  const at::Tensor first = frozen.route(logits).expert_index;
  for (int step = 0; step < 2; ++step) {
    for (test::RoutingUnderTest* const router : {&frozen, &free}) {
      router->routing.begin_step();
      const RoutingPlan plan = router->route(logits);
      expect_equal(plan.combine_weight,
                   at_chosen(plan.router_probs, plan.expert_index),
                   "combine_weight");
      router->routing.end_step();
    }
  }
  EXPECT_FALSE(at::equal(frozen.route(logits).expert_index, first));
  EXPECT_DOUBLE_EQ(frozen.routing.selection_bias().abs().max().item<double>(), 0.2);
  EXPECT_FALSE(at::equal(free.routing.selection_bias(), frozen.routing.selection_bias()));
}

TEST(QuantileController, BalancesASkewedBatchInThreeSteps) {
  constexpr std::int64_t kTokens = 4096, kExperts = 64, kActive = 8;
  const Json options = test::routed_options(
      kExperts,
      Json::object({{"score", Json::object({{"type", "sigmoid"}})},
                    {"router", Json::object({{"top_k", kActive}})},
                    {"balance", Json::object({{"type", "quantile"}})}}));
  test::RoutingUnderTest router(options, 4);
  const at::Tensor offsets = test::normal({kExperts}, 1);
  std::vector<double> violations;
  for (std::uint64_t step = 0; step < 4; ++step) {
    router.routing.begin_step();
    const at::Tensor index =
        router.route(test::normal({kTokens, kExperts}, 2 + step) + offsets).expert_index;
    const at::Tensor counts = count_assignments(index, kExperts).to(at::kDouble);
    const double violation = (counts.max() / counts.mean()).item<double>() - 1.0;
    violations.push_back(violation);
    router.routing.end_step();
  }
  EXPECT_GT(violations[0], 1.0);
  EXPECT_LT(violations[1], 0.4);
  EXPECT_LT(violations[3], 0.25);
}

TEST(ReluRouter, RaisesItsWeightWhenTooDenseAndLowersItWhenTooSparse) {
  const Json options = test::routed_options(
      4, Json::object({{"score", Json::object({{"type", "relu"}})},
                       {"combine_weight", Json::object({{"type", "raw"}})},
                       {"router", Json::object({{"type", "relu"}, {"top_k", 2}})}}));
  test::RoutingUnderTest router(options, 4);
  const at::Tensor lambda = router.parameters.buffer("router.lambda");
  lambda.fill_(1.0);
  for (const double sign : {1.0, -1.0}) {
    router.routing.begin_step();
    const RoutingPlan plan = router.route(at::full({5, 4}, sign, at::kDouble));
    EXPECT_EQ(count_assignments(plan.expert_index, 4).sum().item<std::int64_t>(), sign > 0 ? 20 : 0);
    router.routing.end_step();
    EXPECT_NEAR(lambda.item<double>(), sign > 0 ? 1.2 : 1.0, 1e-12);
  }
}

TEST(HashRouter, GivesEveryExpertItsShareOfTheTokenIds) {
  constexpr std::int64_t kIds = 60, kExperts = 6;
  const Json options = test::routed_options(
      kExperts, Json::object({{"router", Json::object({{"type", "hash"}, {"top_k", 2}})}}));
  const test::RoutingUnderTest router(options, 4, kIds);
  const at::Tensor index = router.route(at::zeros({kIds, kExperts}, at::kDouble)).expert_index;
  expect_equal(count_assignments(index, kExperts),
               at::full({kExperts}, 2 * kIds / kExperts, at::kLong),
               "tokens of an expert");
}

}  // namespace
}  // namespace switchyard::train
