#include "engine/base/checkpoint/checkpoint.h"

#include <filesystem>
#include <random>

#include <gtest/gtest.h>

#include "engine/base/formats/safetensors.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/checkpoint/checkpoint_cases.h"

namespace switchyard::checkpoint {
namespace {

using test::TemporaryFolder;

TEST(Checkpoint, PublishedFolderIsCompleteAndReadable) {
  const TemporaryFolder folder;
  const auto path = publish_sample(folder / "checkpoints", 250);
  ASSERT_TRUE(path.ok()) << path.error().text();
  EXPECT_EQ(*path, folder / "checkpoints/step_00000250");
  const ScanResult found = scan(folder / "checkpoints", ScanDepth::kChecksums);
  ASSERT_EQ(found.valid.size(), 1U);
  EXPECT_TRUE(found.rejected.empty());
  EXPECT_EQ(found.valid[0].step, 250);
  EXPECT_EQ(found.valid[0].manifest["device"].as_string(), "cpu");
  const auto reader = formats::SafetensorsReader::open(*path + "/weights.safetensors");
  ASSERT_TRUE(reader.ok());
  std::vector<float> values(700);
  ASSERT_NE(reader->find("embedding"), nullptr);
  ASSERT_TRUE(reader->read(*reader->find("embedding"), values.data()).ok());
  EXPECT_EQ(values[699], 250.0F);
  EXPECT_EQ(real_file_system().list(folder / "checkpoints")->size(), 1U);
}

TEST(Checkpoint, PublishingAStepAgainReplacesItWhole) {
  const TemporaryFolder folder;
  ASSERT_TRUE(publish_sample(folder.path(), 5).ok());
  const std::string damaged = folder / "step_00000005/state.json";
  test::write_text(damaged, "garbage");
  EXPECT_EQ(scan(folder.path(), ScanDepth::kSizes).rejected.size(), 1U);
  ASSERT_TRUE(publish_sample(folder.path(), 5).ok());
  const ScanResult found = scan(folder.path(), ScanDepth::kChecksums);
  EXPECT_EQ(found.valid.size(), 1U);
  EXPECT_TRUE(found.rejected.empty());
  EXPECT_EQ(real_file_system().list(folder.path())->size(), 1U);
}

TEST(Checkpoint, ScanNamesEachRejectedOne) {
  const TemporaryFolder folder;
  for (const std::int64_t step : {1, 2, 3, 4})
    ASSERT_TRUE(publish_sample(folder.path(), step).ok());
  std::filesystem::resize_file(folder / "step_00000002/weights.safetensors", 100);
  std::filesystem::remove(folder / "step_00000003/manifest.json");
  test::write_text(folder / "step_00000004/extra.bin", "x");
  std::filesystem::create_directory(folder / "holiday");
  std::filesystem::create_directory(folder / ".tmp-step_00000009-1");
  const ScanResult found = scan(folder.path(), ScanDepth::kSizes);
  ASSERT_EQ(found.valid.size(), 1U);
  EXPECT_EQ(found.valid[0].step, 1);
  ASSERT_EQ(found.rejected.size(), 4U);
  EXPECT_EQ(found.rejected[0].find("holiday: "), 0U);
  EXPECT_NE(found.rejected[1].find("step_00000002: weights.safetensors: expected "),
            std::string::npos);
  EXPECT_NE(found.rejected[1].find("found 100"), std::string::npos);
  EXPECT_NE(found.rejected[2].find("manifest.json"), std::string::npos);
  EXPECT_NE(found.rejected[3].find("extra.bin"), std::string::npos);
  EXPECT_TRUE(scan(folder / "missing", ScanDepth::kSizes).rejected.empty());
}

TEST(Checkpoint, EveryFlippedByteAndEveryTruncationIsDetected) {
  const TemporaryFolder folder;
  const auto path = publish_sample(folder.path(), 8);
  ASSERT_TRUE(path.ok());
  std::mt19937_64 random(5);
  for (const std::string name :
       {"manifest.json", "state.json", "weights.safetensors", "optimizer.safetensors"}) {
    const std::string file = *path + "/" + name;
    const std::string good = test::read_text(file);
    for (int trial = 0; trial < 120; ++trial) {
      std::string bad = good;
      if (trial % 4 == 0) {
        bad.resize(random() % good.size());
      } else {
        bad[random() % bad.size()] ^= static_cast<char>(1U << (random() % 8));
      }
      test::write_text(file, bad);
      const ScanResult found = scan(folder.path(), ScanDepth::kChecksums);
      ASSERT_TRUE(found.valid.empty()) << name << " trial " << trial;
      ASSERT_EQ(found.rejected.size(), 1U);
    }
    test::write_text(file, good);
  }
  EXPECT_EQ(scan(folder.path(), ScanDepth::kChecksums).valid.size(), 1U);
}

TEST(Checkpoint, RetiresAllButTheNewestTheBestAndThePinned) {
  const TemporaryFolder folder;
  for (std::int64_t step = 1; step <= 6; ++step) {
    ASSERT_TRUE(publish_sample(folder.path(), step).ok());
  }
  test::write_text(folder / "step_00000002/pinned", "");
  const auto found = scan(folder.path(), ScanDepth::kSizes).valid;
  ASSERT_EQ(found.size(), 6U);
  const auto candidates = retirement_candidates(found, 1, 3);  // at least two stay
  ASSERT_EQ(candidates.size(), 2U);
  EXPECT_EQ(candidates[0].step, 1);
  EXPECT_EQ(candidates[1].step, 4);
  for (const Found& old : candidates) ASSERT_TRUE(retire(old.path).ok());
  EXPECT_EQ(scan(folder.path(), ScanDepth::kChecksums).valid.size(), 4U);
  EXPECT_EQ(real_file_system().list(folder.path())->size(), 4U);
}

TEST(Checkpoint, LeftoversAreRemovedAndNothingElse) {
  const TemporaryFolder folder;
  ASSERT_TRUE(publish_sample(folder.path(), 1).ok());
  test::write_text(folder / ".tmp-step_00000002-ab/weights.safetensors", "half");
  test::write_text(folder / ".trash-step_00000000-cd/manifest.json", "{}");
  remove_leftovers(folder.path());
  EXPECT_EQ(real_file_system().list(folder.path())->size(), 1U);
}

TEST(Checkpoint, RefusesPartsThatAreNoCheckpointFiles) {
  const TemporaryFolder folder;
  EXPECT_FALSE(publish(folder.path(), 1, {{"model.pt", {}, {}}}, {}).ok());
  EXPECT_FALSE(publish(folder.path(), 1, {{"manifest.json", {}, {}}}, {}).ok());
}

}  // namespace
}  // namespace switchyard::checkpoint
