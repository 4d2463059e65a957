// What the window does with runs as folders: the list that opens a database only when it changed,
// trash, import.
#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "engine/base/core/file_system.h"
#include "engine/base/store/run_store.h"
#include "tests/support/temporary_folder.h"
#include "ui/client/run_catalog.h"
#include "ui/client/run_files.h"
#include "ui/client/run_manager.h"
#include "ui/model/run_index.h"
#include "ui/model/run_table.h"

namespace switchyard::ui {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;

Json run_config() {
  return Json::object(
      {{"schema", "switchyard.run"},
       {"version", 1},
       {"name", "tiny"},
       {"data", Json::object({{"text_file", "/texts/play.txt"}, {"tokenizer", "byte"}})},
       {"train", Json::object({{"max_steps", 400}})}});
}

/// A run of 400 samples, stopped at its end, forked from another one.
void make_run(const std::string& root) {
  ASSERT_TRUE(store::create_run_folder(root, run_config()).ok());
  auto writer = store::Writer::open(store::RunPaths{root}.database(), 0, -1);
  ASSERT_TRUE(writer.ok()) << writer.error().text();
  (*writer)->declare({"train_loss", "nats/token", "", false});
  (*writer)->declare({"val_loss", "nats/token", "", false});
  (*writer)->event(
      "fork",
      100,
      Json::object({{"parent", "/runs/p-001"}, {"parent_name", "p-001"}, {"step", 100}}));
  for (std::int64_t step = 1; step <= 400; ++step) {
    const store::Position at{step, step * 64, 0.5 * static_cast<double>(step), 1e6};
    (*writer)->scalar("train_loss", at, 4.0 - 0.005 * static_cast<double>(step));
    if (step % 100 == 0) (*writer)->scalar("val_loss", at, step == 300 ? 1.5 : 2.5);
  }
  (*writer)->event(
      "state",
      400,
      Json::object({{"state", "stopped"}, {"params_total", 9000}, {"params_active", 4000}}));
  ASSERT_TRUE((*writer)->flush().ok());
}

TEST(RunOverview, ReadsWhatTheTableShows) {
  const TemporaryFolder folder;
  make_run(folder / "a-001");
  ASSERT_TRUE(store::write_run_tags(folder / "a-001", {"widths", ""}).ok());
  const store::RunOverview run = store::read_run_overview(folder / "a-001");
  EXPECT_EQ(run.name, "a-001");
  EXPECT_EQ(run.state, "stopped");
  EXPECT_DOUBLE_EQ(run.best_val_loss, 1.5);
  EXPECT_EQ(run.best_step, 300);
  EXPECT_NEAR(run.bits_per_byte, 1.5 / std::log(2.0), 1e-12);
  EXPECT_DOUBLE_EQ(run.seconds, 200.0);
  EXPECT_DOUBLE_EQ(run.tokens_per_second, 128.0);
  EXPECT_EQ(run.params_total, 9000);
  EXPECT_EQ(run.params_active, 4000);
  EXPECT_EQ(run.data, "play.txt");
  EXPECT_EQ(run.tags, (std::vector<std::string>{"widths"}));
  EXPECT_EQ(run.parent_name, "p-001");
  EXPECT_EQ(run.fork_step, 100);
  ASSERT_EQ(run.loss_curve.size(), 60U);
  EXPECT_GT(run.loss_curve.front(), 3.9F);
  EXPECT_LT(run.loss_curve.back(), 2.1F);
  const store::RunOverview again = overview_from_json(json_from_overview(run));
  EXPECT_EQ(json_from_overview(again).dump(), json_from_overview(run).dump());
  EXPECT_EQ(again.tags, run.tags);
}

/// `count` runs that share the files of one: names of their own, contents in common.
void make_many(const TemporaryFolder& folder, int count) {
  make_run(folder / "runs/run-000");
  for (int i = 1; i < count; ++i) {
    const std::string root = folder / ("runs/run-" + std::to_string(i));
    fs::create_directories(root);
    for (const char* name : {"config.json", "run.db"})
      fs::create_hard_link(folder / (std::string("runs/run-000/") + name), root + "/" + name);
  }
}

TEST(RunCatalog, OpensADatabaseOnlyWhenItChanged) {
  constexpr int kRuns = 200;
  const TemporaryFolder folder;
  make_many(folder, kRuns);
  {
    RunCatalog first(folder / "runs");
    EXPECT_EQ(first.scan(100.0).size(), std::size_t{kRuns});
    EXPECT_EQ(first.num_opened(), kRuns);
    first.scan(101.0);
    EXPECT_EQ(first.num_opened(), kRuns);
  }
  RunCatalog next_start(folder / "runs");
  const auto runs = next_start.scan(0.0);
  EXPECT_EQ(runs.size(), std::size_t{kRuns});
  EXPECT_EQ(next_start.num_opened(), 0);
  EXPECT_EQ(runs[0].root, folder / ("runs/" + runs[0].name));
  EXPECT_DOUBLE_EQ(runs[0].best_val_loss, 1.5);
  fs::remove_all(folder / "runs/run-7");
  fs::remove(folder / "runs/run-8/config.json");
  EXPECT_EQ(next_start.scan(1.0).size(), std::size_t{kRuns - 1});
  EXPECT_EQ(next_start.num_opened(), 1);  // the one that lost its configuration
}

TEST(RunCatalog, MakesADamagedIndexAnew) {
  const TemporaryFolder folder;
  make_many(folder, 3);
  ASSERT_TRUE(write_file_durably(RunCatalog::index_path(folder / "runs"), "{garbage").ok());
  RunCatalog catalog(folder / "runs");
  EXPECT_EQ(catalog.scan(0.0).size(), 3U);
  EXPECT_EQ(catalog.num_opened(), 3);
}

TEST(RunFiles, GoToTheTrashAndComeBack) {
  const TemporaryFolder folder;
  const std::string runs = folder / "runs";
  make_run(runs + "/a-001");
  const auto path = trash_run(runs, runs + "/a-001/");
  ASSERT_TRUE(path.ok()) << path.error().text();
  EXPECT_FALSE(fs::exists(runs + "/a-001"));
  ASSERT_EQ(list_trash(runs).size(), 1U);
  EXPECT_EQ(list_trash(runs)[0].name, "a-001");
  EXPECT_TRUE(RunCatalog(runs).scan(0.0).empty());
  const auto back = restore_run(runs, *path);
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_TRUE(fs::exists(runs + "/a-001/run.db"));
  ASSERT_TRUE(trash_run(runs, runs + "/a-001").ok());
  make_run(runs + "/a-001");  // the name is in use again
  EXPECT_FALSE(restore_run(runs, *path).ok());
  EXPECT_TRUE(empty_trash(runs).ok());
  EXPECT_TRUE(list_trash(runs).empty());
  EXPECT_TRUE(fs::exists(runs + "/a-001/run.db"));
}

TEST(RunFiles, TrashRefusesWhatIsInUseOrElsewhere) {
  const TemporaryFolder folder;
  const std::string runs = folder / "runs";
  make_run(runs + "/a-001");
  make_run(folder / "elsewhere/b-001");
  EXPECT_EQ(trash_run(runs, folder / "elsewhere/b-001").error().code, ErrorCode::kUsage);
  const auto lock = store::RunLock::acquire(runs + "/a-001");
  ASSERT_TRUE(lock.ok());
  const auto refused = trash_run(runs, runs + "/a-001");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kBusy);
  EXPECT_TRUE(fs::exists(runs + "/a-001"));
}

