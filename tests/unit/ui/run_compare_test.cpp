// What differs between runs, who descends from whom, and why a run failed.
#include "ui/model/run_compare.h"

#include <limits>

#include <gtest/gtest.h>

#include "ui/model/failure.h"

namespace switchyard::ui {
namespace {

Json config_of(std::int64_t width, double rate, const char* feed_forward) {
  return Json::object(
      {{"name", "x"},
       {"model",
        Json::object(
            {{"d_model", width},
             {"num_heads", 4},
             {"seq_len", 64},
             {"layers",
              Json::array({Json::object(
                  {{"repeat", 2}, {"feed_forward", Json::object({{"type", feed_forward}})}})})}})},
       {"optimizer", Json::object({{"learning_rate", rate}})},
       {"train", Json::object({{"micro_batch_size", 12}, {"grad_accum_steps", 1}})}});
}

const DifferenceRow* row_of(const ConfigDifference& difference, const std::string& key) {
  for (const DifferenceRow& row : difference.rows) {
    if (row.key == key) return &row;
  }
  return nullptr;
}

TEST(ConfigDifference, MarksWhatMostRunsDoNotHave) {
  const Json configs[] = {config_of(768, 6e-4, "experts"),
                          config_of(768, 6e-4, "dense"),
                          config_of(512, 6e-4, "dense")};
  const ConfigDifference difference = config_difference(configs);
  EXPECT_EQ(difference.num_different, 2U);
  const DifferenceRow* width = row_of(difference, "model.d_model");
  ASSERT_NE(width, nullptr);
  EXPECT_EQ(width->values, (std::vector<std::string>{"768", "768", "512"}));
  EXPECT_EQ(width->is_changed, (std::vector<bool>{false, false, true}));
  const DifferenceRow* kind = row_of(difference, "model.layers.0.feed_forward.type");
  ASSERT_NE(kind, nullptr);
  EXPECT_EQ(kind->is_changed, (std::vector<bool>{true, false, false}));
  EXPECT_FALSE(row_of(difference, "optimizer.learning_rate")->is_different);
  EXPECT_EQ(row_of(difference, "name"), nullptr);
}

TEST(ConfigDifference, ShowsKeysThatOneRunLacks) {
  Json shorter = config_of(768, 1e-3, "dense");
  shorter.set("optimizer", Json::object());
  const Json configs[] = {shorter, config_of(768, 1e-3, "dense")};
  const DifferenceRow* rate = nullptr;
  const ConfigDifference difference = config_difference(configs);
  rate = row_of(difference, "optimizer.learning_rate");
  ASSERT_NE(rate, nullptr);
  EXPECT_EQ(rate->values, (std::vector<std::string>{"–", "1e-3"}));
  EXPECT_TRUE(rate->is_different);
  EXPECT_FALSE(rate->is_changed[0]);  // of two equally frequent ones the first is the usual one
  EXPECT_TRUE(config_difference({}).rows.empty());
}

store::RunOverview child_of(const std::string& name, const std::string& parent, std::int64_t step) {
  store::RunOverview run;
  run.name = name;
  run.root = "/runs/" + name;
  run.parent_name = parent;
  run.parent_root = parent.empty() ? "" : "/runs/" + parent;
  run.fork_step = parent.empty() ? -1 : step;
  return run;
}

TEST(Lineage, ShowsTheWholeFamilyOfTheSelectedRuns) {
  const std::vector<store::RunOverview> runs = {child_of("c", "b", 400),
                                                child_of("a", "", 0),
                                                child_of("b", "a", 200),
                                                child_of("d", "a", 100),
                                                child_of("alone", "", 0)};
  const std::vector<std::string> selected = {"/runs/c"};
  const std::vector<LineageRow> rows = lineage_of(runs, selected);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].name, "a");
  EXPECT_EQ(rows[1].name, "d");
  EXPECT_EQ(rows[1].fork_step, 100);
  EXPECT_EQ(rows[2].name, "b");
  EXPECT_TRUE(rows[2].is_last);
  EXPECT_EQ(rows[3].name, "c");
  EXPECT_EQ(rows[3].depth, 2);
  EXPECT_TRUE(rows[3].is_selected);
}

TEST(Lineage, NamesAParentThatIsGoneAndSurvivesARing) {
  const std::vector<store::RunOverview> lost = {child_of("kid", "gone", 30)};
  const std::vector<std::string> kid = {"/runs/kid"};
  const std::vector<LineageRow> rows = lineage_of(lost, kid);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].name, "gone");
  EXPECT_TRUE(rows[0].root.empty());
  EXPECT_EQ(rows[1].depth, 1);
  const std::vector<store::RunOverview> ring = {child_of("p", "q", 1), child_of("q", "p", 1)};
  const std::vector<std::string> both = {"/runs/p", "/runs/q"};
  EXPECT_EQ(lineage_of(ring, both).size(), 2U);
}

store::Event event_of(const char* kind, std::int64_t step, Json detail, std::int64_t sequence) {
  store::Event event;
  event.kind = kind;
  event.step = step;
  event.detail = std::move(detail);
  event.sequence = sequence;
  return event;
}

