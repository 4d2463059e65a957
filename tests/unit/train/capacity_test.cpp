// Capacities: the acceptance numbers of the ST-MoE package, structure, and who sees whom.
#include <algorithm>
#include <array>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/train/routing/capacity_rule.h"
#include "tests/support/gradient_check.h"
#include "tests/support/routing_layers.h"

namespace switchyard::train {
namespace {

using test::layer_of;
using test::package_capacity;
using test::rows;
using test::top_n;
using test::with_type;

struct Kept {
  std::int64_t token, expert, slot;
  double weight;
};

void expect_kept(const RoutingPlan& plan, std::int64_t E, const std::vector<Kept>& want) {
  const at::Tensor slot =
      places_choice_by_choice(plan.chosen_index.unsqueeze(0), E).squeeze(0).contiguous();
  std::vector<Kept> got;
  for (std::int64_t n = 0; n < plan.expert_index.size(0); ++n) {
    for (std::int64_t k = 0; k < plan.expert_index.size(1); ++k) {
      const auto e = plan.expert_index[n][k].item<std::int64_t>();
      const auto weight = plan.combine_weight[n][k].item<double>();
      if (e < E) got.push_back({n, e, slot[n][k].item<std::int64_t>(), weight});
      EXPECT_TRUE(e < E || weight == 0.0);
    }
  }
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(got[i].token, want[i].token) << i;
    EXPECT_EQ(got[i].expert, want[i].expert) << i;
    EXPECT_EQ(got[i].slot, want[i].slot) << i;
    EXPECT_NEAR(got[i].weight, want[i].weight, 1e-6) << i;
  }
}

TEST(CapacityRule, CountsSlotsAsThePackageDoes) {
  struct Row {
    std::int64_t N, of_training, of_evaluation;
  };

  config::Schema schema;
  CapacityRule::describe(schema);
  const Json given = Json::object({{"is_scaled_by_top_k", false}, {"rounding", "floor"}});
  const config::Resolved resolved = config::resolve(schema, given, "test");
  const CapacityRule rule{config::Node(resolved.config)};
  for (const Row& row : {Row{1, 4, 4},
                         Row{3, 4, 4},
                         Row{8, 4, 4},
                         Row{64, 5, 8},
                         Row{1024, 80, 128},
                         Row{4096, 320, 512}}) {
    EXPECT_EQ(rule.capacity(row.N, 16, 2, true), row.of_training) << row.N;
    EXPECT_EQ(rule.capacity(row.N, 16, 2, false), row.of_evaluation) << row.N;
  }
}

TEST(CapacityRule, ScalesRoundsAndRaises) {
  const auto slots = [](const char* text) {
    config::Schema schema;
    CapacityRule::describe(schema);
    const config::Resolved resolved = config::resolve(schema, *parse_json(text, "test"), "test");
    EXPECT_TRUE(resolved.ok());
    return CapacityRule{config::Node(resolved.config)}.capacity(50, 16, 2, true);  // 3.90625 x 2
  };
  EXPECT_EQ(slots(R"({"min_capacity": 1})"), 8);
  EXPECT_EQ(slots(R"({"min_capacity": 1, "rounding": "floor"})"), 7);
  EXPECT_EQ(slots(R"({"min_capacity": 1, "rounding": "floor", "is_scaled_by_top_k": false})"), 3);
  EXPECT_EQ(slots(R"({"min_capacity": 1, "rounding": "nearest", "is_scaled_by_top_k": false})"), 4);
  EXPECT_EQ(slots(R"({"min_capacity": 1, "multiple": 5})"), 10);
  EXPECT_EQ(slots(R"({"min_capacity": 12})"), 12);
}

TEST(ChoiceMajorCapacity, KeepsWhatThePackageKeeps) {
  const at::Tensor probs = rows({{.6, .3, .06, .04},
                                 {.6, .3, .06, .04},
                                 {.6, .3, .06, .04},
                                 {.6, .3, .06, .04},
                                 {.6, .3, .06, .04},
                                 {.5, .1, .35, .05},
                                 {.3, .6, .06, .04},
                                 {.1, .1, .2, .6}});
  const auto layer = layer_of(4,
                              top_n(2, "0.2"),
                              package_capacity(2.0),
                              Json::object({{"load_balance_counts", "first_choice"}}));
  const RoutingPlan plan = layer.route(probs.log());
  const double two = 2.0 / 3.0, one = 1.0 / 3.0;
  expect_kept(plan,
              4,
              {{0, 0, 0, two},
               {0, 1, 1, one},
               {1, 0, 1, two},
               {1, 1, 2, one},
               {2, 0, 2, two},
               {2, 1, 3, one},
               {3, 0, 3, two},
               {5, 2, 0, .35 / .85},
               {6, 1, 0, two},
               {7, 3, 0, .75},
               {7, 2, 1, .25}});
  EXPECT_NEAR(plan.load_balance_loss.item<double>(), 1.661875, 1e-9);
  EXPECT_NEAR(plan.router_z_loss.item<double>(), 0.0, 1e-12);
  const auto package = layer_of(4,
                                top_n(2, "0.2"),
                                package_capacity(2.0),
                                Json::object({{"load_balance_counts", "kept_first_choice"}}));
  EXPECT_NEAR(package.route(probs.log()).load_balance_loss.item<double>(), 1.174375, 1e-9);
}

TEST(ChoiceMajorCapacity, CountsThirdChoicesBehindBothOthers) {
  const at::Tensor probs = rows({{.5, .3, .15, .05},
                                 {.5, .3, .15, .05},
                                 {.3, .5, .15, .05},
                                 {.15, .3, .5, .05},
                                 {.3, .15, .5, .05},
                                 {.05, .3, .15, .5}});
  const auto layer = layer_of(4,
                              top_n(3, "0.2"),
                              package_capacity(2.0),
                              Json::object({{"load_balance_counts", "first_choice"}}));
  const RoutingPlan plan = layer.route(probs.log());
  const double a = .5 / .95, b = .3 / .95, c = .15 / .95;
  expect_kept(plan,
              4,
              {{0, 0, 0, a},
               {0, 1, 1, b},
               {0, 2, 2, c},
               {1, 0, 1, a},
               {1, 1, 2, b},
               {1, 2, 3, c},
               {2, 1, 0, a},
               {2, 0, 2, b},
               {3, 2, 0, a},
               {3, 1, 3, b},
               {4, 2, 1, a},
               {4, 0, 3, b},
               {5, 3, 0, a}});
  EXPECT_NEAR(plan.load_balance_loss.item<double>(), 1.044444, 1e-6);
}

TEST(LoadBalanceLoss, IgnoresDroppingUnlessAsked) {
  const at::Tensor collapsed = at::zeros({1024, 16}, at::kDouble);
  collapsed.select(1, 0).fill_(20.0);
  const auto value = [&](const char* counted, double factor) {
    return layer_of(16,
                    top_n(2, "0.2"),
                    package_capacity(factor),
                    Json::object({{"load_balance_counts", counted}}))
        .route(collapsed)
        .load_balance_loss.item<double>();
  };
  EXPECT_NEAR(value("first_choice", 1.25), 16.0, 1e-4);
  EXPECT_NEAR(value("first_choice", 2.0), 16.0, 1e-4);
  EXPECT_NEAR(value("kept_first_choice", 1.25), 1.25, 1e-4);  // the package saturates
}

/// Serves choices one by one, as the definitions say.
at::Tensor served_in_order(const at::Tensor& index,
                           std::int64_t E,
                           std::int64_t C,
                           const std::vector<std::pair<std::int64_t, std::int64_t>>& order) {
  at::Tensor kept = at::full_like(index, E);
  std::vector<std::int64_t> count(static_cast<std::size_t>(E), 0);
  for (const auto& [t, k] : order) {
    const auto e = index[t][k].item<std::int64_t>();
    if (e == E || count[static_cast<std::size_t>(e)] == C) continue;
    ++count[static_cast<std::size_t>(e)];
    kept[t][k] = e;
  }
  return kept;
}

TEST(EveryCapacity, EqualsServingOneByOne) {
  std::uint64_t seed = 1;
  for (const auto& [N, E, K, C] : {std::array<std::int64_t, 4>{5, 4, 2, 1},
                                   {24, 6, 3, 3},
                                   {40, 16, 2, 2},
                                   {33, 4, 4, 20},
                                   {8, 3, 1, 2}}) {
    for (const CapacityEntry& entry : all_capacities()) {
      if (entry.info.name == "unlimited") continue;
      SCOPED_TRACE(std::string(entry.info.name) + " N " + std::to_string(N));
      const at::Tensor logits = test::normal({N, E}, seed++);
      Json capacity = with_type(std::string(entry.info.name).c_str(),
                                Json::object({{"factor", 1e-3}, {"min_capacity", C}}));
      const auto layer =
          layer_of(E,
                   with_type("top_k", Json::object({{"top_k", K}})),
                   std::move(capacity),
                   K == 1 ? Json::object({{"combine_weight", with_type("raw")}}) : Json::object());
      const RoutingPlan plan = layer.route(logits);
      std::vector<std::pair<std::int64_t, std::int64_t>> order;
      for (std::int64_t t = 0; t < N; ++t) {
        for (std::int64_t k = 0; k < K; ++k) order.emplace_back(t, k);
      }
      const at::Tensor score = at::softmax(logits, 1).gather(1, plan.chosen_index);
      const auto key = [&](const std::pair<std::int64_t, std::int64_t>& a) {
        const double own = -score[a.first][a.second].item<double>();
        const double best = -score[a.first].max().item<double>();
        if (entry.info.name == "token_major") return std::tuple{0.0, 0.0};
        if (entry.info.name == "probability") return std::tuple{own, 0.0};
        const auto rank = static_cast<double>(a.second);
        return std::tuple{rank, entry.info.name == "choice_major" ? 0.0 : best};
      };
      std::stable_sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
        return key(a) < key(b);
      });
      const at::Tensor want = served_in_order(plan.chosen_index, E, C, order);
      EXPECT_TRUE(at::equal(plan.expert_index, want)) << plan.expert_index << want;
      EXPECT_LE(count_assignments(plan.expert_index, E).max().item<std::int64_t>(), C);
      EXPECT_TRUE(at::equal(plan.combine_weight, plan.chosen_weight.masked_fill(want == E, 0.0)));
    }
  }
}

