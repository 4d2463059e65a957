// A series in memory: snapshots that share, bits that stay, few bytes, readers beside the writer.
#include "ui/plot/series.h"

#include <atomic>
#include <bit>
#include <cmath>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::ui {
namespace {

store::Position at_step(std::int64_t step) {
  return {step,
          step * 768,
          static_cast<double>(step * 101'003) / 1e6,
          static_cast<double>(step) * 3e10};
}

void expect_step(const Series& series, std::size_t i, std::int64_t step) {
  const store::Position at = at_step(step);
  EXPECT_EQ(series.step(i), at.step);
  EXPECT_EQ(series.tokens(i), at.tokens);
  EXPECT_EQ(series.seconds(i), at.seconds);
  EXPECT_EQ(series.flops(i), at.flops);
}

TEST(Series, KeepsEverySampleAcrossBlocks) {
  std::mt19937_64 random(1);
  std::vector<double> values(3 * kSeriesBlock + 17);
  for (double& v : values) v = std::bit_cast<double>(random());
  Series series("any");
  for (std::size_t i = 0; i < values.size(); ++i)
    series.append(at_step(static_cast<std::int64_t>(i) * 3), values[i]);
  ASSERT_EQ(series.size(), values.size());
  std::vector<double> read(values.size());
  series.values().read(0, read);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(series.value(i)),
              std::bit_cast<std::uint64_t>(values[i]));
    EXPECT_EQ(std::bit_cast<std::uint64_t>(read[i]), std::bit_cast<std::uint64_t>(values[i]));
    if (i % 97 == 0) expect_step(series, i, static_cast<std::int64_t>(i) * 3);
  }
  EXPECT_EQ(series.index_of_step(3 * 5000), 5000U);
  EXPECT_EQ(series.index_of_step(3 * 5000 - 1), 5000U);
  EXPECT_EQ(series.last().step, 3 * static_cast<std::int64_t>(values.size() - 1));
  std::vector<double> x(100);
  series.read_x(XAxis::kTokens, kSeriesBlock - 50, x);
  for (std::size_t i = 0; i < x.size(); ++i)
    EXPECT_EQ(x[i], series.x(XAxis::kTokens, kSeriesBlock - 50 + i));
}

TEST(Series, SnapshotsStayAsTheyWere) {
  Series series("loss");
  std::vector<Series> snapshots;
  for (int i = 0; i < 9000; ++i) {
    if (i % 500 == 0) snapshots.push_back(series);
    series.append(at_step(i), i);
  }
  series.truncate(4100);
  for (int i = 4100; i < 9000; ++i) series.append(at_step(i), -i);
  for (std::size_t s = 0; s < snapshots.size(); ++s) {
    ASSERT_EQ(snapshots[s].size(), s * 500);
    for (std::size_t i = 0; i < snapshots[s].size(); ++i)
      ASSERT_EQ(snapshots[s].value(i), static_cast<double>(i));
    if (s > 0) {
      EXPECT_EQ(snapshots[s].values().range(0, s * 500).max, static_cast<double>(s * 500 - 1));
    }
  }
  EXPECT_EQ(series.value(4099), 4099.0);
  EXPECT_EQ(series.value(4100), -4100.0);
  EXPECT_EQ(series.values().range(0, 9000).min, -8999.0);
}

TEST(Series, ForgetsFromAnyPlaceAndGoesOn) {
  for (const std::size_t keep : {0UL, 1UL, 15UL, 16UL, 300UL, 4095UL, 4096UL, 4097UL, 8192UL}) {
    Series series("loss");
    for (int i = 0; i < 9000; ++i) series.append(at_step(i), std::sin(i));
    series.truncate(keep);
    ASSERT_EQ(series.size(), keep);
    for (int i = 0; i < 5000; ++i)
      series.append(at_step(static_cast<std::int64_t>(keep) + i), std::cos(i));
    Extent truth;
    for (std::size_t i = 0; i < series.size(); ++i) {
      const double want =
          i < keep ? std::sin(static_cast<double>(i)) : std::cos(static_cast<double>(i - keep));
      ASSERT_EQ(series.value(i), want);
      truth.add(want);
      ASSERT_EQ(series.step(i), static_cast<std::int64_t>(i));
    }
    EXPECT_EQ(series.values().range(0, series.size()).max, truth.max);
    EXPECT_EQ(series.values().range(0, series.size()).min, truth.min);
  }
}

TEST(Series, SharesPositionsBetweenMetricsLoggedTogether) {
  const auto pool = std::make_shared<PositionPool>();
  store::PackedColumn::of_reals(std::vector<double>{});
  Series a("a", pool), b("b", pool);
  PositionBlock block{
      store::PackedColumn::of_integers(std::vector<std::int64_t>{1, 2}), {}, {}, {}};
  EXPECT_EQ(pool->shared(block), pool->shared(block));
  PositionBlock other{store::PackedColumn::of_integers(std::vector<std::int64_t>{1, 2}),
                      store::PackedColumn::of_integers(std::vector<std::int64_t>{5, 6}),
                      {},
                      {}};
  const auto kept = pool->shared(block);
  EXPECT_NE(kept, pool->shared(other));
}

TEST(Series, CostsFewBytesASample) {
  std::mt19937 random(4);
  std::normal_distribution<double> normal(0.0, 1.0);
  Values values;
  for (int i = 0; i < 400'000; ++i) values.append(2.0 + normal(random));  // all bits used
  EXPECT_LE(static_cast<double>(values.memory_bytes()) / 400'000.0, 10.6);
}

TEST(Series, IsReadWhileTheWriterAppends) {
  std::atomic<std::shared_ptr<const Series>> shown{std::make_shared<const Series>("loss")};
  std::atomic<bool> is_done{false};
  std::thread writer([&] {
    Series series("loss");
    for (int i = 0; i < 60'000; ++i) {
      series.append(at_step(i), i);
      if (i % 50 == 0) shown = std::make_shared<const Series>(series);
      if (i % 20'011 == 20'010) series.truncate(series.size() / 2);
    }
    is_done = true;
  });
  std::size_t most = 0;
  while (!is_done) {
    const std::shared_ptr<const Series> series = shown.load();
    const std::size_t n = series->size();
    most = std::max(most, n);
    if (n == 0) continue;
    const Extent extent = series->values().range(0, n);
    EXPECT_EQ(extent.num_finite, n);
    EXPECT_EQ(extent.max, series->last_value());
    (void)series->step(n - 1);
  }
  writer.join();
  EXPECT_GT(shown.load()->size(), 0U);
}

}  // namespace
}  // namespace switchyard::ui
