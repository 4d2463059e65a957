#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "engine/base/core/clock.h"
#include "engine/base/store/chunk.h"
#include "engine/base/store/run_store.h"
#include "tests/support/forked.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/store/store_access.h"

namespace switchyard::store {
namespace {

using test::TemporaryFolder;

TEST(Store, ReturnsWhatWasWritten) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  const auto writer = open_writer(path);
  writer->declare({"train_loss", "nats/token", "loss of the step", false});
  writer->declare({"tokens_per_expert", "tokens", "load", true});
  writer->scalar("train_loss", at(10), 4.25);
  writer->vector("tokens_per_expert", 3, at(10), {1.0F, 2.5F, 0.0F});
  writer->vector("tokens_per_expert", 3, at(20), {});
  writer->event("state", 10, Json::object({{"state", Json("running")}, {"pid", Json(7)}}));
  ASSERT_TRUE(writer->flush().ok());
  const auto reader = open_reader(path);
  const Delta delta = poll(*reader);
  EXPECT_FALSE(delta.is_reset);
  ASSERT_EQ(delta.metrics.size(), 2U);
  EXPECT_EQ(delta.metrics[0].unit, "nats/token");
  EXPECT_TRUE(delta.metrics[1].is_vector);
  const ScalarSeries* loss = find(delta, "train_loss");
  ASSERT_NE(loss, nullptr);
  EXPECT_EQ(loss->step, std::vector<std::int64_t>{10});
  EXPECT_EQ(loss->tokens, std::vector<std::int64_t>{7680});
  EXPECT_EQ(loss->seconds, std::vector<double>{2.5});
  EXPECT_EQ(loss->flops, std::vector<double>{1e10});
  EXPECT_EQ(loss->value, std::vector<double>{4.25});
  ASSERT_EQ(delta.vectors.size(), 1U);
  EXPECT_EQ(delta.vectors[0].layer, 3);
  ASSERT_EQ(delta.vectors[0].samples.size(), 2U);
  EXPECT_EQ(delta.vectors[0].samples[0].values, (std::vector<float>{1.0F, 2.5F, 0.0F}));
  EXPECT_TRUE(delta.vectors[0].samples[1].values.empty());
  ASSERT_EQ(delta.events.size(), 1U);
  EXPECT_EQ(delta.events[0].detail["pid"].as_integer(), 7);
  EXPECT_GT(delta.events[0].wall_time, 1.6e9);
  EXPECT_TRUE(poll(*reader).empty());
  EXPECT_TRUE(reader->verify()->empty());
}

TEST(Store, KeepsNonFiniteValuesInRowsAndInChunks) {
  const TemporaryFolder folder;
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> values{1.5, std::nan(""), inf, -inf, 1e308, 5e-324, 0.1};
  for (const std::size_t total : {values.size(), kChunkSamples + 10}) {
    const std::string path = folder / ("run" + std::to_string(total) + ".db");
    const auto writer = open_writer(path);
    for (std::size_t i = 0; i < total; ++i) {
      writer->scalar("x", at(static_cast<std::int64_t>(i)), values[i % values.size()]);
    }
    ASSERT_TRUE(writer->flush().ok());
    const Delta delta = poll(*open_reader(path));
    const ScalarSeries* series = find(delta, "x");
    ASSERT_NE(series, nullptr);
    ASSERT_EQ(series->value.size(), total);
    for (std::size_t i = 0; i < total; ++i) {
      const double expected = values[i % values.size()];
      ASSERT_TRUE(std::isnan(expected) ? std::isnan(series->value[i])
                                       : series->value[i] == expected)
          << i;
    }
  }
}

TEST(Store, FoldsExactlyAtTheBoundary) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  const auto writer = open_writer(path);
  const auto reader = open_reader(path);
  std::vector<std::int64_t> seen;
  std::int64_t step = 0;
  for (const std::int64_t up_to : {4095, 4096, 4097, 8191, 8192, 12289}) {
    for (; step < up_to; ++step) writer->scalar("x", at(step), 1.0);
    ASSERT_TRUE(writer->flush().ok());
    const auto fresh = steps_of(poll(*reader), "x");
    seen.insert(seen.end(), fresh.begin(), fresh.end());
    ASSERT_EQ(seen.size(), static_cast<std::size_t>(up_to));
    ASSERT_EQ(steps_of(poll(*open_reader(path)), "x").size(), static_cast<std::size_t>(up_to));
    ASSERT_TRUE(reader->verify()->empty());
  }
  for (std::int64_t i = 0; i < step; ++i) ASSERT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(Store, ResumeRemovesWhatCameAfterTheCheckpoint) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  auto writer = open_writer(path);
  for (std::int64_t step = 0; step < 9000; ++step) writer->scalar("x", at(step), 1.0);
  writer->vector("v", -1, at(7000), {1.0F});
  writer->event("state", 9000, Json::object({{"state", Json("running")}}));
  writer->event("eval", 8000, Json::object());
  writer->event("guard", 8500, Json::object());
  ASSERT_TRUE(writer->flush().ok());
  const auto reader = open_reader(path);
  const Delta before = poll(*reader);
  EXPECT_EQ(steps_of(before, "x").size(), 9000U);
  const std::int64_t last_sequence = before.events.back().sequence;
  writer.reset();
  writer = open_writer(path, 0, 5000);  // in the middle of the second chunk
  writer->scalar("x", at(5001), 2.0);
  ASSERT_TRUE(writer->flush().ok());
  const Delta after = poll(*reader);
  EXPECT_TRUE(after.is_reset);
  const auto steps = steps_of(after, "x");
  ASSERT_EQ(steps.size(), 5002U);
  EXPECT_EQ(steps[5000], 5000);
  EXPECT_EQ(steps[5001], 5001);
  EXPECT_TRUE(after.vectors.empty());
  ASSERT_EQ(after.events.size(), 2U);  // lifecycle and guard stay, the evaluation is void
  EXPECT_EQ(after.events[0].kind, "state");
  EXPECT_EQ(after.events[1].kind, "guard");
  writer->event("note", 5001, Json::object());
  ASSERT_TRUE(writer->flush().ok());
  EXPECT_GT(poll(*reader).events.back().sequence, last_sequence);
  EXPECT_TRUE(reader->verify()->empty());
}