RunView failed_run(Json detail) {
  RunView run;
  run.root = "/runs/a";
  run.state = RunState::kFailed;
  run.step = 8112;
  run.config = config_of(768, 6e-4, "dense");
  run.params_total = 500'000'000;
  run.events.push_back(event_of("checkpoint", 8000, Json::object(), 5));
  run.events.push_back(event_of("error", 8112, std::move(detail), 9));
  return run;
}

TEST(Failure, RanksTheWaysOutOfTooLittleMemory) {
  const RunView run = failed_run(Json::object({{"code", "out_of_memory"},
                                               {"needed_bytes", 24'000'000'000},
                                               {"free_bytes", 23'000'000'000}}));
  const auto report = failure_of(run, {});
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->kind, FailureKind::kOutOfMemory);
  EXPECT_EQ(report->where, "step 8,112");
  EXPECT_NE(report->what.find("24.0\xE2\x80\x89GB"), std::string::npos) << report->what;
  EXPECT_NE(report->saved.find("8,000"), std::string::npos);
  EXPECT_NE(report->saved.find("112 steps"), std::string::npos) << report->saved;
  EXPECT_EQ(report->sequence, 9);
  ASSERT_GE(report->remedies.size(), 3U);
  EXPECT_EQ(report->remedies[0].label, "Micro-batch 6 × accumulation 2");
  EXPECT_EQ(report->remedies[0].settings,
            (std::vector<std::string>{"train.micro_batch_size=6", "train.grad_accum_steps=2"}));
  // 8 GB of weights and moments stay, 16 GB of activations are halved.
  EXPECT_NEAR(report->remedies[0].predicted_bytes, 16e9, 1e6);
  EXPECT_NEAR(report->remedies[1].predicted_bytes, 12e9, 1e6);
  EXPECT_EQ(report->remedies[2].settings, std::vector<std::string>{"model.seq_len=32"});
  EXPECT_TRUE(report->remedies[2].is_new_run);
  EXPECT_NE(report->details().find("--set train.micro_batch_size=6"), std::string::npos);
}

TEST(Failure, StartsFromTheBatchThatTheEngineHadAlreadySplit) {
  const RunView run = failed_run(
      Json::object({{"code", "out_of_memory"}, {"micro_batch_size", 3}, {"grad_accum_steps", 4}}));
  EXPECT_EQ(failure_of(run, {})->remedies[0].label, "Micro-batch 1 × accumulation 12");
}

TEST(Failure, LeavesOutWhatChangesNothing) {
  Json config = config_of(16, 1e-3, "dense");
  config.set("train", Json::object({{"micro_batch_size", 1}, {"grad_accum_steps", 8}}));
  for (const FailureRemedy& way : memory_remedies(config, 1000, 0.0)) {
    EXPECT_EQ(way.label.find("Micro-batch"), std::string::npos) << way.label;
    EXPECT_EQ(way.predicted_bytes, 0.0);
  }
  config.set("train", Json::object({{"micro_batch_size", 5}, {"grad_accum_steps", 2}}));
  EXPECT_EQ(memory_remedies(config, 1000, 0.0)[0].label, "Micro-batch 1 × accumulation 10");
}

TEST(Failure, TellsKilledFromCrashed) {
  RunView run;
  run.root = "/runs/a";
  run.state = RunState::kKilled;
  run.step = 40;
  const auto killed = failure_of(run, {});
  ASSERT_TRUE(killed.has_value());
  EXPECT_EQ(killed->kind, FailureKind::kKilled);
  EXPECT_EQ(killed->saved_step, -1);
  EXPECT_NE(killed->saved.find("No checkpoint"), std::string::npos);
  const auto crashed = failure_of(run, {"/runs/a", "signal 11 at step 40", "line"});
  EXPECT_EQ(crashed->kind, FailureKind::kCrash);
  EXPECT_EQ(crashed->excerpt, "signal 11 at step 40");
  // The notes of another run say nothing about this one.
  EXPECT_EQ(failure_of(run, {"/runs/b", "signal 11", ""})->kind, FailureKind::kKilled);
}

TEST(Failure, NamesTheKindByItsCode) {
  const auto kind = [](const char* code) {
    return failure_of(failed_run(Json::object({{"code", code}, {"message", "m"}})), {})->kind;
  };
  EXPECT_EQ(kind("numerics"), FailureKind::kNumerics);
  EXPECT_EQ(kind("disk_full"), FailureKind::kDiskFull);
  EXPECT_EQ(kind("input_file"), FailureKind::kData);
  EXPECT_EQ(kind("internal"), FailureKind::kOther);
  EXPECT_EQ(failure_of(failed_run(Json::object({{"code", "numerics"}})), {})->remedies[0].settings,
            std::vector<std::string>{"optimizer.learning_rate=0.0003"});
}

TEST(Failure, IsSilentWhileNothingFailed) {
  RunView run = failed_run(Json::object({{"code", "numerics"}}));
  for (const RunState state : {RunState::kRunning, RunState::kCompleted, RunState::kStopped}) {
    run.state = state;
    EXPECT_FALSE(failure_of(run, {}).has_value());
  }
}

}  // namespace
}  // namespace switchyard::ui
