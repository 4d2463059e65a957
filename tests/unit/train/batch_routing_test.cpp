// Routers that look at more than one token, and those that keep choices by chance.
#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/train/routing/assignment.h"
#include "engine/train/routing/coordinate_descent.h"
#include "engine/train/routing/losses.h"
#include "tests/support/gradient_check.h"
#include "tests/support/routing_layers.h"

namespace switchyard::train {
namespace {

using test::layer_of;
using test::rows;
using test::top_n;
using test::with_type;

void seed_generator(std::uint64_t seed) {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
  generator.set_current_seed(seed);
}

TEST(TopNThreshold, KeepsSecondChoicesAtTheStatedRate) {
  const std::int64_t N = 4000;
  const auto kept_share = [&](double second, const char* keep, bool is_training) {
    const at::Tensor probs = at::tensor({1.0 - second, second}, at::kDouble).expand({N, 2});
    Json router = top_n(2, "0.2", keep);
    router.set("keep_eval", "always");
    const auto layer = layer_of(2, std::move(router), with_type("unlimited"));
    const at::Tensor index = layer.route(probs.log(), is_training).expert_index;
    EXPECT_TRUE((index.select(1, 0) == 0).all().item<bool>());
    return (index.select(1, 1) == 1).to(at::kDouble).mean().item<double>();
  };
  seed_generator(5);
  EXPECT_NEAR(kept_share(0.05, "random", true), 0.25, 3.0 * std::sqrt(0.25 * 0.75 / N));
  EXPECT_EQ(kept_share(0.25, "random", true), 1.0);
  EXPECT_EQ(kept_share(0.05, "random", false), 1.0);
  EXPECT_EQ(kept_share(0.05, "threshold", true), 0.0);
  EXPECT_EQ(kept_share(0.25, "threshold", true), 1.0);
  EXPECT_EQ(kept_share(0.05, "always", true), 1.0);
}

TEST(TopNThreshold, RepeatsItselfFromASeed) {
  const auto layer = layer_of(8, top_n(3, "0.2, 0.1", "random"), with_type("unlimited"));
  const at::Tensor logits = test::normal({50, 8}, 2);
  const auto run = [&](std::uint64_t seed) {
    seed_generator(seed);
    return layer.route(logits).expert_index;
  };
  EXPECT_TRUE(at::equal(run(1), run(1)));
  EXPECT_FALSE(at::equal(run(1), run(2)));
  EXPECT_TRUE(layer.routing.draws());
}

TEST(TopNThreshold, RefusesThresholdsThatAreNoNumbers) {
  Json options = Json::object({{"num_experts", 4}});
  options.set("router", top_n(2, "0.2; 0.1"));
  const config::Resolved resolved = config::resolve(test::routed_experts_schema(), options, "run");
  ASSERT_EQ(resolved.errors.size(), 1U);
  EXPECT_NE(resolved.errors[0].text().find("/router/thresholds"), std::string::npos);
}

TEST(CoordinateDescent, IsARelaxedChoice) {
  for (const std::int64_t E : {8, 64}) {
    for (const double spread : {0.2, 2.0, 10.0}) {
      const at::Tensor p = at::softmax(test::normal({200, E}, 3) * spread, 1);
      const at::Tensor m = coordinate_descent(p, 2);
      EXPECT_LE(m.max().item<double>(), 1.0 + 1e-12);
      const at::Tensor off = (m.sum(1) - 2.25).abs();
      EXPECT_LE(off.max().item<double>(), 0.05);
      EXPECT_LE(off.mean().item<double>(), 0.005);
      const at::Tensor order = std::get<1>(at::sort(p, true, 1, true));
      EXPECT_LE(m.gather(1, order).diff(1, 1).max().item<double>(), 1e-12);
    }
  }
  const at::Tensor s = test::normal({3, 5}, 4), of_m = test::normal({3, 5}, 5);
  test::expect_gradient_matches([&] { return (coordinate_descent(s, 2) * of_m).sum(); }, s);
  CoordinateDescent sharp;
  sharp.eps = sharp.eps_start = 1e-3;
  sharp.ratio = 1.0;
  sharp.num_iterations = 2000;
  const at::Tensor hard = coordinate_descent(at::softmax(test::normal({1, 6}, 6), 1), 2, sharp);
  EXPECT_NEAR(std::get<0>(at::topk(hard, 2, 1)).min().item<double>(), 1.0, 0.02);
}

TEST(Sinkhorn, BalancesRowsAndColumns) {
  const std::int64_t T = 2048, E = 64;
  const at::Tensor offset = test::normal({1, E}, 1) * 2.0;
  const at::Tensor logits = test::normal({T, E}, 2) + offset;
  const at::Tensor plan = sinkhorn(logits, 20);
  EXPECT_LE((plan.sum(1) * T - 1.0).abs().max().item<double>(), 1e-4);
  EXPECT_LE((plan.sum(0) * E - 1.0).abs().max().item<double>(), 1e-4);
  const at::Tensor moved = sinkhorn(logits + test::normal({1, E}, 3), 200);
  EXPECT_LE((moved / sinkhorn(logits, 200) - 1.0).abs().max().item<double>(), 1e-6);
  const auto variation = [&](const at::Tensor& ranked) {
    const at::Tensor load = count_assignments(largest(ranked, 1), E).to(at::kDouble);
    return std::sqrt(squared_variation(load).item<double>());
  };
  EXPECT_LT(variation(plan), 0.3 * variation(logits));
  EXPECT_TRUE(at::isfinite(sinkhorn(logits * 1e3, 20)).all().item<bool>());
}

TEST(BalancedAssignment, HasTheLargestSumAtEqualLoads) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const at::Tensor affinity = test::normal({6, 3}, seed);
    const at::Tensor got = balanced_assignment(affinity);
    const at::Tensor load = count_assignments(got, 3);
    EXPECT_TRUE((load == 2).all().item<bool>()) << load;
    double best = -1e9;
    std::vector<std::int64_t> all{0, 0, 1, 1, 2, 2};
    do {
      double sum = 0.0;
      for (std::int64_t n = 0; n < 6; ++n) {
        sum += affinity[n][all[static_cast<std::size_t>(n)]].item<double>();
      }
      best = std::max(best, sum);
    } while (std::next_permutation(all.begin(), all.end()));
    EXPECT_NEAR(affinity.gather(1, got.unsqueeze(1)).sum().item<double>(), best, 6e-4 * 8.0);
  }
  const at::Tensor load = count_assignments(balanced_assignment(test::normal({101, 8}, 3)), 8);
  EXPECT_EQ(load.max().item<std::int64_t>() - load.min().item<std::int64_t>(), 1);
  EXPECT_EQ(
      count_assignments(balanced_assignment(test::normal({3, 8}, 3)), 8).sum().item<std::int64_t>(),
      3);
  EXPECT_EQ(balanced_assignment(at::zeros({7, 1}, at::kDouble)).max().item<std::int64_t>(), 0);
}

