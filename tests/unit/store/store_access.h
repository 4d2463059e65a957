#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "engine/base/store/run_store.h"

namespace switchyard::store {

// What tests of the run store share: opening that fails the test, and a writer in a hurry.

inline Position at(std::int64_t step) {
  return {step, step * 768, 0.25 * static_cast<double>(step), 1e9 * static_cast<double>(step)};
}

inline std::unique_ptr<Writer> open_writer(const std::string& path,
                                           int attempt = 0,
                                           std::int64_t after = -1) {
  auto writer = Writer::open(path, attempt, after);
  EXPECT_TRUE(writer.ok()) << (writer.ok() ? "" : writer.error().text());
  return writer.ok() ? std::move(writer).value() : nullptr;
}

inline std::unique_ptr<Reader> open_reader(const std::string& path) {
  auto reader = Reader::open(path);
  EXPECT_TRUE(reader.ok()) << (reader.ok() ? "" : reader.error().text());
  return reader.ok() ? std::move(reader).value() : nullptr;
}

inline Delta poll(Reader& reader) {
  auto delta = reader.poll();
  EXPECT_TRUE(delta.ok()) << (delta.ok() ? "" : delta.error().text());
  return delta.ok() ? std::move(delta).value() : Delta{};
}

inline const ScalarSeries* find(const Delta& delta, const std::string& metric) {
  for (const ScalarSeries& series : delta.scalars) {
    if (series.metric == metric) return &series;
  }
  return nullptr;
}

inline std::vector<std::int64_t> steps_of(const Delta& delta, const std::string& metric) {
  const ScalarSeries* series = find(delta, metric);
  return series == nullptr ? std::vector<std::int64_t>{} : series->step;
}

inline constexpr std::int64_t kConcurrentSteps = 30000;

inline void write_concurrently(Writer& writer) {
  for (std::int64_t step = 0; step < kConcurrentSteps; ++step) {
    writer.scalar("a", at(step), 1.0);
    writer.scalar("b", at(step), 2.0);
    if (step % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace switchyard::store
