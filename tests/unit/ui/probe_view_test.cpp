// What the window shows of routing probes and of the doctor's findings.
#include "ui/model/probe_view.h"

#include <cmath>

#include <gtest/gtest.h>

#include "ui/model/findings.h"
#include "ui/model/run_view_builder.h"

namespace switchyard::ui {
namespace {

/// Nine tokens of ids 3 and 4; layer 1 chooses two of three experts, layer 2 one of two. Id 3 goes
/// to `first`.
store::ProbeSample sample_at(std::int64_t step, std::uint16_t first) {
  std::vector<std::int32_t> ids(16, 3);
  ids.resize(24, 4);
  routing::ProbeReading one{1, 3, 2, {}, 0.5, 0.1, 0.1}, two{2, 2, 1, {}, 0.4, 0.2, 0.2};
  for (const std::int32_t id : ids) {
    const std::uint16_t expert = id == 3 ? first : 2;
    one.experts.push_back(expert);
    one.experts.push_back(expert == 0 ? 1 : 0);
    two.experts.push_back(id == 3 ? 0 : 1);
  }
  return {{step, 0, 0.0, 0.0},
          std::make_shared<const routing::RoutingProbe>(
              routing::make_probe({ids, ids, 24}, {one, two}))};
}

std::shared_ptr<const RunView> probed_run() {
  RunViewBuilder builder("/runs/a");
  store::Delta delta;
  delta.probes = {sample_at(10, 0), sample_at(20, 1)};
  builder.apply(delta, 1.0);
  return builder.publish({}, 1.0);
}

TEST(ProbeView, FindsTheProbeOfATimeAndFollowsRollbacks) {
  const auto run = probed_run();
  EXPECT_EQ(probe_at(*run, 19)->at.step, 10);
  EXPECT_EQ(probe_at(*run, 99)->at.step, 20);
  EXPECT_EQ(probe_at(*run, 1)->at.step, 10);
  EXPECT_EQ(probe_at(RunView(), 1), nullptr);
  std::vector<store::ProbeSample> probes = run->probes;
  const std::vector<store::ProbeSample> again = {sample_at(15, 0)};
  append_probes(probes, again);
  ASSERT_EQ(probes.size(), 2U);
  EXPECT_EQ(probes[1].at.step, 15);
}

TEST(ProbeView, MapsPairsFlowsAndPositions) {
  const auto run = probed_run();
  const routing::ProbeLayer* layer = probe_layer(*probe_at(*run, 10)->probe, 1);
  ASSERT_NE(layer, nullptr);
  EXPECT_EQ(probe_layer(*probe_at(*run, 10)->probe, 7), nullptr);
  const std::vector<float> together = coactivation_map(*layer);  // pairs 0+1 and 2+0
  ASSERT_EQ(together.size(), 9U);
  EXPECT_TRUE(std::isnan(together[0]));
  EXPECT_FLOAT_EQ(together[1], 16.0F / 24.0F);
  EXPECT_FLOAT_EQ(together[3], 1.0F);
  const std::vector<float> flow = transition_map(*layer);
  ASSERT_EQ(flow.size(), 6U);
  EXPECT_FLOAT_EQ(flow[0], 1.0F);
  EXPECT_TRUE(std::isnan(flow[2])) << "expert 1 is nobody's first choice";
  EXPECT_FLOAT_EQ(flow[5], 1.0F);
  const std::vector<float> places = position_map(*layer);
  EXPECT_EQ(places.size(), 48U);
  EXPECT_FLOAT_EQ(places[0], 1.5F) << "every token of the first part took expert 0: 1 ÷ (2 / 3)";
}

TEST(ProbeView, FollowsSaturationOverProbes) {
  const std::vector<SaturationCurve> curves = saturation_curves(*probed_run());
  ASSERT_EQ(curves.size(), 2U);
  EXPECT_TRUE(std::isnan(curves[0].against_previous[0]));
  EXPECT_DOUBLE_EQ(curves[0].against_previous[1], 1.0) << "the same sets in another order";
  EXPECT_DOUBLE_EQ(curves[1].against_last[1], 1.0);
}

TEST(ProbeView, FindsTheExpertsOfATypedToken) {
  const auto run = probed_run();
  const routing::ProbeLayer& layer = *probe_layer(*probe_at(*run, 10)->probe, 1);
  const std::vector<std::string> vocabulary = {"a", "b", "c", " The", "x"};
  const auto found = experts_of_token(layer, TokenList::kInputByShare, "the", vocabulary);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].use.token, 3);
  EXPECT_DOUBLE_EQ(found[0].use.share(), 1.0);
  EXPECT_TRUE(experts_of_token(layer, TokenList::kInputByShare, "q", vocabulary).empty());
  EXPECT_EQ(experts_of_token(layer, TokenList::kInputByCount, "4", {}).size(), 2U) << "by id";
}

TEST(Findings, HoldUntilTheyAreClearedOrTheEngineStartsAnew) {
  const auto found = [](const char* action, const char* kind, int layer) {
    return store::Event{0,
                        50,
                        0.0,
                        "doctor",
                        Json::object({{"action", action},
                                      {"finding", kind},
                                      {"layer", layer},
                                      {"severity", "attention"},
                                      {"message", "layer 3: 2 of 8 experts are unused."},
                                      {"hint", "Raise the balance loss."},
                                      {"pointer", "/model/layers/0/x"},
                                      {"value", 0.01},
                                      {"since_step", 30}})};
  };
  RunView run;
  run.events = {found("found", "dead_experts", 3), found("found", "dropped_tokens", 1)};
  ASSERT_EQ(open_findings(run).size(), 2U);
  EXPECT_EQ(open_findings(run)[1].layer, 3);
  EXPECT_EQ(finding_as_text(open_findings(run)[1]),
            "layer 3: 2 of 8 experts are unused.\nRaise the balance loss.\n/model/layers/0/x = "
            "0.01000\n");
  run.events.push_back(found("cleared", "dead_experts", 3));
  ASSERT_EQ(open_findings(run).size(), 1U);
  EXPECT_EQ(open_findings(run)[0].kind, "dropped_tokens");
  run.events.push_back(
      {0, 60, 0.0, "state", Json::object({{"state", "running"}, {"reason", "resumed"}})});
  EXPECT_TRUE(open_findings(run).empty());
}

}  // namespace
}  // namespace switchyard::ui
