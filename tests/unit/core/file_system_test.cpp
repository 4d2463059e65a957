#include "engine/base/core/file_system.h"

#include <cerrno>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "engine/base/core/clock.h"
#include "engine/base/core/log.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/temporary_folder.h"

namespace switchyard {
namespace {

using test::FaultyFileSystem;
using test::TemporaryFolder;

TEST(FileSystem, WritesDurablyUnderAnyName) {
  const TemporaryFolder folder;
  for (const std::string& name : {std::string("plain"),
                                  std::string("with space"),
                                  std::string("with\nnewline"),
                                  std::string("äöü-名前"),
                                  std::string(255, 'x')}) {
    const std::string path = folder / name;
    ASSERT_TRUE(write_file_durably(path, "old").ok()) << name;
    ASSERT_TRUE(write_file_durably(path, "new").ok()) << name;
    EXPECT_EQ(*read_file(path, 100), "new");
  }
  EXPECT_EQ(real_file_system().list(folder.path())->size(), 5U);  // no temporary file is left
}

TEST(FileSystem, NamesThePathOfAFailure) {
  const TemporaryFolder folder;
  const auto missing = read_file(folder / "none", 10);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kInputFile);
  EXPECT_EQ(missing.error().where, folder / "none");
  const Status status = write_file_durably(folder / "no/such/folder", "x");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
  ASSERT_TRUE(write_file_durably(folder / "long", "0123456789").ok());
  EXPECT_FALSE(read_file(folder / "long", 9).ok());
  EXPECT_FALSE(read_file(folder.path(), 9).ok());
}

TEST(FileSystem, DiskFullHasItsOwnCode) {
  EXPECT_EQ(error_from_errno(ENOSPC, "a", "write").code, ErrorCode::kDiskFull);
  EXPECT_EQ(error_from_errno(EDQUOT, "a", "write").code, ErrorCode::kDiskFull);
  EXPECT_EQ(error_from_errno(EIO, "a", "write").code, ErrorCode::kIo);
}

TEST(FileSystem, RenamesWithoutReplacingAndExchanges) {
  const TemporaryFolder folder;
  FileSystem& fs = real_file_system();
  ASSERT_TRUE(write_file_durably(folder / "a", "A").ok());
  ASSERT_TRUE(write_file_durably(folder / "b", "B").ok());
  EXPECT_FALSE(fs.rename(folder / "a", folder / "b", RenameMode::kNoReplace).ok());
  EXPECT_EQ(*read_file(folder / "b", 10), "B");
  ASSERT_TRUE(fs.rename(folder / "a", folder / "b", RenameMode::kExchange).ok());
  EXPECT_EQ(*read_file(folder / "a", 10), "B");
  EXPECT_EQ(*read_file(folder / "b", 10), "A");
}

TEST(FileSystem, RemovesATreeButFollowsNoLink) {
  const TemporaryFolder folder;
  ASSERT_TRUE(make_directories(folder / "tree/deep/er").ok());
  ASSERT_TRUE(write_file_durably(folder / "kept", "K").ok());
  ASSERT_EQ(::symlink(folder.path().c_str(), (folder / "tree/deep/link").c_str()), 0);
  ASSERT_TRUE(remove_tree(folder / "tree").ok());
  EXPECT_EQ(*read_file(folder / "kept", 10), "K");
  EXPECT_FALSE(real_file_system().info(folder / "tree")->exists);
  EXPECT_TRUE(remove_tree(folder / "tree").ok());
}

TEST(FileSystem, EveryFailureLeavesTheOldContent) {
  for (int n = 1; n < 100; ++n) {
    FaultyFileSystem fs;
    ASSERT_TRUE(write_file_durably("/file", "old", fs).ok());
    fs.fail_at(n, EIO, false);
    const Status status = write_file_durably("/file", "new", fs);
    if (!fs.has_failed()) {
      ASSERT_GT(n, 5);
      return;
    }
    // Only a failed sync of the folder may leave the new content, and it is reported.
    EXPECT_FALSE(status.ok());
    const std::string content = *read_file("/file", 10, fs);
    EXPECT_TRUE(content == "old" || content == "new");
    EXPECT_EQ(fs.list("/")->size(), 1U);
  }
  FAIL() << "the sequence never ended";
}

TEST(FileSystem, PowerLossShowsOldOrNewNeverAPart) {
  FaultyFileSystem fs;
  const std::string old_content(2000, 'o');
  const std::string new_content(3000, 'n');
  ASSERT_TRUE(write_file_durably("/file", old_content, fs).ok());
  const std::size_t begun = fs.num_operations();
  ASSERT_TRUE(write_file_durably("/file", new_content, fs).ok());
  std::mt19937_64 random(7);
  for (std::size_t count = begun; count <= fs.num_operations(); ++count) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      const auto luck = repeat == 0   ? FaultyFileSystem::Luck::kOnlySynced
                        : repeat == 1 ? FaultyFileSystem::Luck::kEverything
                                      : FaultyFileSystem::Luck::kRandom;
      FaultyFileSystem after = fs.after_power_loss(count, luck, random);
      const std::string content = *read_file("/file", 10000, after);
      const bool is_done = count == fs.num_operations();
      ASSERT_TRUE(content == new_content || (!is_done && content == old_content)) << count;
    }
  }
}

TEST(Clock, AJumpOfTheWallClockChangesNoDuration) {
  FakeClock clock;
  const double before = clock.monotonic_seconds();
  clock.jump_wall(-86400.0);
  clock.advance(2.0);
  EXPECT_DOUBLE_EQ(clock.monotonic_seconds() - before, 2.0);
  const double now = system_clock().monotonic_seconds();
  EXPECT_GE(system_clock().monotonic_seconds(), now);
  EXPECT_GT(system_clock().wall_seconds(), 1.6e9);
}

TEST(Log, WritesOneJsonObjectPerLineFromManyThreads) {
  const TemporaryFolder folder;
  set_log_level(LogLevel::kError);
  ASSERT_TRUE(open_log(folder / "log.jsonl").ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 50; ++i) {
        log_info("a \"quoted\"\nline", {{"thread", Json(t)}, {"step", Json(i)}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  close_log();
  set_log_level(LogLevel::kInfo);
  log_debug("not in the file any more");
  std::istringstream lines(test::read_text(folder / "log.jsonl"));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto parsed = parse_json(line, "log");
    ASSERT_TRUE(parsed.ok()) << line;
    EXPECT_EQ((*parsed)["level"].as_string(), "info");
    EXPECT_TRUE((*parsed)["step"].is_integer());
  }
  EXPECT_EQ(count, 200);
}

}  // namespace
}  // namespace switchyard