TEST(ExpertChoice, FillsEveryExpertEqually) {
  for (const char* over : {"experts", "tokens"}) {
    Json router = with_type("expert_choice",
                            Json::object({{"capacity_factor", 1.5}, {"softmax_over", over}}));
    const auto layer = layer_of(8, std::move(router), with_type("unlimited"));
    const RoutingPlan plan = layer.route(test::normal({32, 8}, 6));
    EXPECT_TRUE((count_assignments(plan.expert_index, 8) == 6).all().item<bool>()) << over;
    EXPECT_EQ(plan.choice.num_assignments_at_most, 48);
    // Experts of a token come first, in descending order of weight.
    EXPECT_LE(plan.combine_weight.diff(1, 1).max().item<double>(), 0.0);
  }
}

TEST(TokenRounding, FillsWholeTilesAroundTheOwnCounts) {
  const at::Tensor logits = test::normal({96, 8}, 7);
  const at::Tensor own = count_assignments(largest(logits, 2), 8);
  for (const char* rounding : {"nearest", "up", "down"}) {
    Json router = with_type("token_rounding", Json::object({{"tile", 8}, {"rounding", rounding}}));
    const auto layer = layer_of(8, std::move(router), with_type("unlimited"));
    const RoutingPlan plan = layer.route(logits);
    const at::Tensor load = count_assignments(plan.expert_index, 8);
    EXPECT_TRUE((load.remainder(8) == 0).all().item<bool>()) << rounding << load;
    EXPECT_LT((load - own).abs().max().item<std::int64_t>(), 8) << rounding;
    EXPECT_LE(load.sum().item<std::int64_t>(), plan.choice.num_assignments_at_most);
    const RoutingPlan evaluated = layer.route(logits, false);
    EXPECT_TRUE(at::equal(count_assignments(evaluated.expert_index, 8), own));
  }
}

