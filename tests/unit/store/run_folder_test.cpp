#include "engine/base/store/run_folder.h"

#include <cmath>
#include <filesystem>

#include <sys/file.h>

#include <gtest/gtest.h>

#include "engine/base/core/clock.h"
#include "engine/base/core/file_system.h"
#include "engine/base/ipc/channel.h"
#include "engine/base/store/run_store.h"
#include "tests/support/forked.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/checkpoint/checkpoint_cases.h"

namespace switchyard::store {
namespace {

using test::ScopedEnvironment;
using test::TemporaryFolder;

Json config_of(const std::string& name) {
  return Json::object({{"schema", Json("switchyard.run")},
                       {"version", Json(1)},
                       {"name", Json(name)},
                       {"train", Json::object({{"max_steps", Json(100)}})}});
}

std::string make_run(const TemporaryFolder& folder, const std::string& name) {
  const std::string root = folder / name;
  const Status status = create_run_folder(root, config_of("preset-of-" + name));
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().text());
  return root;
}

void record_state(const std::string& root, const std::string& state, std::int64_t step) {
  auto writer = Writer::open(RunPaths{root}.database(), 0, -1);
  ASSERT_TRUE(writer.ok());
  (*writer)->scalar("train_loss", {step, 0, 0.0, 0.0}, 2.5);
  (*writer)->event("state", step, Json::object({{"state", Json(state)}}));
  ASSERT_TRUE((*writer)->flush().ok());
}

TEST(RunFolder, CountsUpPerName) {
  const TemporaryFolder folder;
  EXPECT_EQ(next_run_directory(folder.path(), "moe"), folder / "moe-001");
  make_run(folder, "moe-001");
  EXPECT_EQ(next_run_directory(folder.path(), "moe"), folder / "moe-002");
  EXPECT_EQ(next_run_directory(folder.path(), "../a b/\xC3\xA4"), folder / "a-b----001");
  const ScopedEnvironment runs("SWITCHYARD_RUNS", folder / "here");
  EXPECT_EQ(runs_directory(), folder / "here");
}

TEST(RunFolder, IsCreatedWholeAndNeverOverSomethingElse) {
  const TemporaryFolder folder;
  const std::string root = make_run(folder, "deep/run-001");
  EXPECT_EQ((*read_run_config(root))["name"].as_string(), "preset-of-deep/run-001");
  EXPECT_TRUE(real_file_system().info(RunPaths{root}.checkpoints())->is_directory);
  EXPECT_EQ(create_run_folder(root, config_of("x")).error().code, ErrorCode::kUsage);
  test::write_text(folder / "photos/cat.jpg", "meow");
  const Status status = create_run_folder(folder / "photos", config_of("x"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  EXPECT_NE(status.error().message.find("cat.jpg"), std::string::npos);
  EXPECT_FALSE(read_run_config(folder / "photos").ok());
}

TEST(RunLock, HasOneHolderAndFreesItselfOnDeath) {
  const TemporaryFolder folder;
  const std::string root = make_run(folder, "run");
  EXPECT_FALSE(RunLock::is_held(root));
  EXPECT_FALSE(real_file_system().info(RunPaths{root}.lock())->exists);  // asking creates nothing
  const pid_t child = test::start_child([&] {
    const auto lock = RunLock::acquire(root);
    if (!lock.ok()) return 1;
    ::pause();
    return 0;
  });
  LockHolder holder;
  for (int i = 0; i < 2000 && !RunLock::is_held(root, &holder); ++i) ::usleep(1000);
  for (int i = 0; i < 2000 && holder.pid == 0; ++i) {
    ::usleep(1000);
    RunLock::is_held(root, &holder);
  }
  EXPECT_EQ(holder.pid, child);
  EXPECT_FALSE(holder.boot_id.empty());
  const auto refused = RunLock::acquire(root);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kBusy);
  EXPECT_NE(refused.error().message.find(std::to_string(child)), std::string::npos);
  test::kill_child(child);
  EXPECT_FALSE(RunLock::is_held(root));
  EXPECT_TRUE(RunLock::acquire(root).ok());
}

TEST(RunLock, FiftyContendersHaveExactlyOneWinner) {
  const TemporaryFolder folder;
  const std::string root = make_run(folder, "run");
  for (int race = 0; race < 3; ++race) {
    // All children wait for the gate, so that they start together.
    const std::string gate = folder / ("gate" + std::to_string(race));
    const int closed = ::open(gate.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_EQ(::flock(closed, LOCK_EX), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 50; ++i) {
      children.push_back(test::start_child([&] {
        const int waiting = ::open(gate.c_str(), O_RDONLY);
        ::flock(waiting, LOCK_SH);
        const auto lock = RunLock::acquire(root);
        if (lock.ok()) ::usleep(400'000);  // longer than any contender tries
        return lock.ok() ? 10 : lock.error().code == ErrorCode::kBusy ? 11 : 12;
      }));
    }
    ::flock(closed, LOCK_UN);
    ::close(closed);
    for (int i = 0; i < 200; ++i) {  // a window that keeps asking disturbs nobody
      RunLock::is_held(root);
      ::usleep(500);
    }
    int num_winners = 0;
    int num_refused = 0;
    for (const pid_t child : children) {
      const int end = test::end_of_child(child);
      num_winners += end == 10 ? 1 : 0;
      num_refused += end == 11 ? 1 : 0;
    }
    EXPECT_EQ(num_winners, 1);
    EXPECT_EQ(num_refused, 49);
  }
}

TEST(RunPaths, ASocketWorksHoweverLongThePathIs) {
  const TemporaryFolder folder;
  const ScopedEnvironment runtime("XDG_RUNTIME_DIR", folder / "rt");
  ASSERT_TRUE(make_directories(folder / "rt").ok());
  const std::string short_root = make_run(folder, "short");
  EXPECT_EQ(RunPaths{short_root}.socket(), short_root + "/run.sock");
  const std::string long_root = make_run(folder, std::string(120, 'l') + "/run");
  const auto lock = RunLock::acquire(long_root);
  ASSERT_TRUE(lock.ok()) << lock.error().text();
  const std::string path = RunPaths{long_root}.socket();
  EXPECT_LE(path.size(), 107U);
  EXPECT_EQ(test::read_text(long_root + "/run.sock.path"), path + "\n");
  const auto server = ipc::Server::listen(path);
  ASSERT_TRUE(server.ok()) << server.error().text();
  EXPECT_TRUE(ipc::Connection::connect(RunPaths{long_root}.socket()).ok());
}

TEST(RunSummary, TellsTheStateFromRecordAndLock) {
  const TemporaryFolder folder;
  const std::string root = make_run(folder, "run");
  EXPECT_EQ(summarize_run(root).state, "created");
  EXPECT_EQ(summarize_run(root).max_steps, 100);
  record_state(root, "running", 40);
  RunSummary summary = summarize_run(root);
  EXPECT_EQ(summary.state, "killed");
  EXPECT_EQ(summary.step, 40);
  EXPECT_EQ(summary.train_loss, 2.5);
  EXPECT_TRUE(std::isnan(summary.val_loss));
  EXPECT_EQ(summary.preset, "preset-of-run");
  {
    const auto lock = RunLock::acquire(root);
    EXPECT_EQ(summarize_run(root).state, "running");
  }
  record_state(root, "completed", 100);
  EXPECT_EQ(summarize_run(root).state, "completed");
}

TEST(RunSummary, ReadingAFinishedRunLeavesNoFilesBehind) {
  const TemporaryFolder folder;
  const std::string root = make_run(folder, "run");
  record_state(root, "completed", 100);
  const auto before = *real_file_system().list(root);
  summarize_run(root);
  ASSERT_TRUE(verify_run(root).ok());
  EXPECT_EQ(*real_file_system().list(root), before);
}

TEST(ListRuns, TakesGarbageFoldersAsTheyAre) {
  const TemporaryFolder folder;
  make_run(folder, "good-001");
  record_state(folder / "good-001", "completed", 3);
  test::write_text(folder / "text/readme", "no run");
  test::write_text(folder / "broken/config.json", "{\"schema\":");
  test::write_text(folder / "foreign/config.json", "{\"schema\":\"other\"}");
  test::write_text(folder / "file", "not even a folder");
  test::write_text(folder / ".hidden/config.json", "{}");
  make_run(folder, "bad-db");
  test::write_text(folder / "bad-db/run.db", std::string(5000, 'x'));
  std::filesystem::create_directories(folder / "deep/config.json");
  std::filesystem::create_symlink("/nowhere", folder / "dangling");
  const auto runs = list_runs(folder.path());
  int num_damaged = 0;
  bool has_good = false;
  for (const RunSummary& run : runs) {
    num_damaged += run.state == "damaged" ? 1 : 0;
    has_good = has_good || (run.name == "good-001" && run.state == "completed");
    if (run.state == "damaged") {
      EXPECT_FALSE(run.detail.empty());
    }
  }
  EXPECT_TRUE(has_good);
  EXPECT_EQ(num_damaged, 4);
  EXPECT_EQ(runs.size(), 5U);
  EXPECT_TRUE(list_runs(folder / "missing").empty());
}

TEST(VerifyRun, IsCleanForAGoodRunAndNamesDamage) {
  const TemporaryFolder folder;
  const std::string root = make_run(folder, "run");
  record_state(root, "stopped", 10);
  ASSERT_TRUE(checkpoint::publish_sample(RunPaths{root}.checkpoints(), 10).ok());
  const auto clean = verify_run(root);
  ASSERT_TRUE(clean.ok());
  EXPECT_TRUE(clean->problems.empty()) << clean->problems.front();
  EXPECT_EQ(clean->intact.size(), 3U);
  const std::string file = RunPaths{root}.checkpoints() + "/step_00000010/state.json";
  std::string bytes = test::read_text(file);
  bytes[3] ^= 1;
  test::write_text(file, bytes);
  const auto damaged = verify_run(root);
  ASSERT_TRUE(damaged.ok());
  ASSERT_EQ(damaged->problems.size(), 1U);
  EXPECT_NE(damaged->problems[0].find("state.json"), std::string::npos);
  EXPECT_FALSE(verify_run(folder / "missing").ok());
}

}  // namespace
}  // namespace switchyard::store
