// The routing doctor: each rule from planted statistics, hysteresis, and silence for healthy runs.
#include "engine/base/routing/doctor.h"

#include <functional>

#include <gtest/gtest.h>

#include "engine/base/routing/findings.h"

namespace switchyard::routing {
namespace {

/// One dense layer, then two routed ones of eight experts, two for each token.
Json config_of(double load_balance_coef = 0.01) {
  Json config = parse_json(R"({
    "model": {"layers": [
      {"feed_forward": {"type": "dense"}},
      {"repeat": 2, "feed_forward": {"type": "routed_experts", "num_experts": 8,
       "load_balance_coef": 0.01, "router_z_coef": 0.001, "router": {"type": "top_k", "top_k": 2}}}]},
    "optimizer": {"learning_rate": 0.001},
    "train": {"max_steps": 2000}})",
                           "test")
                    .value();
  config.find("model")
      ->find("layers")
      ->mutable_items()[1]
      .find("feed_forward")
      ->set("load_balance_coef", load_balance_coef);
  return config;
}

/// What a healthy layer says.
LayerReading healthy(int layer) {
  return {layer, {100, 110, 90, 105, 95, 120, 80, 100}, 0.7, 0.2, 0.0};
}

using Change = std::function<void(RoutingReading&)>;

/// `num` readings ten steps apart from `first` on, each healthy but for what `plant` changes.
std::vector<FindingChange> feed(Doctor& doctor, std::int64_t first, int num, const Change& plant) {
  std::vector<FindingChange> all;
  for (int i = 0; i < num; ++i) {
    RoutingReading reading{first + 10 * i, {healthy(1), healthy(2)}, 1.02, 5.0};
    plant(reading);
    for (FindingChange& change : doctor.read(reading)) all.push_back(std::move(change));
  }
  return all;
}

std::vector<std::string> names_of(const std::vector<FindingChange>& changes) {
  std::vector<std::string> names;
  for (const FindingChange& change : changes)
    names.push_back((change.is_open ? "" : "no ") + std::string(finding_name(change.finding.kind)) +
                    " " + std::to_string(change.finding.layer));
  return names;
}

using Names = std::vector<std::string>;

void collapse(RoutingReading& reading) {
  reading.layers[1].tokens_per_expert = {400, 396, 1, 0, 1, 0, 1, 1};
}

TEST(Doctor, IsSilentOverAHealthyRun) {
  Doctor doctor(config_of());
  EXPECT_TRUE(feed(doctor, 10, 200, [](RoutingReading&) {}).empty());
}

TEST(Doctor, KnowsTheRoutedLayersAndWhereTheyStandInTheConfig) {
  const std::vector<LayerPlan> plans = layer_plans(config_of());
  ASSERT_EQ(plans.size(), 2U);
  EXPECT_EQ(plans[1].layer, 2);
  EXPECT_EQ(plans[1].pointer, "/model/layers/1/feed_forward");
  EXPECT_EQ(plans[1].top_k, 2);
}

TEST(Doctor, NamesACollapseOnceWithItsFigureAndItsRemedy) {
  Doctor doctor(config_of(0.0));
  const auto changes = feed(doctor, 10, 20, collapse);
  ASSERT_EQ(names_of(changes), (Names{"collapsed_router 2"}));
  const Finding& finding = changes[0].finding;
  EXPECT_EQ(finding.severity, Severity::kFailure);
  EXPECT_EQ(finding.message,
            "Layer 2: the load of 8 experts is that of 2.1, 2 receive next to nothing. "
            "Since step 10.");
  EXPECT_EQ(finding.pointer, "/model/layers/1/feed_forward/load_balance_coef");
  EXPECT_DOUBLE_EQ(finding.value, 0.01);
  EXPECT_EQ(finding.since_step, 10);
  ASSERT_EQ(doctor.open_findings().size(), 1U);
}