TEST(Store, ResumeWithNothingToRemoveIsNoReset) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  auto writer = open_writer(path);
  writer->scalar("x", at(10), 1.0);
  writer.reset();
  const auto reader = open_reader(path);
  EXPECT_EQ(steps_of(poll(*reader), "x").size(), 1U);
  writer = open_writer(path, 0, 10);
  writer->scalar("x", at(20), 1.0);
  ASSERT_TRUE(writer->flush().ok());
  const Delta delta = poll(*reader);
  EXPECT_FALSE(delta.is_reset);
  EXPECT_EQ(steps_of(delta, "x"), std::vector<std::int64_t>{20});
}

TEST(Store, ARollbackKeepsTheOldAttemptButShowsTheNewOne) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  auto writer = open_writer(path);
  for (const std::int64_t step : {10, 20, 30, 40}) writer->scalar("x", at(step), 0.0);
  ASSERT_TRUE(writer->flush().ok());
  const auto reader = open_reader(path);
  poll(*reader);
  writer.reset();
  writer = open_writer(path, 1, 20);
  writer->scalar("x", at(30), 1.0);
  ASSERT_TRUE(writer->flush().ok());
  const Delta delta = poll(*reader);
  EXPECT_TRUE(delta.is_reset);
  EXPECT_EQ(steps_of(delta, "x"), (std::vector<std::int64_t>{10, 20, 30}));
  EXPECT_EQ(find(delta, "x")->value.back(), 1.0);
  writer.reset();
  writer = open_writer(path, 0, 10);  // a resume from before the rollback point: newest goes on
  writer->scalar("x", at(20), 2.0);
  ASSERT_TRUE(writer->flush().ok());
  const Delta resumed = poll(*reader);
  EXPECT_TRUE(resumed.is_reset);
  EXPECT_EQ(steps_of(resumed, "x"), (std::vector<std::int64_t>{10, 20}));
  EXPECT_EQ(find(resumed, "x")->value.back(), 2.0);
}

