// What plots show must be what was measured: pyramid, decimation, smoothing, bounded maps.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "ui/plot/decimate.h"
#include "ui/plot/map_columns.h"
#include "ui/plot/plot_group.h"
#include "ui/plot/pyramid.h"
#include "ui/plot/smooth.h"

namespace switchyard::ui {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<double> noise(std::size_t count, unsigned seed, double bad_share = 0.0) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0.0, 1.0);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  std::vector<double> values(count);
  for (double& v : values) {
    v = normal(random);
    if (uniform(random) < bad_share) v = uniform(random) < 0.5 ? kNaN : HUGE_VAL;
  }
  return values;
}

std::vector<double> counting(std::size_t count) {
  std::vector<double> x(count);
  for (std::size_t i = 0; i < count; ++i) x[i] = static_cast<double>(i);
  return x;
}

Extent brute_force(const std::vector<double>& values, std::size_t first, std::size_t last) {
  Extent extent;
  for (std::size_t i = first; i < last; ++i) extent.add(values[i]);
  return extent;
}

void expect_same(const Extent& a, const Extent& b) {
  EXPECT_EQ(a.num_finite, b.num_finite);
  EXPECT_EQ(a.num_bad, b.num_bad);
  if (a.num_finite > 0) {
    EXPECT_EQ(a.min, b.min);
    EXPECT_EQ(a.max, b.max);
  }
}

TEST(Pyramid, AnswersEveryRangeExactly) {
  std::mt19937 random(11);
  for (const std::size_t count : {0UL, 1UL, 15UL, 16UL, 17UL, 64UL, 65UL, 320UL, 321UL, 5000UL}) {
    const std::vector<double> values = noise(count, 3, 0.05);
    const Values series(values);
    for (int trial = 0; trial < 200; ++trial) {
      std::size_t a = count == 0 ? 0 : random() % (count + 1),
                  b = count == 0 ? 0 : random() % (count + 1);
      if (a > b) std::swap(a, b);
      SCOPED_TRACE(testing::Message() << count << " samples, [" << a << ", " << b << ")");
      expect_same(series.range(a, b), brute_force(values, a, b));
    }
  }
}

TEST(Pyramid, GrowsSampleBySampleToTheSameAnswers) {
  const std::vector<double> values = noise(1500, 5, 0.02);
  Values grown;
  for (std::size_t n = 1; n <= values.size(); n += n < 100 ? 1 : 37) {
    while (grown.size() < n) grown.append(values[grown.size()]);
    expect_same(grown.range(0, n), brute_force(values, 0, n));
    expect_same(grown.range(n / 3, n - n / 5), brute_force(values, n / 3, n - n / 5));
  }
}

TEST(Pyramid, FindsExtremesAtTheEndsOfARange) {
  // Rising and falling values have their extremes in the ragged ends, where nodes are looked into.
  std::vector<double> values(70'000);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::abs(static_cast<double>(i) - 30'000.5);
  values[123] = values[65'000] = kNaN;
  const Values series(values);
  std::mt19937 random(4);
  for (int trial = 0; trial < 2000; ++trial) {
    std::size_t a = random() % values.size(), b = random() % values.size();
    if (a > b) std::swap(a, b);
    SCOPED_TRACE(testing::Message() << "[" << a << ", " << b << ")");
    expect_same(series.range(a, b), brute_force(values, a, b));
  }
}

TEST(Pyramid, CostsAtMostAThirdOfItsSamples) {
  const std::vector<double> values = noise(100'000, 1);
  EXPECT_LT(Values(values).memory_bytes(), values.size() * sizeof(double) * 4 / 3);
}

/// Extremes of what was drawn inside one pixel column.
struct Drawn {
  double min = HUGE_VAL, max = -HUGE_VAL;
};

void expect_exact_columns(const std::vector<double>& x,
                          const std::vector<double>& y,
                          const ViewRange& view) {
  Decimated out;
  decimate(x, Values(y), view, out);
  const auto columns = static_cast<std::size_t>(view.num_columns);
  std::vector<Drawn> drawn(columns);
  std::vector<Extent> truth(columns);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] >= view.x_min && x[i] <= view.x_max)
      truth[static_cast<std::size_t>(view.column(x[i]))].add(y[i]);
  }
  for (std::size_t i = 0; i < out.x.size(); ++i) {
    if (std::isnan(out.y[i]) || out.x[i] < view.x_min || out.x[i] > view.x_max) continue;
    Drawn& d = drawn[static_cast<std::size_t>(view.column(out.x[i]))];
    d.min = std::min(d.min, out.y[i]);
    d.max = std::max(d.max, out.y[i]);
  }
  for (std::size_t c = 0; c < columns; ++c) {
    if (truth[c].num_finite == 0) continue;
    EXPECT_EQ(drawn[c].min, truth[c].min) << "column " << c;
    EXPECT_EQ(drawn[c].max, truth[c].max) << "column " << c;
  }
  std::size_t points = 0;
  for (const double v : out.y) points += std::isnan(v) ? 0 : 1;
  EXPECT_LE(points, 2 * columns + 2);
}

