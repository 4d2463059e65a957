#include "ui/model/series_stats.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace switchyard::ui {
namespace {

constexpr std::size_t kRecent = 128;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Line {
  double slope = kNaN, intercept = kNaN;
};

Line fit(const std::vector<double>& x, const std::vector<double>& y) {
  const auto n = static_cast<double>(x.size());
  double mean_x = 0.0, mean_y = 0.0, xx = 0.0, xy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) mean_x += x[i] / n, mean_y += y[i] / n;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  if (!(xx > 0.0)) return {};
  return {xy / xx, mean_y - xy / xx * mean_x};
}

/// Index of the first sample in [first, last) that is `wanted`; it is there.
std::size_t find_extreme(const Values& values, std::size_t first, std::size_t last, double wanted) {
  while (last - first > 1) {
    const std::size_t middle = first + (last - first) / 2;
    const Extent left = values.range(first, middle);
    const bool is_left = !left.empty() && (left.min == wanted || left.max == wanted);
    (is_left ? last : first) = middle;
  }
  return first;
}

/// The last finite value of [first, last), which has one.
double last_finite(const Values& values, std::size_t first, std::size_t last) {
  while (last - first > 1) {
    const std::size_t middle = first + (last - first) / 2;
    (values.range(middle, last).empty() ? last : first) = middle;
  }
  return values[first];
}

}  // namespace

SeriesStats series_stats(const Series& series, std::size_t first, std::size_t last) {
  SeriesStats stats;
  stats.last = stats.minimum = stats.maximum = stats.slope_per_step = stats.noise = kNaN;
  last = std::min(last, series.size());
  first = std::min(first, last);
  const Values& values = series.values();
  const Extent extent = values.range(first, last);
  stats.num_samples = static_cast<std::int64_t>(last - first);
  stats.num_bad = extent.num_bad;
  if (extent.empty()) return stats;
  stats.minimum = extent.min;
  stats.maximum = extent.max;
  stats.minimum_step = series.step(find_extreme(values, first, last, extent.min));
  stats.last = last_finite(values, first, last);
  std::vector<double> x, y;
  for (std::size_t i = std::max(first, last - std::min(last, kRecent)); i < last; ++i) {
    if (!std::isfinite(values[i])) continue;
    x.push_back(static_cast<double>(series.step(i)));
    y.push_back(values[i]);
  }
  if (x.size() < 8) return stats;
  const Line line = fit(x, y);
  stats.slope_per_step = line.slope;
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double off = y[i] - line.slope * x[i] - line.intercept;
    sum += off * off;
  }
  stats.noise = std::sqrt(sum / static_cast<double>(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (y[i] - line.slope * x[i] - line.intercept > 4.0 * stats.noise) ++stats.num_spikes;
  }
  return stats;
}

}  // namespace switchyard::ui