TEST(Doctor, WaitsForThreeReadingsAndForThreeGoodOnes) {
  Doctor doctor(config_of());
  EXPECT_TRUE(feed(doctor, 10, 2, collapse).empty());
  EXPECT_TRUE(feed(doctor, 30, 1, [](RoutingReading&) {}).empty());
  EXPECT_TRUE(feed(doctor, 40, 2, collapse).empty()) << "a good reading in between begins anew";
  EXPECT_EQ(feed(doctor, 60, 1, collapse).size(), 1U);
  const auto between = [](RoutingReading& reading) {  // effective 4.4: above E / 2, below 0.6 E
    reading.layers[1].tokens_per_expert = {200, 200, 200, 180, 5, 5, 5, 5};
  };
  EXPECT_TRUE(feed(doctor, 70, 20, between).empty());
  EXPECT_TRUE(feed(doctor, 270, 2, [](RoutingReading&) {}).empty());
  const auto cleared = feed(doctor, 290, 1, [](RoutingReading&) {});
  EXPECT_EQ(names_of(cleared), (Names{"no collapsed_router 2"}));
  EXPECT_TRUE(doctor.open_findings().empty());
}

TEST(Doctor, OfReadingsEveryStepWaitsForTwentySteps) {
  Doctor doctor(config_of());
  std::int64_t opened = -1;
  for (std::int64_t step = 1; step <= 40 && opened < 0; ++step) {
    RoutingReading reading{step, {healthy(1), healthy(2)}, 1.0, 5.0};
    collapse(reading);
    if (!doctor.read(reading).empty()) opened = step;
  }
  EXPECT_EQ(opened, 1 + Doctor::kStepsToOpen);
}

TEST(Doctor, AddsUpReadingsOfFewTokens) {
  Doctor doctor(config_of());
  // 4 tokens an expert and reading: a verdict every eight readings
  const auto changes = feed(doctor, 10, 200, [](RoutingReading& reading) {
    for (LayerReading& layer : reading.layers) layer.tokens_per_expert.assign(8, 4.0F);
    reading.layers[0].tokens_per_expert[reading.step / 10 % 8] = 0.0F;  // idle for one reading
  });
  EXPECT_TRUE(changes.empty());
}

TEST(Doctor, NamesDeadAndOverloadedExperts) {
  Doctor doctor(config_of());
  const auto changes = feed(doctor, 10, 5, [](RoutingReading& reading) {
    reading.layers[0].tokens_per_expert = {100, 110, 0, 105, 95, 120, 80, 0};
    reading.layers[1].tokens_per_expert = {320, 80, 70, 60, 70, 60, 80, 60};
  });
  ASSERT_EQ(names_of(changes), (Names{"dead_experts 1", "overloaded_expert 2"}));
  EXPECT_NE(changes[0].finding.message.find("2 of 8 experts (25 %)"), std::string::npos);
  EXPECT_DOUBLE_EQ(changes[0].finding.value, 0.04);
  EXPECT_NE(changes[1].finding.message.find("expert 0 carries 3.2 times"), std::string::npos);
}

TEST(Doctor, NamesARouterThatDoesNotLearnOnlyLate) {
  Doctor doctor(config_of());
  const auto uniform = [](RoutingReading& reading) {
    reading.layers[0].entropy_normalized = 0.999;
    reading.layers[0].top1_margin = 0.0005;
  };
  EXPECT_TRUE(feed(doctor, 10, 49, uniform).empty());  // until step 490
  EXPECT_EQ(names_of(feed(doctor, 500, 3, uniform)), (Names{"router_not_learning 1"}));
}

TEST(Doctor, NamesProbabilitiesThatAreOneHotEarly) {
  const auto one_hot = [](RoutingReading& reading) { reading.layers[1].entropy_normalized = 0.01; };
  Doctor early(config_of()), late(config_of());
  EXPECT_EQ(names_of(feed(early, 10, 4, one_hot)), (Names{"entropy_collapse 2"}));
  EXPECT_TRUE(feed(late, 410, 100, one_hot).empty()) << "sharp routing is what training leads to";
}