TEST(RunFiles, ImportsARunAndLeavesTheOriginal) {
  const TemporaryFolder folder;
  const std::string runs = folder / "runs";
  make_run(folder / "elsewhere/a-001");
  make_run(runs + "/a-001");
  double last = 0.0;
  const auto imported = import_run(runs, folder / "elsewhere/a-001", [&](double fraction) {
    EXPECT_GE(fraction, last);
    last = fraction;
    return true;
  });
  ASSERT_TRUE(imported.ok()) << imported.error().text();
  EXPECT_EQ(*imported, runs + "/a-001-2");
  EXPECT_GT(last, 0.9);
  EXPECT_TRUE(fs::exists(folder / "elsewhere/a-001/run.db"));
  EXPECT_EQ(store::read_run_overview(*imported).best_step, 300);
}

TEST(RunFiles, ImportRefusesForeignFoldersAndLeavesNothingBehind) {
  const TemporaryFolder folder;
  const std::string runs = folder / "runs";
  fs::create_directories(runs);
  fs::create_directories(folder / "foreign");
  test::write_text(folder / "foreign/holiday.txt", "sun");
  const auto on = [](double) { return true; };
  EXPECT_NE(import_run(runs, folder / "foreign", on).error().text().find("not a run folder"),
            std::string::npos);
  make_run(folder / "held/a-001");
  {
    const auto lock = store::RunLock::acquire(folder / "held/a-001");
    EXPECT_EQ(import_run(runs, folder / "held/a-001", on).error().code, ErrorCode::kBusy);
  }
  const auto stopped = import_run(runs, folder / "held/a-001", [](double) { return false; });
  EXPECT_EQ(stopped.error().code, ErrorCode::kStopped);
  test::write_text(folder / "held/a-001/run.db", "no database, but long enough to be looked at");
  EXPECT_EQ(import_run(runs, folder / "held/a-001", on).error().code, ErrorCode::kInputFile);
  EXPECT_TRUE(fs::is_empty(runs));
}

TEST(ProgramInPath, FindsProgramsByAbsoluteFoldersOnly) {
  const test::ScopedEnvironment path("PATH", "relative:/usr/bin:/bin");
  EXPECT_FALSE(program_in_path("sh").empty());
  EXPECT_TRUE(program_in_path("no-such-program").empty());
}

}  // namespace
}  // namespace switchyard::ui