TEST(Decimate, DrawsTheExtremesOfEveryPixelColumn) {
  const std::vector<double> x = counting(20'000), y = noise(20'000, 21);
  for (const int columns : {1, 7, 64, 333, 1024}) {
    expect_exact_columns(x, y, {0.0, 19'999.5, columns, false});
    expect_exact_columns(x, y, {1234.5, 5678.25, columns, false});
    expect_exact_columns(x, y, {10.0, 19'999.5, columns, true});
  }
}

TEST(Decimate, FindsTheEdgesOfUnevenPositions) {
  // Packed and open blocks, pauses, many samples at one place: as seconds and restarts are.
  Series series("loss");
  std::mt19937 random(8);
  std::vector<double> x;
  double seconds = 0.0;
  for (int i = 0; i < 30'000; ++i) {
    const double pause = 1e-6 * static_cast<double>(random() % 40'000);
    seconds += i % 9000 == 8999 ? 5000.0 : (i % 700 < 50 ? 0.0 : pause);
    series.append({i, i, seconds, 0.0}, 1.0);
    x.push_back(seconds);
  }
  const Column column(series, XAxis::kSeconds);
  for (int trial = 0; trial < 100; ++trial) {
    const double from = seconds * static_cast<double>(random() % 1000) * 1e-3;
    const ViewRange view{from - 1.0, from + seconds * (trial % 2 == 0 ? 0.5 : 1e-4), 300};
    ColumnEdges edges;
    find_edges(column, view, edges);
    const auto index = [&](double value) {
      return static_cast<std::size_t>(std::lower_bound(x.begin(), x.end(), value) - x.begin());
    };
    EXPECT_EQ(
        edges.end,
        static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), view.x_max) - x.begin()));
    std::vector<std::size_t> truth;
    for (int c = 0; c < view.num_columns; ++c) {
      const std::size_t first = index(c == 0 ? view.x_min : view.edge(c));
      const std::size_t last = c + 1 == view.num_columns ? edges.end : index(view.edge(c + 1));
      if (first < last) truth.push_back(first);
    }
    EXPECT_EQ(edges.first, truth) << "trial " << trial;
  }
}

TEST(Decimate, EndsWhereTheValuesEnd) {
  const std::vector<double> x = counting(1000);
  const Values y(noise(600, 2));  // of a line that is still being smoothed
  const ViewRange view{0.0, 999.0, 100};
  ColumnEdges edges;
  find_edges(x, view, edges);
  Decimated out;
  decimate(x, y, edges, out);
  ASSERT_FALSE(out.x.empty());
  EXPECT_LT(out.x.back(), 600.0);
  EXPECT_EQ(out.visible.num_finite, 600U);
}

TEST(PlotGroup, GrowsInRoundStepsWhileMoreIsToCome) {
  PlotGroup group;
  group.is_growing = true;
  int num_changes = 0;
  for (int step = 10; step <= 2000; step += 10) {
    const double before = group.x_max;
    group.begin_frame();
    group.include(0.0, step);
    group.update_range();
    EXPECT_GE(group.x_max, step);
    EXPECT_LE(group.x_max, step * 1.1 + 1.0);
    num_changes += group.x_max != before ? 1 : 0;
  }
  EXPECT_EQ(group.x_max, 2000.0);
  EXPECT_LE(num_changes, 60);
  group.is_growing = false;
  group.begin_frame();
  group.include(0.0, 1990.0);
  group.update_range();
  EXPECT_EQ(group.x_max, 1990.0) << "at its end a run fills the plot";
}

TEST(PlotGroup, LetsLinesWaitInTurnWhileTheViewMoves) {
  constexpr int kLines = 100, kColumns = 400;
  constexpr int kTurns = kLines * kColumns / PlotGroup::kColumnBudget + 1;
  PlotGroup group;
  std::vector<std::int64_t> reduced(kLines, 0);
  std::int64_t longest = 0;
  for (int frame = 0; frame < 50; ++frame) {  // every line shows another part in every frame
    group.begin_frame();
    int columns = 0;
    for (std::int64_t& line : reduced) {
      if (!group.may_reduce(line, kColumns)) continue;
      if (frame > kTurns) longest = std::max(longest, group.frame - line);
      line = group.frame;
      columns += kColumns;
    }
    EXPECT_GT(columns, 0);
    EXPECT_LT(columns, PlotGroup::kColumnBudget + kColumns);
  }
  EXPECT_LE(longest, kTurns) << "nobody is left behind";
  std::vector<bool> is_exact(kLines, false);
  for (int frame = 0; frame < kTurns; ++frame) {  // at rest
    group.begin_frame();
    for (std::size_t i = 0; i < kLines; ++i)
      is_exact[i] = is_exact[i] || group.may_reduce(reduced[i], kColumns);
  }
  EXPECT_EQ(std::count(is_exact.begin(), is_exact.end(), true), kLines);
}

TEST(Decimate, NeverLosesASpike) {
  std::vector<double> y(100'000, 1.0);
  const std::vector<double> x = counting(y.size());
  std::mt19937 random(2);
  for (int trial = 0; trial < 50; ++trial) {
    const std::size_t at = random() % y.size();
    y[at] = 50.0;
    Decimated out;
    decimate(x, Values(y), {0.0, 99'999.0, 300, false}, out);
    EXPECT_EQ(*std::max_element(out.y.begin(), out.y.end()), 50.0) << "spike at " << at;
    EXPECT_EQ(out.visible.max, 50.0);
    y[at] = 1.0;
  }
}

TEST(Decimate, ShowsEverySampleWhenThereIsRoom) {
  const std::vector<double> x = counting(50), y = noise(50, 9);
  Decimated out;
  decimate(x, Values(y), {0.0, 49.0, 500, false}, out);
  EXPECT_EQ(out.x, x);
  EXPECT_EQ(out.y, y);
  EXPECT_LE(out.samples_per_column, 1.0);
}

TEST(Decimate, InterruptsTheLineAtWhatIsNotFinite) {
  const std::vector<double> x = counting(9);
  const std::vector<double> y = {1.0, 2.0, kNaN, 3.0, HUGE_VAL, -HUGE_VAL, 4.0, 5.0, kNaN};
  Decimated out;
  decimate(x, Values(y), {0.0, 8.0, 400, false}, out);
  std::uint32_t bad = 0;
  for (const BadTick& tick : out.bad) bad += tick.count;
  EXPECT_EQ(bad, 4U);
  for (std::size_t i = 1; i < out.y.size(); ++i) {  // no two neighbours across a hole
    if (std::isnan(out.y[i]) || std::isnan(out.y[i - 1])) continue;
    EXPECT_EQ(out.x[i] - out.x[i - 1], 1.0);
  }
}

TEST(Decimate, KeepsTheNeighboursOutsideTheView) {
  const std::vector<double> x = counting(100), y = counting(100);
  Decimated out;
  decimate(x, Values(y), {40.2, 40.8, 100, false}, out);
  EXPECT_EQ(out.x, (std::vector<double>{40.0, 41.0}));
}

TEST(Decimate, TakesIntegerPositionsThatRepeat) {
  const std::vector<std::int64_t> x = {0, 0, 1, 1, 1, 2, 5, 5, 5, 5};
  const std::vector<double> y = noise(x.size(), 4);
  Decimated out;
  decimate(x, Values(y), {0.0, 5.0, 10, false}, out);
  EXPECT_EQ(out.visible.num_finite, x.size());
}

TEST(Decimate, ShowsNothingOfNothing) {
  Decimated out;
  decimate(Column(), {}, {0.0, 1.0, 100, false}, out);
  EXPECT_TRUE(out.x.empty());
  EXPECT_TRUE(out.visible.empty());
}

TEST(Smoother, StartsWithoutBias) {
  const std::vector<double> x = {10, 20, 30, 40}, y = {5, 5, 5, 5};
  Smoother smoother(0.99);
  smoother.update(x, y);
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(smoother.values()[i], 5.0, 1e-12);
}

TEST(Smoother, MatchesTheWeightedMean) {
  const std::vector<double> x = {0, 10, 20, 30, 40, 50}, y = {3, 1, 4, 1, 5, 9};
  const double w = 0.8;
  Smoother smoother(w);
  smoother.update(x, y);
  for (std::size_t n = 0; n < y.size(); ++n) {
    double sum = 0.0, mass = 0.0;
    for (std::size_t i = 0; i <= n; ++i) {
      const double weight = std::pow(w, static_cast<double>(n - i));
      sum += weight * y[i];
      mass += weight;
    }
    EXPECT_NEAR(smoother.values()[n], sum / mass, 1e-12);
  }
}

TEST(Smoother, AgreesBetweenLoggingIntervals) {
  std::vector<double> x_fine, y_fine, x_coarse, y_coarse;
  for (int step = 1; step <= 4000; ++step) {
    const double value = 2.0 + 3.0 * std::exp(-step / 900.0);
    x_fine.push_back(step), y_fine.push_back(value);
    if (step % 10 == 0) x_coarse.push_back(step), y_coarse.push_back(value);
  }
  Smoother fine(0.9), coarse(0.9);
  fine.update(x_fine, y_fine);
  coarse.update(x_coarse, y_coarse);
  EXPECT_NEAR(fine.values().back(), coarse.values().back(), 2e-3);
}

TEST(Smoother, ContinuesAsIfItHadSeenAllAtOnce) {
  const std::vector<double> x = counting(300), y = noise(300, 8, 0.1);
  Smoother whole(0.95), parts(0.95);
  whole.update(x, y);
  for (std::size_t n = 1; n <= x.size(); n += 13)
    parts.update(std::span(x).first(n), std::span(y).first(n));
  parts.update(x, y);
  ASSERT_EQ(whole.values().size(), parts.values().size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(whole.values()[i])) {
      EXPECT_FALSE(std::isfinite(y[i]));
    } else {
      EXPECT_EQ(whole.values()[i], parts.values()[i]);
    }
  }
}

TEST(Smoother, ReturnsTheSamplesAtWeightZero) {
  const std::vector<double> x = counting(20), y = noise(20, 6);
  Smoother smoother(0.0);
  smoother.update(x, y);
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_DOUBLE_EQ(smoother.values()[i], y[i]);
}

store::Position at_step(std::int64_t step) {
  return {step, step * 768, static_cast<double>(step) * 0.1, static_cast<double>(step) * 1e9};
}

TEST(MapColumns, StaysBoundedAndKeepsMeanAndMaximum) {
  MapColumns map;
  constexpr int kSamples = 10'000;
  double sum = 0.0;
  for (int i = 0; i < kSamples; ++i) {
    const float spike = i == 7777 ? 1000.0F : 1.0F;
    sum += static_cast<double>(spike);
    map.append(at_step(i), std::vector<float>{spike, static_cast<float>(i)});
  }
  EXPECT_LE(map.num_columns(), MapColumns::kMaxColumns);
  EXPECT_EQ(map.stride, 8);
  std::int64_t total = 0;
  double weighted = 0.0;
  float highest = 0.0F;
  for (std::size_t c = 0; c < map.num_columns(); ++c) {
    total += map.count[c];
    weighted += static_cast<double>(map.mean_of(c)[0]) * static_cast<double>(map.count[c]);
    highest = std::max(highest, map.max_of(c)[0]);
    if (c > 0) {
      EXPECT_EQ(map.first[c].step, map.last[c - 1].step + 1);
    }
  }
  EXPECT_EQ(total, kSamples);
  EXPECT_NEAR(weighted, sum, sum * 1e-5);
  EXPECT_EQ(highest, 1000.0F);
}

TEST(MapColumns, RejectsSamplesOfAnotherShape) {
  MapColumns map;
  map.append(at_step(0), std::vector<float>{1, 2, 3});
  map.append(at_step(1), std::vector<float>{1, 2});
  EXPECT_EQ(map.num_columns(), 1U);
  EXPECT_EQ(map.num_rejected, 1);
}

TEST(PlotGroup, FollowsUntilTheUserZooms) {
  PlotGroup group;
  group.begin_frame();
  group.include(0, 100);
  group.update_range();
  EXPECT_EQ(group.x_max, 100.0);
  group.is_following = false;
  group.x_min = 20, group.x_max = 30;
  group.begin_frame();
  group.include(0, 200);
  group.update_range();
  EXPECT_EQ(group.x_max, 30.0);
  group.fit();
  group.update_range();
  EXPECT_EQ(group.x_max, 200.0);
}

TEST(PlotGroup, FindsPlacesOfStepsOnOtherAxes) {
  Series series("loss");
  series.append({10, 100, 1.0, 1e3}, 0.0);
  series.append({20, 200, 2.0, 2e3}, 0.0);
  series.append({30, 300, 4.0, 3e3}, 0.0);
  EXPECT_DOUBLE_EQ(x_at_step(series, XAxis::kTokens, 15), 150.0);
  EXPECT_DOUBLE_EQ(x_at_step(series, XAxis::kSeconds, 25), 3.0);
  EXPECT_DOUBLE_EQ(x_at_step(series, XAxis::kSeconds, 99), 4.0);
  EXPECT_DOUBLE_EQ(x_at_step(series, XAxis::kTokens, 5), 50.0);
}

}  // namespace
}  // namespace switchyard::ui