TEST(EveryCapacity, DropsNothingWithRoomForAll) {
  for (const CapacityEntry& entry : all_capacities()) {
    Json capacity = with_type(std::string(entry.info.name).c_str());
    if (entry.info.name != "unlimited") capacity.set("min_capacity", 30);
    const auto layer = layer_of(5, with_type("top_k"), std::move(capacity));
    const RoutingPlan plan = layer.route(test::normal({30, 5}, 3));
    EXPECT_TRUE(at::equal(plan.expert_index, plan.chosen_index)) << entry.info.name;
    EXPECT_NEAR(plan.combine_weight.sum(1).min().item<double>(), 1.0, 1e-12);
  }
}

TEST(EveryCapacity, CountsSequencesApart) {
  Json capacity = with_type("choice_major", Json::object({{"factor", 0.01}, {"min_capacity", 2}}));
  const auto layer = layer_of(3, with_type("top_k"), std::move(capacity));
  const at::Tensor logits = test::normal({20, 3}, 4);
  TokenView both;
  both.x = at::zeros({20, 4}, at::kDouble);
  both.num_sequences = 2;
  both.is_training = true;
  const at::Tensor together = layer.routing.route_logits(logits, both).expert_index;
  EXPECT_TRUE(
      at::equal(together.narrow(0, 0, 10), layer.route(logits.narrow(0, 0, 10)).expert_index));
  EXPECT_TRUE(
      at::equal(together.narrow(0, 10, 10), layer.route(logits.narrow(0, 10, 10)).expert_index));
}