TEST(Store, ASampleIsVisibleWithinAThirdOfASecond) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  const auto writer = open_writer(path);
  const auto reader = open_reader(path);
  const double begun = system_clock().monotonic_seconds();
  writer->scalar("x", at(1), 1.0);
  while (poll(*reader).empty() && system_clock().monotonic_seconds() - begun < 10.0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  // The goal is 0.3 s; the bound leaves room for a loaded machine.
  EXPECT_LT(system_clock().monotonic_seconds() - begun, 3.0);
}

/// Collects deltas as a window does and checks that nothing is lost, doubled or out of order.
struct Collector {
  std::map<std::string, std::vector<std::int64_t>> steps;

  void take(const Delta& delta) {
    ASSERT_FALSE(delta.is_reset);
    for (const ScalarSeries& series : delta.scalars) {
      auto& all = steps[series.metric];
      all.insert(all.end(), series.step.begin(), series.step.end());
    }
  }

  void expect_complete(const std::string& metric, std::int64_t count) {
    const auto& all = steps[metric];
    ASSERT_EQ(all.size(), static_cast<std::size_t>(count)) << metric;
    for (std::int64_t i = 0; i < count; ++i) ASSERT_EQ(all[static_cast<std::size_t>(i)], i);
  }
};

TEST(Store, AReaderInAnotherThreadSeesEverySampleOnce) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  const auto writer = open_writer(path);
  std::thread writing([&] {
    write_concurrently(*writer);
    EXPECT_TRUE(writer->flush().ok());
  });
  const auto reader = open_reader(path);
  Collector collector;
  const double begun = system_clock().monotonic_seconds();
  while (collector.steps["b"].size() < kConcurrentSteps &&
         system_clock().monotonic_seconds() - begun < 60.0) {
    collector.take(poll(*reader));
  }
  writing.join();
  collector.take(poll(*reader));
  collector.expect_complete("a", kConcurrentSteps);
  collector.expect_complete("b", kConcurrentSteps);
}

TEST(Store, AReaderInAnotherProcessSeesEverySampleOnce) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  open_writer(path).reset();
  const pid_t child = test::start_child([&] {
    auto writer = Writer::open(path, 0, -1);
    if (!writer.ok()) return 1;
    write_concurrently(**writer);
    return (*writer)->flush().ok() ? 0 : 2;
  });
  const auto reader = open_reader(path);
  Collector collector;
  const double begun = system_clock().monotonic_seconds();
  while (collector.steps["b"].size() < kConcurrentSteps &&
         system_clock().monotonic_seconds() - begun < 60.0) {
    collector.take(poll(*reader));
  }
  EXPECT_EQ(test::end_of_child(child), 0);
  collector.take(poll(*reader));
  collector.expect_complete("a", kConcurrentSteps);
  collector.expect_complete("b", kConcurrentSteps);
}

TEST(Store, AReplacedFileIsReadFromTheStart) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  auto writer = open_writer(path);
  writer->scalar("x", at(1), 1.0);
  writer.reset();
  const auto reader = open_reader(path);
  EXPECT_EQ(steps_of(poll(*reader), "x").size(), 1U);
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
  writer = open_writer(path);
  writer->scalar("x", at(2), 1.0);
  ASSERT_TRUE(writer->flush().ok());
  const Delta delta = poll(*reader);
  EXPECT_TRUE(delta.is_reset);
  EXPECT_EQ(steps_of(delta, "x"), std::vector<std::int64_t>{2});
}

}  // namespace
}  // namespace switchyard::store
