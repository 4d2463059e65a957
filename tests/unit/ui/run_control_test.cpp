// What stands behind the run bar: forks, health, memory; and the scatter plot's numbers.
#include <cmath>
#include <limits>
#include <memory>

#include <gtest/gtest.h>

#include "ui/model/fork.h"
#include "ui/model/run_health.h"
#include "ui/model/run_query.h"
#include "ui/model/run_scatter.h"
#include "ui/plot/map_columns.h"

namespace switchyard::ui {
namespace {

TEST(Fork, TakesTheNearestCheckpoint) {
  const std::vector<CheckpointItem> list = {{100, 0.0, false}, {200, 0.0, true}, {400, 0.0, false}};
  EXPECT_EQ(nearest_checkpoint(list, -1), 400);
  EXPECT_EQ(nearest_checkpoint(list, 10), 100);
  EXPECT_EQ(nearest_checkpoint(list, 150), 100);  // equally near: the earlier one
  EXPECT_EQ(nearest_checkpoint(list, 301), 400);
  EXPECT_EQ(nearest_checkpoint({}, 5), -1);
}

TEST(Fork, SaysWhichSettingIsWrong) {
  const Json config = Json::object(
      {{"optimizer", Json::object({{"learning_rate", 0.001}})},
       {"model", Json::object({{"layers", Json::array({Json::object({{"repeat", 2}})})}})}});
  const auto problem = [&](const char* path, const char* value) {
    const ForkSetting rows[] = {{path, value}, {"", ""}};
    return fork_problem(rows, config);
  };
  EXPECT_EQ(problem("optimizer.learning_rate", "0.0005"), "");
  EXPECT_EQ(problem("model.layers.0.repeat", "3"), "");
  EXPECT_NE(problem("optimizer.learning_rat", "1").find("did you mean optimizer.learning_rate"),
            std::string::npos);
  EXPECT_NE(problem("model.layers.7.repeat", "1").find("no setting"), std::string::npos);
  EXPECT_NE(problem("optimizer.learning_rate", "").find("needs a value"), std::string::npos);
  EXPECT_NE(problem("", "3"), "");
  const std::vector<ForkSetting> rows = {{"a.b", "1"}, {"", ""}};
  EXPECT_EQ(fork_assignments(rows), std::vector<std::string>{"a.b=1"});
  EXPECT_EQ(fork_command("/r/a", 40, {"a.b=1"}),
            "switchyard-engine train --fork /r/a --checkpoint 40 --set a.b=1");
}

RunView running(double seconds_per_sample) {
  RunView run;
  run.state = RunState::kRunning;
  run.device = "cpu";
  run.step = 1000;
  auto loss = std::make_shared<Series>("train_loss");
  for (std::int64_t i = 1; i <= 40; ++i)
    loss->append({i, i, seconds_per_sample * static_cast<double>(i), 0.0}, 3.0);
  run.series["train_loss"] = {{}, loss};
  run.last_sample_time = 100.0;
  return run;
}

MachineInfo roomy() {
  MachineInfo machine;
  machine.memory_bytes = 8'000'000'000;
  machine.disk_free_bytes = 200'000'000'000;
  return machine;
}

TEST(Health, IsSilentForAHealthyRun) {
  EXPECT_TRUE(health_of(running(0.1), roomy(), 105.0).empty());
  RunView done = running(0.1);
  done.state = RunState::kCompleted;
  EXPECT_TRUE(health_of(done, roomy(), 500.0).empty());
}

TEST(Health, MeasuresSilenceInTheRunsOwnTime) {
  EXPECT_EQ(health_of(running(0.1), roomy(), 114.0).at(0).words, "not responding, 14\xE2\x80\x89s");
  EXPECT_TRUE(health_of(running(5.0), roomy(), 114.0).empty());  // it logs every 5 s
  EXPECT_FALSE(health_of(running(5.0), roomy(), 150.0).empty());
  RunView paused = running(0.1);
  paused.state = RunState::kPaused;
  EXPECT_TRUE(health_of(paused, roomy(), 500.0).empty());
}

TEST(Health, PutsFailuresFirst) {
  RunView run = running(0.1);
  auto loss = std::make_shared<Series>("train_loss");
  loss->append({1, 1, 1.0, 0.0}, std::numeric_limits<double>::quiet_NaN());
  run.series["train_loss"].data = loss;
  store::Event guard;
  guard.kind = "guard";
  guard.step = 900;
  guard.detail = Json::object({{"action", "rollback"}, {"cause", "loss spike"}});
  run.events.push_back(guard);
  auto dead = std::make_shared<MapColumns>();
  const float counts[] = {0.0F, 3.0F};
  dead->append({1, 1, 1.0, 0.0}, counts);
  run.maps[{"dead_experts", -1}] = {{}, -1, dead};
  MachineInfo small = roomy();
  small.disk_free_bytes = 2'000'000'000;
  const std::vector<HealthNote> notes = health_of(run, small, 100.0);
  ASSERT_EQ(notes.size(), 4U);
  EXPECT_TRUE(notes[0].is_failure);
  EXPECT_EQ(notes[1].words, "rolled back at step 900");
  EXPECT_NE(notes[1].why.find("loss spike"), std::string::npos);
  EXPECT_EQ(notes[2].words, "L1: 3 dead");
  EXPECT_NE(notes[3].words.find("disk"), std::string::npos);
}

TEST(MemoryUse, KnowsTheTotalOnACpuOnly) {
  RunView run = running(0.1);
  EXPECT_TRUE(std::isnan(memory_use(run, roomy()).used_bytes));
  auto memory = std::make_shared<Series>("memory_bytes");
  memory->append({1, 1, 1.0, 0.0}, 4e9);
  run.series["memory_bytes"] = {{}, memory};
  EXPECT_DOUBLE_EQ(memory_use(run, roomy()).used_bytes, 4e9);
  EXPECT_DOUBLE_EQ(memory_use(run, roomy()).total_bytes, 8e9);
  run.device = "cuda:0";
  EXPECT_DOUBLE_EQ(memory_use(run, roomy()).total_bytes, 0.0);
}

TEST(Scatter, LeavesOutWhatCannotBeDrawn) {
  RunIndex index;
  for (int i = 0; i < 3; ++i) {
    store::RunOverview run;
    run.name = "r" + std::to_string(i);
    run.root = "/r/" + run.name;
    run.flops = i == 0 ? 0.0 : 1e12 * i;
    run.best_val_loss = i == 2 ? std::numeric_limits<double>::quiet_NaN() : 2.0 + i;
    run.val_loss = run.best_val_loss;
    index.runs.push_back(run);
  }
  const RunTable table = build_run_table(index, {}, {});
  EXPECT_EQ(scatter_points(index, table, "flops", "loss", true, false).size(), 1U);
  EXPECT_EQ(scatter_points(index, table, "flops", "loss", false, false).size(), 2U);
  const double values[] = {1.0, 100.0};
  const ScatterRange log = scatter_range(values, true);
  EXPECT_LT(log.min, 1.0);
  EXPECT_NEAR(log.place(10.0), 0.5, 1e-12);
  const double same[] = {3.0, 3.0};
  EXPECT_LT(scatter_range(same, false).min, 3.0);
  EXPECT_NEAR(scatter_range(same, false).place(3.0), 0.5, 1e-12);
  for (const ScatterAxis& axis : scatter_axes())
    EXPECT_FALSE(std::isnan(run_number(index.runs[1], axis.key)) && axis.key != "train" &&
                 axis.key != "toks" && axis.key != "bpb")
        << axis.key;
}

}  // namespace
}  // namespace switchyard::ui
