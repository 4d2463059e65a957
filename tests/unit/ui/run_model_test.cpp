// What the window concludes from a run's folder: states, buttons, snapshots, time left, lists.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "ui/model/eta.h"
#include "ui/model/routing_view.h"
#include "ui/model/run_index.h"
#include "ui/model/run_state.h"
#include "ui/model/run_view_builder.h"
#include "ui/model/series_stats.h"

namespace switchyard::ui {
namespace {

store::Event state_event(const char* state, std::int64_t pid = 7) {
  store::Event event;
  event.kind = "state";
  event.detail = Json::object({{"state", state}, {"pid", pid}, {"max_steps", 100}});
  return event;
}

store::ScalarSeries scalars(const std::string& metric,
                            std::vector<std::int64_t> steps,
                            double first = 4.0) {
  store::ScalarSeries series;
  series.metric = metric;
  for (const std::int64_t step : steps) {
    series.step.push_back(step);
    series.tokens.push_back(step * 10);
    series.seconds.push_back(static_cast<double>(step) * 0.5);
    series.flops.push_back(0.0);
    series.value.push_back(first - 0.01 * static_cast<double>(step));
  }
  return series;
}

TEST(RunState, FollowsTheLockBeforeTheLastWord) {
  EXPECT_EQ(run_state(false, false, {}, 0), RunState::kCreated);
  EXPECT_EQ(run_state(false, true, {}, 0), RunState::kStarting);
  EXPECT_EQ(run_state(true, false, {}, 7), RunState::kStarting);
  EXPECT_EQ(run_state(true, false, {state_event("running")}, 7), RunState::kRunning);
  EXPECT_EQ(run_state(true, false, {state_event("paused")}, 7), RunState::kPaused);
  EXPECT_EQ(run_state(false, false, {state_event("running")}, 0), RunState::kKilled);
  EXPECT_EQ(run_state(false, false, {state_event("paused")}, 0), RunState::kKilled);
  EXPECT_EQ(run_state(false, false, {state_event("stopping")}, 0), RunState::kKilled);
  EXPECT_EQ(run_state(false, false, {state_event("completed")}, 0), RunState::kCompleted);
  EXPECT_EQ(run_state(false, false, {state_event("failed")}, 0), RunState::kFailed);
}

TEST(RunState, TakesAnEarlierEnginesWordsForOld) {
  EXPECT_EQ(run_state(true, false, {state_event("running", 3)}, 7), RunState::kStarting);
  EXPECT_EQ(run_state(true, false, {state_event("stopped", 3)}, 7), RunState::kStarting);
  EXPECT_EQ(run_state(true, false, {state_event("stopped", 7)}, 7), RunState::kStopping);
}

TEST(RunState, EveryWordLeadsBackToItsState) {
  for (int i = 0; i <= static_cast<int>(RunState::kDamaged); ++i) {
    const auto state = static_cast<RunState>(i);
    EXPECT_EQ(run_state_from_word(run_state_word(state)), state);
    EXPECT_FALSE(run_state_title(state).empty());
  }
}

TEST(RunButtons, DependOnTheEngineAlone) {
  RunView run;
  run.state = RunState::kRunning;
  EXPECT_TRUE(run_buttons(run).pause.is_shown);
  EXPECT_FALSE(run_buttons(run).pause.is_enabled);
  EXPECT_FALSE(run_buttons(run).pause.reason.empty());
  run.is_engine_attached = true;
  EXPECT_TRUE(run_buttons(run).pause.is_enabled);
  EXPECT_TRUE(run_buttons(run).stop.is_enabled);
  EXPECT_FALSE(run_buttons(run).resume.is_shown);
  run.state = RunState::kPaused;
  EXPECT_TRUE(run_buttons(run).resume.is_enabled);
  EXPECT_FALSE(run_buttons(run).pause.is_shown);
  for (const RunState dead :
       {RunState::kStopped, RunState::kFailed, RunState::kKilled, RunState::kCreated}) {
    run.state = dead;
    EXPECT_TRUE(run_buttons(run).restart.is_enabled);
    EXPECT_FALSE(run_buttons(run).stop.is_shown);
  }
  run.state = RunState::kCompleted;
  EXPECT_FALSE(run_buttons(run).restart.is_shown);
}

TEST(RunViewBuilder, AppendsAndKeepsOlderSnapshotsAsTheyWere) {
  RunViewBuilder builder("/runs/a-001");
  store::Delta delta;
  delta.scalars.push_back(scalars("train_loss", {10, 20}));
  delta.events.push_back(state_event("running"));
  builder.apply(delta, 5.0);
  const auto first = builder.publish({true, false, true, 7}, 6.0);
  store::Delta more;
  more.scalars.push_back(scalars("train_loss", {30}));
  builder.apply(more, 7.0);
  const auto second = builder.publish({true, false, true, 7}, 7.5);
  EXPECT_EQ(first->scalar("train_loss")->size(), 2U);
  EXPECT_EQ(second->scalar("train_loss")->size(), 3U);
  EXPECT_EQ(second->step, 30);
  EXPECT_EQ(second->max_steps, 100);
  EXPECT_GT(second->revision, first->revision);
  EXPECT_EQ(second->state, RunState::kRunning);
  EXPECT_EQ(second->name, "a-001");
  EXPECT_NEAR(second->scalar("train_perplexity")->last_value(), std::exp(3.7), 1e-9);
}

TEST(RunViewBuilder, HidesWhatARollbackUndid) {
  RunViewBuilder builder("/runs/a-001");
  store::Delta delta;
  delta.scalars.push_back(scalars("train_loss", {10, 20, 30}));
  store::VectorSeries vectors{"tokens_per_expert", 0, {}};
  for (const std::int64_t step : {10, 20, 30})
    vectors.samples.push_back({{step, 0, 0.0, 0.0}, {1.0F, 2.0F}});
  delta.vectors.push_back(vectors);
  builder.apply(delta, 1.0);
  store::Delta again;
  again.scalars.push_back(scalars("train_loss", {20, 40}, 9.0));
  again.vectors.push_back({"tokens_per_expert", 0, {{{20, 0, 0.0, 0.0}, {5.0F, 5.0F}}}});
  builder.apply(again, 2.0);
  const auto view = builder.publish({}, 2.0);
  const Series& loss = *view->scalar("train_loss");
  ASSERT_EQ(loss.size(), 3U);
  EXPECT_EQ(loss.step(1), 20);
  EXPECT_EQ(loss.step(2), 40);
  EXPECT_DOUBLE_EQ(loss.value(1), 8.8);
  EXPECT_EQ(view->map("tokens_per_expert", 0)->columns->num_columns(), 2U);
  EXPECT_EQ(view->map("tokens_per_expert", 0)->columns->last.back().step, 20);
}

TEST(RunViewBuilder, ForgetsEverythingOnReset) {
  RunViewBuilder builder("/runs/a-001");
  store::Delta delta;
  delta.scalars.push_back(scalars("train_loss", {10, 20, 30}));
  builder.apply(delta, 1.0);
  store::Delta reset;
  reset.is_reset = true;
  reset.scalars.push_back(scalars("train_loss", {10}));
  builder.apply(reset, 1.0);
  EXPECT_EQ(builder.publish({}, 1.0)->scalar("train_loss")->size(), 1U);
}

TEST(TimeLeft, IsRobustAgainstEvaluationsAndNeedsTwentySteps) {
  std::vector<std::int64_t> step;
  std::vector<double> seconds;
  double now = 0.0;
  for (int i = 0; i <= 40; ++i) {
    now += i % 10 == 0 ? 60.0 : 1.0;  // every tenth interval holds an evaluation
    step.push_back(i * 10);
    seconds.push_back(now);
  }
  const auto left = time_left(step, seconds, 1000);
  ASSERT_TRUE(left.has_value());
  EXPECT_NEAR(left->low, 60.0, 1.0);
  EXPECT_NEAR(left->high, 60.0, 1.0);
  EXPECT_FALSE(time_left({}, {}, 1000).has_value());
  const std::vector<std::int64_t> few = {0, 5, 10, 15};
  const std::vector<double> times = {0, 1, 2, 3};
  EXPECT_FALSE(time_left(few, times, 1000).has_value());
}

TEST(Trend, NeedsEvidence) {
  std::vector<double> falling, flat;
  for (int i = 0; i < 64; ++i) {
    falling.push_back(4.0 - 0.02 * i + 0.01 * (i % 3));
    flat.push_back(2.0 + 0.05 * (i % 5));
  }
  EXPECT_EQ(trend(falling), Trend::kDown);
  EXPECT_EQ(trend(flat), Trend::kFlat);
  EXPECT_EQ(trend(std::vector<double>{1, 2, 3}), Trend::kUnknown);
}

TEST(SmoothedLast, StartsWithoutBiasAndSkipsWhatIsNotFinite) {
  const std::vector<std::int64_t> step = {10, 20, 30};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_DOUBLE_EQ(smoothed_last(step, std::vector<double>{2.0, 2.0, 2.0}, 0.9), 2.0);
  EXPECT_DOUBLE_EQ(smoothed_last(step, std::vector<double>{2.0, nan, 2.0}, 0.9), 2.0);
  EXPECT_TRUE(std::isnan(smoothed_last({}, {}, 0.9)));
}

TEST(RunIndex, GivesNeighbouringRunsDifferentColours) {
  EXPECT_NE(run_color_index("moe-001"), run_color_index("moe-002"));
  EXPECT_EQ(run_color_index("moe-001"), run_color_index("moe-001"));
  EXPECT_EQ(age_text(3.0), "just now");
  EXPECT_EQ(age_text(90.0), "2 min ago");
  EXPECT_EQ(age_text(86400.0), "1 day ago");
}

TEST(RoutingView, SpeaksOfLoadAgainstTheFairShare) {
  const std::vector<float> column = {0.0F, 10.0F, 30.0F, 40.0F};
  EXPECT_DOUBLE_EQ(load_ratio(column[3], column), 2.0);
  EXPECT_DOUBLE_EQ(load_ratio(column[0], column), 0.0);
  EXPECT_EQ(load_text(0.0), "dead");
  EXPECT_EQ(load_text(1.0), "fair");
  EXPECT_EQ(load_text(2.0), "×2.0");
  EXPECT_EQ(load_text(0.5), "÷2.0");
}

TEST(RoutingView, FindsDeadAndBusyExperts) {
  RunViewBuilder builder("/runs/a");
  store::Delta delta;
  delta.vectors.push_back(
      {"tokens_per_expert", 2, {{{10, 0, 0.0, 0.0}, {0.0F, 5.0F, 35.0F, 0.0F}}}});
  delta.vectors.push_back({"router_entropy_normalized", -1, {{{10, 0, 0.0, 0.0}, {0.8F}}}});
  builder.apply(delta, 1.0);
  const auto health = layer_health(*builder.publish({}, 1.0), 10);
  ASSERT_EQ(health.size(), 1U);
  EXPECT_EQ(health[0].layer, 2);
  EXPECT_EQ(health[0].num_dead, 2);
  EXPECT_EQ(health[0].busiest, 2);
  EXPECT_NEAR(health[0].imbalance, 3.5, 1e-9);
  EXPECT_NEAR(health[0].entropy, 0.8, 1e-6);
  EXPECT_TRUE(health[0].needs_attention);
}

TEST(SeriesStats, CountsSpikesAndSkipsWhatIsNotFinite) {
  Series series("loss");
  for (int i = 0; i < 100; ++i) {
    const double value = 3.0 - 0.01 * i + (i % 2 == 0 ? 0.001 : -0.001);
    series.append({i, 0, 0.0, 0.0}, i == 50 ? 30.0 : (i == 60 ? std::nan("") : value));
  }
  const SeriesStats stats = series_stats(series);
  EXPECT_EQ(stats.num_bad, 1);
  EXPECT_EQ(stats.num_spikes, 1);
  EXPECT_EQ(stats.minimum_step, 99);
  EXPECT_DOUBLE_EQ(stats.maximum, 30.0);
  EXPECT_LT(stats.slope_per_step, 0.0);
  EXPECT_EQ(series_stats(Series()).num_samples, 0);
}

}  // namespace
}  // namespace switchyard::ui
