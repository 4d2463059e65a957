// The run store as a window reads it: wanted samples only, packed chunks, stores of version 1.
#include <bit>
#include <cmath>
#include <map>
#include <random>
#include <thread>

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include "engine/base/core/clock.h"
#include "engine/base/core/hash.h"
#include "engine/base/store/chunk.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/store/store_access.h"

namespace switchyard::store {
namespace {

using test::TemporaryFolder;

/// Polls as a window does until all of `wanted` was read: steps by metric, in the order they came.
struct Window {
  std::map<std::string, std::vector<std::int64_t>> steps;
  std::map<std::string, std::vector<double>> values;
  std::vector<std::string> available;
  std::size_t num_packed = 0;
  bool was_reset = false;
  double longest_poll = 0.0;

  void poll_all(Reader& reader, const std::vector<std::string>& wanted) {
    for (bool has_more = true; has_more;) {
      const double begun = system_clock().monotonic_seconds();
      auto delta = reader.poll(wanted);
      longest_poll = std::max(longest_poll, system_clock().monotonic_seconds() - begun);
      ASSERT_TRUE(delta.ok()) << delta.error().text();
      if (delta->is_reset) steps.clear(), values.clear(), available.clear(), was_reset = true;
      for (const std::string& metric : delta->available) available.push_back(metric);
      for (const ScalarSeries& series : delta->scalars) take(series);
      has_more = delta->has_more;
    }
  }

  void take(const ScalarSeries& series) {
    auto& step = steps[series.metric];
    auto& value = values[series.metric];
    step.insert(step.end(), series.step.begin(), series.step.end());
    value.insert(value.end(), series.value.begin(), series.value.end());
    if (!series.packed.has_value()) return;
    ++num_packed;
    for (std::size_t i = 0; i < series.packed->size(); ++i) {
      step.push_back(series.packed->step.integer(i));
      value.push_back(series.packed->value.real(i));
    }
  }