TEST(NoTokenLeftBehind, AsksTheNextCandidateWhereThereIsRoom) {
  const at::Tensor probs = rows({{.7, .2, .1}, {.6, .3, .1}, {.5, .4, .1}, {.1, .8, .1}});
  Json options = Json::object({{"num_candidates", 2}, {"factor", 0.1}, {"min_capacity", 1}});
  const auto layer = layer_of(3,
                              with_type("no_token_left_behind", options),
                              with_type("unlimited"),
                              Json::object({{"combine_weight", with_type("raw")}}));
  const RoutingPlan plan = layer.route(probs.log());
  // Token 0 and 3 get their best; the seconds of 1 and 2 are full by then.
  EXPECT_TRUE(at::equal(plan.expert_index.flatten(), at::tensor({0, 3, 3, 1}, at::kLong)));
  // It looks ahead: token 1 gets its second where the last token wants another expert.
  const at::Tensor edited = probs.clone();
  edited[3].copy_(at::tensor({.1, .1, .8}, at::kDouble));
  EXPECT_EQ(layer.route(edited.log()).expert_index[1][0].item<std::int64_t>(), 1);
  options.set("num_candidates", 3);
  const auto more = layer_of(3,
                             with_type("no_token_left_behind", options),
                             with_type("unlimited"),
                             Json::object({{"combine_weight", with_type("raw")}}));
  const RoutingPlan all = more.route(probs.log());
  EXPECT_TRUE(at::equal(all.expert_index.flatten(), at::tensor({0, 2, 3, 1}, at::kLong)));
  EXPECT_NEAR(all.combine_weight[1][0].item<double>(), 0.1, 1e-12);
}

TEST(SoftMoe, HasSharesThatSumToOne) {
  for (const bool is_normalized : {true, false}) {
    Json router = with_type(
        "soft_moe", Json::object({{"slots_per_expert", 3}, {"is_normalized", is_normalized}}));
    auto layer = layer_of(4, std::move(router), with_type("unlimited"));
    layer.parameters.master("router.phi.weight").copy_(test::normal({4, 12}, 1));
    TokenView tokens;
    tokens.x = test::normal({14, 4}, 2);
    tokens.num_sequences = 2;
    const RoutingPlan plan = layer.routing.route(tokens);
    ASSERT_EQ(plan.choice.slot_dispatch.sizes(), at::IntArrayRef({2, 7, 12}));
    EXPECT_LE((plan.choice.slot_dispatch.sum(1) - 1.0).abs().max().item<double>(), 1e-12);
    EXPECT_LE((plan.choice.slot_combine.sum(2) - 1.0).abs().max().item<double>(), 1e-12);
    EXPECT_LE((plan.router_probs.sum(1) - 1.0).abs().max().item<double>(), 1e-12);
    EXPECT_EQ(layer.parameters.declarations().size(), is_normalized ? 2U : 1U);  // no projection
  }
}

}  // namespace
}  // namespace switchyard::train
