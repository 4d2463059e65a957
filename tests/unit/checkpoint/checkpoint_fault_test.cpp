#include <cerrno>

#include <sys/mount.h>

#include <gtest/gtest.h>

#include "engine/base/checkpoint/checkpoint.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/forked.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/checkpoint/checkpoint_cases.h"

namespace switchyard::checkpoint {
namespace {

using test::FaultyFileSystem;
using test::TemporaryFolder;

constexpr const char* kDir = "/checkpoints";

/// Three checkpoints, then one more and the retirement of the oldest: what an engine does.
Status save_and_retire(FileSystem& fs, const std::string& dir, std::int64_t step) {
  const auto path = publish_sample(dir, step, fs);
  if (!path.ok()) return path.error();
  const auto found = scan(dir, ScanDepth::kSizes, fs).valid;
  for (std::size_t i = 0; i + 2 < found.size(); ++i) SY_RETURN_IF_ERROR(retire(found[i].path, fs));
  return {};
}

TEST(CheckpointFaults, TheNthFailureIsReportedAndLeavesTwoCompleteOnes) {
  int num_hits = 0;
  for (const int error_number : {ENOSPC, EIO, EMFILE}) {
    for (const bool is_persistent : {false, true}) {
      for (int n = 1;; ++n) {
        FaultyFileSystem fs;
        for (const std::int64_t step : {10, 20}) ASSERT_TRUE(save_and_retire(fs, kDir, step).ok());
        fs.fail_at(n, error_number, is_persistent);
        const Status status = save_and_retire(fs, kDir, 30);
        if (!fs.has_failed()) break;
        ++num_hits;
        EXPECT_FALSE(status.ok()) << n;
        fs.fail_at(0, 0, false);
        const ScanResult found = scan(kDir, ScanDepth::kChecksums, fs);
        EXPECT_TRUE(found.rejected.empty()) << n << " " << found.rejected.front();
        EXPECT_GE(found.valid.size(), 2U) << n;
        remove_leftovers(kDir, fs);
        EXPECT_TRUE(save_and_retire(fs, kDir, 40).ok()) << n;  // and the next interval works
        EXPECT_EQ(scan(kDir, ScanDepth::kChecksums, fs).valid.back().step, 40);
      }
    }
  }
  EXPECT_GT(num_hits, 100);
}

TEST(CheckpointFaults, PowerLossAtEveryOperationLeavesOnlyCompleteNames) {
  FaultyFileSystem fs;
  std::vector<std::size_t> published_at;
  for (const std::int64_t step : {10, 20, 30, 40}) {
    ASSERT_TRUE(publish_sample(kDir, step, fs).ok());
    published_at.push_back(fs.num_operations());
    const auto found = scan(kDir, ScanDepth::kSizes, fs).valid;
    for (std::size_t i = 0; i + 2 < found.size(); ++i) {
      ASSERT_TRUE(retire(found[i].path, fs).ok());
    }
  }
  ASSERT_TRUE(publish_sample(kDir, 40, fs).ok());  // the exchange of an existing name
  std::mt19937_64 random(13);
  int num_states = 0;
  for (std::size_t count = 0; count <= fs.num_operations(); ++count) {
    std::size_t num_published = 0;
    for (const std::size_t at : published_at) num_published += at <= count ? 1U : 0U;
    for (int repeat = 0; repeat < 20; ++repeat) {
      const auto luck = repeat == 0   ? FaultyFileSystem::Luck::kOnlySynced
                        : repeat == 1 ? FaultyFileSystem::Luck::kEverything
                                      : FaultyFileSystem::Luck::kRandom;
      FaultyFileSystem after = fs.after_power_loss(count, luck, random);
      ++num_states;
      if (!after.info(kDir)->exists) {
        ASSERT_EQ(num_published, 0U);
        continue;
      }
      const ScanResult found = scan(kDir, ScanDepth::kChecksums, after);
      ASSERT_TRUE(found.rejected.empty())
          << "operation " << count << " repeat " << repeat << ": " << found.rejected.front();
      ASSERT_GE(found.valid.size(), std::min<std::size_t>(num_published, 2)) << count;
      if (num_published > 0) {
        ASSERT_GE(found.valid.back().step, static_cast<std::int64_t>(10 * num_published));
      }
    }
  }
  EXPECT_GT(num_states, 2000);
}

TEST(CheckpointFaults, RefusesEarlyWhenTheDiskIsTooSmall) {
  FaultyFileSystem fs;
  fs.free_space = 1000;
  const auto path = publish_sample(kDir, 1, fs);
  ASSERT_FALSE(path.ok());
  EXPECT_EQ(path.error().code, ErrorCode::kDiskFull);
  EXPECT_TRUE(fs.list(kDir)->empty());
}

TEST(CheckpointFaults, AKillAtEveryCrashPointTearsNothing) {
  for (const std::string point : {"publish.1",
                                  "publish.2",
                                  "publish.2:2",
                                  "publish.2:3",
                                  "publish.3",
                                  "publish.4",
                                  "publish.5",
                                  "publish.6",
                                  "publish.7",
                                  "retire.1",
                                  "retire.2",
                                  "retire.3"}) {
    for (const bool is_exchange : {false, true}) {
      if (is_exchange && point.starts_with("retire")) continue;
      const TemporaryFolder folder;
      for (const std::int64_t step : {10, 20})
        ASSERT_TRUE(publish_sample(folder.path(), step).ok());
      const pid_t child = test::start_child([&] {
        ::setenv("SY_CRASH_AT", point.c_str(), 1);
        return save_and_retire(real_file_system(), folder.path(), is_exchange ? 20 : 30).ok() ? 0
                                                                                              : 1;
      });
      ASSERT_EQ(test::end_of_child(child), -SIGKILL) << point;
      const ScanResult found = scan(folder.path(), ScanDepth::kChecksums);
      EXPECT_TRUE(found.rejected.empty()) << point << " " << found.rejected.front();
      EXPECT_GE(found.valid.size(), 2U) << point;
      remove_leftovers(folder.path());
      EXPECT_EQ(real_file_system().list(folder.path())->size(), found.valid.size()) << point;
    }
  }
}

TEST(CheckpointFaults, AFullDiskLeavesTheEarlierOnesIntact) {
  const TemporaryFolder folder;
  const std::string disk = folder / "disk";
  ASSERT_TRUE(make_directories(disk).ok());
  if (::mount("none", disk.c_str(), "tmpfs", 0, "size=4m") != 0) {
    GTEST_SKIP() << "mounting a small tmpfs is not permitted here (errno " << errno << ")";
  }
  const std::string dir = disk + "/checkpoints";
  EXPECT_TRUE(publish_sample(dir, 1).ok());
  EXPECT_TRUE(publish_sample(dir, 2).ok());
  const SampleCheckpoint large(3, std::size_t{1} << 20);
  const auto refused = publish(dir, 3, large.parts, {});
  EXPECT_FALSE(refused.ok());
  if (!refused.ok()) {
    EXPECT_EQ(refused.error().code, ErrorCode::kDiskFull);
  }
  // The space is taken while the files are written: the early check cannot see it.
  for (int filled_kib = 600; filled_kib <= 1400; filled_kib += 100) {
    const pid_t child = test::start_child([&] {
      test::write_text(disk + "/filler",
                       std::string(static_cast<std::size_t>(filled_kib) << 10, 'f'));
      const SampleCheckpoint medium(4, std::size_t{1} << 17);
      const auto path = publish(dir, 4, medium.parts, {});
      return path.ok() || path.error().code == ErrorCode::kDiskFull ? 0 : 1;
    });
    EXPECT_EQ(test::end_of_child(child), 0);
    const ScanResult found = scan(dir, ScanDepth::kChecksums);
    EXPECT_TRUE(found.rejected.empty());
    EXPECT_GE(found.valid.size(), 2U);
  }
  EXPECT_TRUE(remove_tree(disk + "/filler").ok());
  EXPECT_TRUE(publish_sample(dir, 5).ok());
  EXPECT_EQ(scan(dir, ScanDepth::kChecksums).valid.back().step, 5);
  EXPECT_EQ(::umount2(disk.c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace switchyard::checkpoint