TEST(Doctor, NamesTiedChoicesDroppedTokensAndTheOtherConvention) {
  Doctor doctor(config_of());
  const auto changes = feed(doctor, 600, 4, [](RoutingReading& reading) {
    reading.layers[0].top1_margin = 0.004;  // · 8 = 0.032
    reading.layers[1].dropped_frac = 0.03;
    reading.load_balance_loss = 2.01;
  });
  EXPECT_EQ(names_of(changes),
            (Names{"vanishing_margin 1", "dropped_tokens 2", "balance_convention -1"}));
  EXPECT_DOUBLE_EQ(changes[2].finding.value, 0.005);
  EXPECT_EQ(changes[2].finding.severity, Severity::kNote);
}

TEST(Doctor, NamesLogitsThatGrow) {
  Doctor steady(config_of()), growing(config_of());
  EXPECT_TRUE(feed(steady, 10, 50, [](RoutingReading& r) { r.router_z_loss = 60.0; }).empty())
      << "large, but it does not grow";
  const auto changes = feed(growing, 10, 50, [](RoutingReading& reading) {
    reading.router_z_loss = 5.0 + 0.3 * static_cast<double>(reading.step);
  });
  ASSERT_EQ(names_of(changes), (Names{"growing_logits -1"}));
  EXPECT_EQ(changes[0].finding.since_step, 160);  // 53 > 50
  EXPECT_EQ(changes[0].finding.pointer, "/model/layers/1/feed_forward/router_z_coef");
}

TEST(Doctor, NamesARedundantPairSeenInTwoProbes) {
  ProbeText text;
  ProbeReading reading{1, 8, 2, {}, 1.0, 0.2, 0.1};
  for (std::int32_t n = 0; n < 800; ++n) {
    text.inputs.push_back(n % 7);
    text.targets.push_back(n % 7);
    const auto e = static_cast<std::uint16_t>(n % 8);  // 2 always takes 5 along
    const auto other = static_cast<std::uint16_t>(e == 2   ? 5
                                                  : e == 5 ? 2
                                                           : (n / 8) % 2 * 6 + n % 2);
    reading.experts.push_back(e);
    reading.experts.push_back(other == e ? static_cast<std::uint16_t>(3) : other);
  }
  const RoutingProbe probe = make_probe(text, {reading});
  Doctor doctor(config_of());
  EXPECT_TRUE(doctor.read(250, probe).empty());
  const auto changes = doctor.read(500, probe);
  ASSERT_EQ(names_of(changes), (Names{"redundant_pair 1"}));
  EXPECT_NE(changes[0].finding.message.find("experts 2 and 5 are chosen together for 100 %"),
            std::string::npos)
      << changes[0].finding.message;
}

TEST(Findings, TravelAsEventsAndEndWithTheEngineThatMadeThem) {
  Doctor doctor(config_of());
  const auto changes = feed(doctor, 10, 5, [](RoutingReading& reading) {
    collapse(reading);
    reading.layers[0].tokens_per_expert[3] = 0;
  });
  ASSERT_EQ(changes.size(), 2U);
  const auto back = finding_change_from(json_from(changes[1]));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(json_from(*back), json_from(changes[1]));
  EXPECT_FALSE(finding_change_from(Json::object({{"finding", Json("newer")}})).has_value());
  const auto event = [](std::string kind, Json detail) {
    return store::Event{0, 0, 0.0, std::move(kind), std::move(detail)};
  };
  std::vector<store::Event> events{event("doctor", json_from(changes[0])),
                                   event("doctor", json_from(changes[1]))};
  EXPECT_EQ(open_findings(events).size(), 2U);
  FindingChange cleared = changes[0];
  cleared.is_open = false;
  events.push_back(event("doctor", json_from(cleared)));
  ASSERT_EQ(open_findings(events).size(), 1U);
  EXPECT_EQ(open_findings(events)[0].layer, changes[1].finding.layer);
  events.push_back(event("state", Json::object({{"state", "running"}, {"reason", ""}})));
  EXPECT_EQ(open_findings(events).size(), 1U) << "going on after a pause";
  events.push_back(event("state", Json::object({{"state", "running"}, {"reason", "resumed"}})));
  EXPECT_TRUE(open_findings(events).empty());
}

}  // namespace
}  // namespace switchyard::routing