  void expect_counting(const std::string& metric, std::int64_t count) {
    ASSERT_EQ(steps[metric].size(), static_cast<std::size_t>(count)) << metric;
    for (std::int64_t i = 0; i < count; ++i) ASSERT_EQ(steps[metric][static_cast<size_t>(i)], i);
  }
};

TEST(WantedSamples, AreReadAndTheOthersLeftOnDisk) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  const auto writer = open_writer(path);
  for (std::int64_t step = 0; step < 9000; ++step) {
    writer->scalar("a", at(step), 1.0);
    writer->scalar("b", at(step), 2.0);
    if (step % 3000 == 0) writer->scalar("c", at(step), 3.0);
  }
  ASSERT_TRUE(writer->flush().ok());
  const auto reader = open_reader(path);
  Window window;
  window.poll_all(*reader, {"b", "unknown"});
  EXPECT_EQ(window.available, (std::vector<std::string>{"a", "b", "c"}));
  window.expect_counting("b", 9000);
  EXPECT_EQ(window.num_packed, 2U);
  EXPECT_EQ(window.steps.size(), 1U);
  window.poll_all(*reader, {"a", "b"});  // wanted later: everything from the start, the rest once
  window.expect_counting("a", 9000);
  window.expect_counting("b", 9000);
  for (std::int64_t step = 9000; step < 13'000; ++step) writer->scalar("a", at(step), 1.0);
  writer->scalar("d", at(1), 1.0);
  ASSERT_TRUE(writer->flush().ok());
  window.poll_all(*reader, {"a", "b", "d"});
  window.expect_counting("a", 13'000);
  window.expect_counting("b", 9000);
  EXPECT_EQ(window.steps["d"].size(), 1U);
  EXPECT_EQ(window.available.back(), "d");
  EXPECT_TRUE(reader->poll(std::vector<std::string>{"a", "b", "d"})->empty());
  EXPECT_FALSE(window.was_reset);
}

TEST(WantedSamples, ComeOnceEachWhileAWriterFolds) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  const auto writer = open_writer(path);
  std::thread writing([&] {
    write_concurrently(*writer);
    EXPECT_TRUE(writer->flush().ok());
  });
  const auto reader = open_reader(path);
  Window window;
  const double begun = system_clock().monotonic_seconds();
  while (window.steps["a"].size() < kConcurrentSteps &&
         system_clock().monotonic_seconds() - begun < 60.0) {
    // The second metric is wanted in the middle of everything.
    const bool is_late = window.steps["a"].size() > kConcurrentSteps / 2;
    window.poll_all(*reader,
                    is_late ? std::vector<std::string>{"a", "b"} : std::vector<std::string>{"a"});
  }
  writing.join();
  window.poll_all(*reader, {"b", "a"});
  window.expect_counting("a", kConcurrentSteps);
  window.expect_counting("b", kConcurrentSteps);
}

TEST(WantedSamples, FollowResumesAndRollbacks) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  auto writer = open_writer(path);
  for (std::int64_t step = 0; step < 9000; ++step) writer->scalar("x", at(step), 0.0);
  ASSERT_TRUE(writer->flush().ok());
  const auto reader = open_reader(path);
  Window window;
  window.poll_all(*reader, {"x"});
  writer.reset();
  writer = open_writer(path, 1, 5000);  // a rollback: the middle of the second chunk is void
  for (std::int64_t step = 5001; step < 10'000; ++step) writer->scalar("x", at(step), 1.0);
  ASSERT_TRUE(writer->flush().ok());
  window.poll_all(*reader, {"x"});
  EXPECT_TRUE(window.was_reset);
  window.expect_counting("x", 10'000);
  EXPECT_EQ(window.values["x"][5000], 0.0);
  EXPECT_EQ(window.values["x"][5001], 1.0);
  writer.reset();
  writer = open_writer(path, 1, 7000);  // a resume
  writer->scalar("x", at(7001), 2.0);
  ASSERT_TRUE(writer->flush().ok());
  window.poll_all(*reader, {"x"});
  window.expect_counting("x", 7002);
  EXPECT_EQ(window.values["x"].back(), 2.0);
}

TEST(WantedSamples, NoPollHoldsATransactionLong) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  const auto writer = open_writer(path);
  std::mt19937_64 random(1);
  for (std::int64_t step = 0; step < 150'000; ++step)
    writer->scalar("x", at(step), std::bit_cast<double>(random() >> 2));
  ASSERT_TRUE(writer->flush().ok());
  Window window;
  window.poll_all(*open_reader(path), {"x"});
  window.expect_counting("x", 150'000);
  EXPECT_LT(window.longest_poll, 0.1);
}

TEST(Store, StaysSmallOnDisk) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  auto writer = open_writer(path);
  std::mt19937 random(2);
  std::normal_distribution<double> normal(0.0, 1.0);
  double seconds = 0.0;
  constexpr std::int64_t kSamples = 40 * static_cast<std::int64_t>(kChunkSamples);
  for (std::int64_t step = 0; step < kSamples; ++step) {
    seconds += 0.02 + 0.001 * std::abs(normal(random));
    writer->scalar(
        "x",
        {step, step * 768, std::round(seconds * 1e6) / 1e6, static_cast<double>(step) * 3.1e10},
        2.0 + normal(random));
  }
  ASSERT_TRUE(writer->flush().ok());
  writer.reset();
  SQLite::Database database(path, SQLite::OPEN_READONLY);
  const auto bytes =
      database.execAndGet("SELECT sum(length(samples)) FROM scalar_chunk").getInt64();
  EXPECT_LE(static_cast<double>(bytes) / static_cast<double>(kSamples), 12.0);
}

/// Chunks as version 1 stored them: six columns of eight bytes.
std::string plain_bytes(const std::vector<StoredScalar>& samples) {
  std::string bytes;
  const auto add = [&](auto member) {
    for (const StoredScalar& sample : samples) {
      const auto word = member(sample);
      bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
  };
  add([](const StoredScalar& s) { return s.sequence; });
  add([](const StoredScalar& s) { return s.at.step; });
  add([](const StoredScalar& s) { return s.at.tokens; });
  add([](const StoredScalar& s) { return s.at.seconds; });
  add([](const StoredScalar& s) { return s.at.flops; });
  add([](const StoredScalar& s) { return s.value; });
  return bytes;
}

std::vector<StoredScalar> some_samples(std::size_t count) {
  std::mt19937_64 random(7);
  std::vector<StoredScalar> samples(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto step = static_cast<std::int64_t>(i);
    samples[i] = {step * 3 + static_cast<std::int64_t>(random() % 2),
                  at(step),
                  std::bit_cast<double>(random())};
  }
  return samples;
}

TEST(Chunk, ReadsBothVersionsToTheSameSamples) {
  const std::vector<StoredScalar> samples = some_samples(1000);
  const auto packed = samples_from_bytes(bytes_from_samples(samples), 1000);
  const auto plain = samples_from_bytes(plain_bytes(samples), 1000);
  ASSERT_TRUE(packed.ok());
  ASSERT_TRUE(plain.ok());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (const auto* read : {&*packed, &*plain}) {
      EXPECT_EQ((*read)[i].sequence, samples[i].sequence);
      EXPECT_EQ((*read)[i].at.tokens, samples[i].at.tokens);
      EXPECT_EQ((*read)[i].at.seconds, samples[i].at.seconds);
      EXPECT_EQ(std::bit_cast<std::uint64_t>((*read)[i].value),
                std::bit_cast<std::uint64_t>(samples[i].value));
    }
  }
}

TEST(Chunk, RefusesOrReadsEveryMutationOfItsBytes) {
  std::mt19937 random(8);
  const std::vector<StoredScalar> samples = some_samples(64);
  for (const std::string& good : {bytes_from_samples(samples), plain_bytes(samples)}) {
    for (int trial = 0; trial < 5000; ++trial) {
      std::string bad = good;
      for (unsigned k = 0; k <= random() % 4; ++k)
        bad[random() % bad.size()] = static_cast<char>(random());
      if (random() % 4 == 0) bad.resize(random() % bad.size());
      const std::int64_t count =
          trial % 3 == 0 ? static_cast<std::int64_t>(random()) - (1 << 20) : 64;
      const auto read = samples_from_bytes(bad, count);
      if (read.ok()) {
        EXPECT_EQ(read->size(), static_cast<std::size_t>(count));
      } else {
        EXPECT_EQ(read.error().code, ErrorCode::kInputFile);
      }
    }
  }
}

/// Turns a store into what the program wrote when its version was 1.
void make_old(const std::string& path) {
  SQLite::Database database(path, SQLite::OPEN_READWRITE);
  SQLite::Statement chunks(database, "SELECT id, num_samples, samples FROM scalar_chunk");
  SQLite::Statement set(database, "UPDATE scalar_chunk SET samples = ?, crc32c = ? WHERE id = ?");
  while (chunks.executeStep()) {
    const SQLite::Column blob = chunks.getColumn(2);
    const auto samples =
        samples_from_bytes(std::string_view(static_cast<const char*>(blob.getBlob()),
                                            static_cast<std::size_t>(blob.getBytes())),
                           chunks.getColumn(1).getInt64());
    ASSERT_TRUE(samples.ok());
    const std::string bytes = plain_bytes(*samples);
    set.bind(1, static_cast<const void*>(bytes.data()), static_cast<int>(bytes.size()));
    set.bind(2, static_cast<std::int64_t>(crc32c(bytes)));
    set.bind(3, chunks.getColumn(0).getInt64());
    set.exec();
    set.reset();
  }
  database.exec("DROP TABLE routing_probe");
  database.exec("PRAGMA user_version = 1");
}

int version_of(const std::string& path) {
  return SQLite::Database(path, SQLite::OPEN_READONLY).execAndGet("PRAGMA user_version").getInt();
}

TEST(Store, ReadsAndContinuesStoresOfVersionOne) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  auto writer = open_writer(path);
  for (std::int64_t step = 0; step < 9000; ++step)
    writer->scalar("x", at(step), step == 77 ? std::nan("") : 0.5 * static_cast<double>(step));
  ASSERT_TRUE(writer->flush().ok());
  writer.reset();
  make_old(path);
  EXPECT_EQ(version_of(path), 1);
  const Delta before = poll(*open_reader(path));
  ASSERT_EQ(steps_of(before, "x").size(), 9000U);
  EXPECT_TRUE(std::isnan(find(before, "x")->value[77]));
  EXPECT_TRUE(open_reader(path)->verify()->empty());
  EXPECT_EQ(version_of(path), 1) << "reading must not change a run";
  writer = open_writer(path, 0, 8999);
  for (std::int64_t step = 9000; step < 13'000; ++step) writer->scalar("x", at(step), 0.0);
  ASSERT_TRUE(writer->flush().ok());
  EXPECT_EQ(version_of(path), 3) << "an old program must refuse what it cannot read";
  const auto reader = open_reader(path);
  Window window;
  window.poll_all(*reader, {"x"});
  window.expect_counting("x", 13'000);
  EXPECT_EQ(window.values["x"][5000], 2500.0);
  EXPECT_TRUE(reader->verify()->empty());
}

}  // namespace
}  // namespace switchyard::store
