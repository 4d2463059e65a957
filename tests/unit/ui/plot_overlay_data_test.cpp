// What is computed for lines over lines: smoothing in axis units, shifts, seed bands, crosshair,
// statistics of a range.
#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "ui/model/distribution.h"
#include "ui/model/series_stats.h"
#include "ui/plot/decimate.h"
#include "ui/plot/plot_group.h"
#include "ui/plot/seed_band.h"
#include "ui/plot/smooth.h"

namespace switchyard::ui {
namespace {

Series logged_every(std::int64_t interval, std::int64_t steps, double (*value)(double)) {
  Series series("train_loss");
  for (std::int64_t step = interval; step <= steps; step += interval) {
    series.append(
        {step, step * 512, static_cast<double>(step) * 0.02, 3e9 * static_cast<double>(step)},
        value(static_cast<double>(step)));
  }
  return series;
}

double falling(double step) {
  return 2.0 + 3.0 * std::exp(-step / 400.0);
}

double smoothed_at(const Series& series, XAxis axis, double weight, std::int64_t step) {
  Smoother smoother(weight, smoothing_unit(axis, series));
  smoother.update(x_column(series, axis), series.values());
  return smoother.values()[series.index_of_step(step)];
}

TEST(Smoothing, IsTheSameWhateverTheLoggingInterval) {
  const Series fine = logged_every(1, 4000, falling), coarse = logged_every(10, 4000, falling);
  for (const XAxis axis : {XAxis::kSteps, XAxis::kTokens, XAxis::kSeconds, XAxis::kFlops}) {
    for (const std::int64_t step : {200, 1000, 3990}) {
      const double a = smoothed_at(fine, axis, 0.9, step);
      const double b = smoothed_at(coarse, axis, 0.9, step);
      EXPECT_NEAR(a, b, 0.02 * a) << "axis " << static_cast<int>(axis) << " step " << step;
    }
  }
}

TEST(Smoothing, IsTheSameWhateverTheZoom) {
  std::mt19937 random(3);
  std::normal_distribution<double> noise(3.0, 0.5);
  Series series("x");
  for (std::int64_t step = 1; step <= 30'000; ++step)
    series.append({step, step, 0.0, 0.0}, noise(random));
  Smoother smoother(0.9);
  smoother.update(x_column(series, XAxis::kSteps), series.values());
  Decimated near;
  decimate(x_column(series, XAxis::kSteps), smoother.values(), {10'000, 10'200, 800, false}, near);
  for (std::size_t i = 0; i < near.x.size(); ++i) {
    const std::size_t at = series.index_of_step(static_cast<std::int64_t>(near.x[i]));
    EXPECT_EQ(near.y[i], smoother.values()[at]);
  }
  Decimated far;
  decimate(x_column(series, XAxis::kSteps), smoother.values(), {0, 30'000, 300, false}, far);
  const Extent truth = smoother.values().range(0, smoother.values().size());
  EXPECT_EQ(far.visible.min, truth.min);
  EXPECT_EQ(far.visible.max, truth.max);
}

TEST(Smoothing, IsTheSameInSlicesAsAtOnce) {
  const Series series = logged_every(3, 30'000, falling);
  Smoother whole(0.9), sliced(0.9);
  const Column x = x_column(series, XAxis::kSteps);
  EXPECT_EQ(whole.update(x, series.values()), series.size());
  while (sliced.update(x, series.values(), 777) > 0) {
  }
  ASSERT_EQ(sliced.values().size(), series.size());
  for (std::size_t i = 0; i < series.size(); i += 97)
    EXPECT_EQ(sliced.values()[i], whole.values()[i]);
}

TEST(Smoothing, HasARoundUnitOnEveryAxis) {
  const Series series = logged_every(5, 1000, falling);
  EXPECT_EQ(smoothing_unit(XAxis::kSteps, series), 10.0);
  EXPECT_EQ(smoothing_unit(XAxis::kTokens, series), 5000.0);  // 5,120 tokens in 10 steps
  EXPECT_NEAR(smoothing_unit(XAxis::kSeconds, series), 0.2, 1e-12);
  EXPECT_NEAR(smoothing_unit(XAxis::kFlops, series), 2e10, 1.0);
  EXPECT_GT(smoothing_unit(XAxis::kTokens, Series()), 0.0);
}

TEST(Decimate, DrawsAShiftedSeriesAtItsNewPlace) {
  const Series series = logged_every(1, 1000, falling);
  Decimated plain, shifted;
  const Column x = x_column(series, XAxis::kSteps);
  decimate(x, series.values(), {100.0, 300.0, 200, false}, plain);
  decimate(x, series.values(), {5100.0, 5300.0, 200, false, 5000.0}, shifted);
  ASSERT_EQ(plain.x.size(), shifted.x.size());
  for (std::size_t i = 0; i < plain.x.size(); ++i) {
    EXPECT_NEAR(shifted.x[i], plain.x[i] + 5000.0, 1e-9);
    EXPECT_EQ(shifted.y[i], plain.y[i]);
  }
}

TEST(SeedBand, IsMeanAndSpreadOfItsMembers) {
  const auto one = [](double) { return 1.0; };
  const auto three = [](double) { return 3.0; };
  const Series a = logged_every(1, 100, one), b = logged_every(4, 80, three);
  const SeedMember members[] = {{x_column(a, XAxis::kSteps), &a.values(), 0.0},
                                {x_column(b, XAxis::kSteps), &b.values(), 0.0}};
  const SeedBand band = seed_band(members);
  ASSERT_FALSE(band.x.empty());
  EXPECT_EQ(band.x.front(), 4.0) << "only where all have data";
  EXPECT_EQ(band.x.back(), 80.0);
  for (std::size_t i = 0; i < band.x.size(); ++i) {
    EXPECT_DOUBLE_EQ(band.mean[i], 2.0);
    EXPECT_NEAR(band.high[i] - band.low[i], 2.0 * std::sqrt(2.0), 1e-12);
  }
  const BandArea area = decimate_band(band, {0.0, 100.0, 50, false});
  ASSERT_FALSE(area.x.empty());
  for (std::size_t i = 0; i < area.x.size(); ++i) EXPECT_LT(area.low[i], area.high[i]);
  EXPECT_TRUE(seed_band({}).x.empty());
}

TEST(SeedBand, ReadsBetweenTheSamplesOfTheOthers) {
  const auto line = [](double step) { return step; };
  const Series a = logged_every(1, 60, line), b = logged_every(20, 60, line);
  const SeedMember members[] = {{x_column(a, XAxis::kSteps), &a.values(), 0.0},
                                {x_column(b, XAxis::kSteps), &b.values(), 0.0}};
  const SeedBand band = seed_band(members);
  for (std::size_t i = 0; i < band.x.size(); ++i) EXPECT_NEAR(band.mean[i], band.x[i], 1e-9);
}

TEST(PlotGroup, MovesTheCrosshairByKeyAndLetsItGo) {
  PlotGroup group;
  group.include(0.0, 1000.0);
  group.update_range();
  EXPECT_FALSE(group.has_cursor());
  group.step_cursor(1);
  group.begin_frame();
  ASSERT_TRUE(group.has_cursor());
  const double first = group.cursor;
  EXPECT_GT(first, 500.0);
  group.step_cursor(-10);
  group.begin_frame();
  EXPECT_LT(group.cursor, first);
  group.step_cursor(-10'000);
  group.begin_frame();
  EXPECT_EQ(group.cursor, 0.0) << "stays inside";
  group.begin_frame();  // nobody holds it
  EXPECT_FALSE(group.has_cursor());
}

TEST(PlotGroup, ZoomsAroundThePlaceThatIsLookedAt) {
  PlotGroup group;
  group.include(0.0, 1000.0);
  group.update_range();
  group.zoom(0.5, 250.0);
  EXPECT_FALSE(group.is_following);
  EXPECT_DOUBLE_EQ(group.x_min, 125.0);
  EXPECT_DOUBLE_EQ(group.x_max, 625.0);
  group.set_axis(XAxis::kTokens);
  EXPECT_TRUE(group.is_following);
  group.is_log_x = true;
  group.x_min = 1.0;
  group.x_max = 10'000.0;
  group.zoom(0.5, 100.0);
  EXPECT_NEAR(group.x_min, 10.0, 1e-9);
  EXPECT_NEAR(group.x_max, 1000.0, 1e-6);
}

TEST(PlotGroup, FindsTheSameMomentOnAnotherAxis) {
  const Series series = logged_every(10, 1000, falling);
  EXPECT_NEAR(x_on_axis(series, XAxis::kSteps, XAxis::kTokens, 505.0), 505.0 * 512.0, 1e-6);
  EXPECT_NEAR(x_on_axis(series, XAxis::kTokens, XAxis::kSteps, 505.0 * 512.0), 505.0, 1e-9);
  EXPECT_EQ(x_on_axis(series, XAxis::kTokens, XAxis::kSteps, 1e12), 1000.0);
}

TEST(Distribution, CountsWhatIsVisible) {
  Series series("x");
  for (std::int64_t step = 1; step <= 1000; ++step)
    series.append({step, step, 0.0, 0.0}, static_cast<double>(step));
  const auto [first, last] = visible_samples(series, XAxis::kSteps, 101.0, 200.0);
  EXPECT_EQ(first, 100U);
  EXPECT_EQ(last, 200U);
  const Distribution part = distribution_of(series.values(), first, last);
  EXPECT_EQ(part.num_values, 100U);
  EXPECT_DOUBLE_EQ(part.median, 150.5);
  EXPECT_NEAR(part.percentile_5, 105.95, 1e-9);
  EXPECT_EQ(*std::max_element(part.bins.begin(), part.bins.end()), 1.0F);
  const SeriesStats stats = series_stats(series, first, last);
  EXPECT_EQ(stats.last, 200.0);
  EXPECT_EQ(stats.minimum, 101.0);
  EXPECT_EQ(distribution_of(Values(), 0, 0).num_values, 0U);
}

TEST(Distribution, IsNotSqueezedByAnOutlier) {
  Values values;
  for (int i = 0; i < 2000; ++i) values.append(i == 1000 ? 1e12 : static_cast<double>(i % 100));
  const Distribution spread = distribution_of(values, 0, values.size());
  EXPECT_LT(spread.high, 200.0);
  const auto filled =
      std::count_if(spread.bins.begin(), spread.bins.end(), [](float bin) { return bin > 0.0F; });
  EXPECT_GT(filled, 20);
}

}  // namespace
}  // namespace switchyard::ui
