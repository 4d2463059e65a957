#include <cerrno>
#include <filesystem>
#include <random>

#include <sys/mount.h>

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include "engine/base/checkpoint/checkpoint.h"
#include "engine/base/core/clock.h"
#include "engine/base/store/run_folder.h"
#include "engine/base/store/run_store.h"
#include "tests/support/forked.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/checkpoint/checkpoint_cases.h"

namespace switchyard::store {
namespace {

using test::TemporaryFolder;

Position at(std::int64_t step) {
  return {step, step, 0.0, 0.0};
}

/// What the killed process does until the end: samples, flushes it tells through the pipe after
/// they returned, checkpoints and their retirement.
int train_until_killed(const std::string& root, std::int64_t first_step, int acknowledge) {
  const RunPaths paths{root};
  const auto lock = RunLock::acquire(root);
  if (!lock.ok()) return 1;
  checkpoint::remove_leftovers(paths.checkpoints());
  auto writer = Writer::open(paths.database(), 0, -1);
  if (!writer.ok()) return 2;
  for (std::int64_t step = first_step;; ++step) {
    (*writer)->scalar("train_loss", at(step), 1.0);
    (*writer)->vector("load", 0, at(step), std::vector<float>(16, 1.0F));
    if (step % 50 == 0) {
      if (!(*writer)->flush().ok()) return 3;
      if (::write(acknowledge, &step, sizeof step) != sizeof step) return 4;
    }
    if (step % 120 == 0) {
      if (!checkpoint::publish_sample(paths.checkpoints(), step).ok()) return 5;
      const auto found = checkpoint::scan(paths.checkpoints(), checkpoint::ScanDepth::kSizes).valid;
      for (const auto& old : checkpoint::retirement_candidates(found, 2, -1)) {
        if (!checkpoint::retire(old.path).ok()) return 6;
      }
    }
    ::usleep(20);
  }
}

TEST(StoreFaults, SixtyKillsLoseNothingAcknowledgedAndTearNothing) {
  const TemporaryFolder folder;
  const std::string root = folder / "run";
  ASSERT_TRUE(create_run_folder(root, Json::object({{"schema", Json("switchyard.run")}})).ok());
  const RunPaths paths{root};
  std::mt19937_64 random(17);
  std::int64_t next_step = 1;
  std::int64_t acknowledged = 0;
  std::size_t num_complete = 0;
  for (int kill = 0; kill < 60; ++kill) {
    int channel[2] = {};
    ASSERT_EQ(::pipe(channel), 0);
    const pid_t child =
        test::start_child([&] { return train_until_killed(root, next_step, channel[1]); });
    ::close(channel[1]);
    ::usleep(static_cast<useconds_t>(5000 + random() % 250'000));
    ASSERT_EQ(test::kill_child(child), -SIGKILL);
    for (std::int64_t step = 0; ::read(channel[0], &step, sizeof step) == sizeof step;) {
      acknowledged = step;
    }
    ::close(channel[0]);
    ASSERT_FALSE(RunLock::is_held(root));
    const auto found = checkpoint::scan(paths.checkpoints(), checkpoint::ScanDepth::kChecksums);
    ASSERT_TRUE(found.rejected.empty()) << "kill " << kill << ": " << found.rejected.front();
    ASSERT_GE(found.valid.size(), std::min<std::size_t>(num_complete, 2));
    num_complete = found.valid.size();
    if (!std::filesystem::exists(paths.database())) continue;
    const auto reader = Reader::open(paths.database());
    if (!reader.ok()) {  // killed before the tables were there
      ASSERT_EQ(reader.error().code, ErrorCode::kUnavailable) << reader.error().text();
      ASSERT_EQ(acknowledged, 0);
      continue;
    }
    const auto findings = (*reader)->verify();
    ASSERT_TRUE(findings.ok());
    ASSERT_TRUE(findings->empty()) << "kill " << kill << ": " << findings->front();
    const auto delta = (*reader)->poll();
    ASSERT_TRUE(delta.ok()) << delta.error().text();
    if (delta->scalars.empty()) continue;
    const auto& steps = delta->scalars[0].step;
    for (std::size_t i = 0; i < steps.size(); ++i) {  // no hole anywhere
      ASSERT_EQ(steps[i], static_cast<std::int64_t>(i) + 1) << "kill " << kill;
    }
    ASSERT_GE(steps.back(), acknowledged) << "kill " << kill;
    next_step = steps.back() + 1;
  }
  EXPECT_GT(acknowledged, 500);
  EXPECT_GE(num_complete, 2U);
  const auto report = verify_run(root);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->problems.empty());
}

/// A small store with rows, chunks, vectors and events, closed.
std::string make_store(const std::string& path) {
  auto writer = Writer::open(path, 0, -1);
  EXPECT_TRUE(writer.ok());
  (*writer)->declare({"x", "u", "h", false});
  for (std::int64_t step = 0; step < 4300; ++step) (*writer)->scalar("x", at(step), 1.0);
  for (std::int64_t step = 0; step < 50; ++step) {
    (*writer)->vector("v", 1, at(step), std::vector<float>(64, 2.0F));
    (*writer)->event("note", step, Json::object({{"text", Json("hello")}}));
  }
  EXPECT_TRUE((*writer)->flush().ok());
  (*writer).reset();
  return test::read_text(path);
}

/// Opens, polls and verifies; whatever the bytes are, the answer is a value or an Error.
void read_everything(const std::string& path) {
  const auto reader = Reader::open(path);
  if (!reader.ok()) {
    EXPECT_FALSE(reader.error().message.empty());
    return;
  }
  const auto delta = (*reader)->poll();
  const auto findings = (*reader)->verify();
  const auto window = Reader::open(path);
  if (window.ok()) {
    const auto wanted = (*window)->poll(std::vector<std::string>{"x", "v"});
    if (!wanted.ok()) {
      EXPECT_FALSE(wanted.error().message.empty());
    }
  }
  if (!delta.ok()) {
    EXPECT_FALSE(delta.error().message.empty());
  }
  if (!findings.ok()) {
    EXPECT_FALSE(findings.error().message.empty());
  }
}

TEST(StoreFaults, FlippedBytesAndTruncationsNeverCrashTheReader) {
  const TemporaryFolder folder;
  const std::string good = make_store(folder / "good.db");
  const std::string path = folder / "bad.db";
  std::mt19937_64 random(23);
  for (int trial = 0; trial < 500; ++trial) {
    std::string bad = good;
    if (trial % 5 == 0) {
      bad.resize(random() % bad.size());
    } else {
      // Every second one in the first pages: header and schema.
      const std::size_t range =
          trial % 2 == 0 ? std::min<std::size_t>(bad.size(), 8192) : bad.size();
      for (int flips = 0; flips < 1 + trial % 4; ++flips) {
        bad[random() % range] ^= static_cast<char>(1U << (random() % 8));
      }
    }
    test::write_text(path, bad);
    read_everything(path);
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(path + suffix);
  }
}

TEST(StoreFaults, AFlippedByteInsideAChunkIsReported) {
  const TemporaryFolder folder;
  make_store(folder / "run.db");
  {
    SQLite::Database database(folder / "run.db", SQLite::OPEN_READWRITE);
    database.exec("UPDATE scalar_chunk SET samples = zeroblob(length(samples))");
  }
  const auto reader = Reader::open(folder / "run.db");
  ASSERT_TRUE(reader.ok());
  EXPECT_FALSE((*reader)->poll().ok());
  EXPECT_FALSE((*Reader::open(folder / "run.db"))->poll(std::vector<std::string>{"x"}).ok());
  EXPECT_TRUE((*Reader::open(folder / "run.db"))->poll(std::vector<std::string>{}).ok());
  EXPECT_EQ((*reader)->verify()->size(), 1U);
}

TEST(StoreFaults, ForeignNewerAndTrickyDatabasesAreRefusedInWords) {
  const TemporaryFolder folder;
  test::write_text(folder / "text.db", "This is no database at all, only some text of a person.");
  const auto text = Reader::open(folder / "text.db");
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().code, ErrorCode::kInputFile);
  {
    SQLite::Database other(folder / "other.db", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    other.exec("CREATE TABLE recipes (name TEXT)");
  }
  EXPECT_EQ(Reader::open(folder / "other.db").error().code, ErrorCode::kInputFile);
  EXPECT_EQ(Writer::open(folder / "other.db", 0, -1).error().code, ErrorCode::kInputFile);
  make_store(folder / "newer.db");
  {
    SQLite::Database newer(folder / "newer.db", SQLite::OPEN_READWRITE);
    newer.exec("PRAGMA user_version = 99");
  }
  const auto newer = Reader::open(folder / "newer.db");
  ASSERT_FALSE(newer.ok());
  EXPECT_NE(newer.error().message.find("version 3"), std::string::npos);
  EXPECT_NE(newer.error().message.find("version 99"), std::string::npos);
  make_store(folder / "view.db");
  {
    SQLite::Database view(folder / "view.db", SQLite::OPEN_READWRITE);
    view.exec("DROP TABLE event");
    view.exec("CREATE VIEW event AS SELECT 1 AS sequence");
  }
  EXPECT_EQ(Reader::open(folder / "view.db").error().code, ErrorCode::kInputFile);
  EXPECT_EQ(Reader::open(folder / "missing.db").error().code, ErrorCode::kUnavailable);
}

TEST(StoreFaults, ANaNCannotBeStoredAsAFiniteRow) {
  const TemporaryFolder folder;
  make_store(folder / "run.db");
  SQLite::Database database(folder / "run.db", SQLite::OPEN_READWRITE);
  EXPECT_THROW(database.exec("INSERT INTO scalar_row VALUES (999999, 1, 0, 1, 1, 0, 0, NULL, 0)"),
               SQLite::Exception);
  EXPECT_THROW(database.exec("INSERT INTO scalar_row VALUES (999999, 1, 0, 1, 1, 0, 0, 1.0, 1)"),
               SQLite::Exception);
}

TEST(StoreFaults, AStoreWhoseFolderGoesIsReported) {
  const TemporaryFolder folder;
  ASSERT_TRUE(make_directories(folder / "run").ok());
  const auto writer = Writer::open(folder / "run/run.db", 0, -1);
  ASSERT_TRUE(writer.ok());
  (*writer)->scalar("x", at(1), 1.0);
  ASSERT_TRUE((*writer)->flush().ok());
  EXPECT_FALSE((*writer)->problem().has_value());
  std::filesystem::rename(folder / "run", folder / "moved");
  (*writer)->scalar("x", at(2), 1.0);
  const Status status = (*writer)->flush();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
  EXPECT_TRUE((*writer)->problem().has_value());
  EXPECT_FALSE(std::filesystem::exists(folder / "run"));
}

TEST(StoreFaults, AFullDiskKeepsSamplesAndGoesOnWhenThereIsSpace) {
  const TemporaryFolder folder;
  const std::string disk = folder / "disk";
  ASSERT_TRUE(make_directories(disk).ok());
  if (::mount("none", disk.c_str(), "tmpfs", 0, "size=2m") != 0) {
    GTEST_SKIP() << "mounting a small tmpfs is not permitted here (errno " << errno << ")";
  }
  {
    auto writer = Writer::open(disk + "/run.db", 0, -1);
    ASSERT_TRUE(writer.ok());
    std::int64_t acknowledged = 0;
    std::int64_t step = 0;
    Status status;
    while (status.ok() && step < 100'000) {
      for (int i = 0; i < 100; ++i) (*writer)->vector("v", 0, at(++step), std::vector<float>(32));
      status = (*writer)->flush();
      if (status.ok()) acknowledged = step;
    }
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::kDiskFull) << status.error().text();
    ASSERT_TRUE((*writer)->problem().has_value());
    {
      const auto reader = Reader::open(disk + "/run.db");
      if (reader.ok()) {  // the index of the log may not fit any more
        const auto delta = (*reader)->poll();
        if (delta.ok()) {
          EXPECT_GE(delta->vectors[0].samples.size(), static_cast<std::size_t>(acknowledged));
        }
      }
    }
    (*writer)->scalar("x", at(step), 1.0);
    ASSERT_EQ(::mount("none", disk.c_str(), "tmpfs", MS_REMOUNT, "size=32m"), 0);
    const double begun = system_clock().monotonic_seconds();
    while ((*writer)->problem().has_value() && system_clock().monotonic_seconds() - begun < 20.0) {
      ::usleep(10'000);
    }
    EXPECT_FALSE((*writer)->problem().has_value());  // by itself, without a flush
    EXPECT_TRUE((*writer)->flush().ok());
    const auto reader = Reader::open(disk + "/run.db");
    ASSERT_TRUE(reader.ok());
    const auto delta = (*reader)->poll();
    ASSERT_TRUE(delta.ok());
    ASSERT_EQ(delta->vectors.size(), 1U);
    EXPECT_EQ(delta->vectors[0].samples.size(), static_cast<std::size_t>(step));
    EXPECT_EQ(delta->scalars.size(), 1U);
    EXPECT_TRUE((*reader)->verify()->empty());
  }
  EXPECT_EQ(::umount2(disk.c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace switchyard::store