/// How much the first half of a sequence's weights changes with its second half. Experts by index.
double leak(const test::RoutingUnderTest& layer, std::int64_t E) {
  const at::Tensor logits = test::normal({64, E}, 9);
  const at::Tensor edited = logits.clone();
  edited.narrow(0, 32, 32).copy_(test::normal({32, E}, 10) * 2.0);
  const auto gates = [&](const at::Tensor& from) {
    const RoutingPlan plan = layer.route(from);
    return at::zeros({64, E + 1}, at::kDouble)
        .scatter(1, plan.expert_index, plan.combine_weight.detach())
        .narrow(0, 0, 32)
        .narrow(1, 0, E);
  };
  return (gates(logits) - gates(edited)).abs().max().item<double>();
}

TEST(Causality, HoldsForWhatSaysSoAndIsBrokenByTheRest) {
  const Json tight = Json::object({{"factor", 0.75}, {"min_capacity", 1}});
  for (const CapacityEntry& entry : all_capacities()) {
    Json capacity = entry.info.name == "unlimited" ? Json::object() : tight;
    const auto layer =
        layer_of(8,
                 with_type("top_k"),
                 with_type(std::string(entry.info.name).c_str(), std::move(capacity)));
    EXPECT_EQ(leak(layer, 8) == 0.0, entry.info.is_causal) << entry.info.name;
  }
  const auto first_alone = layer_of(8,
                                    with_type("top_k", Json::object({{"top_k", 1}})),
                                    with_type("choice_major", tight),
                                    Json::object({{"combine_weight", with_type("raw")}}));
  EXPECT_EQ(leak(first_alone, 8), 0.0);
  for (const char* router : {"expert_choice", "sinkhorn", "base_assignment"}) {
    EXPECT_GT(leak(layer_of(8, with_type(router), with_type("unlimited")), 8), 0.0) << router;
  }
  const Json tiles = Json::object({{"tile", 8}});
  EXPECT_GT(leak(layer_of(8, with_type("token_rounding", tiles), with_type("unlimited")), 8), 0.0);
  EXPECT_EQ(leak(layer_of(8, top_n(2, "0.2"), with_type("unlimited")), 8), 0.0);
}

}  // namespace
}  // namespace switchyard::train
