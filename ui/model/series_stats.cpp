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

}  // namespace

SeriesStats series_stats(std::span<const std::int64_t> step, std::span<const double> values) {
  SeriesStats stats;
  stats.last = stats.minimum = stats.maximum = stats.slope_per_step = stats.noise = kNaN;
  const std::size_t n = std::min(step.size(), values.size());
  stats.num_samples = static_cast<std::int64_t>(n);
  std::vector<double> x, y;
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isfinite(values[i])) {
      ++stats.num_bad;
      continue;
    }
    stats.last = values[i];
    if (!(values[i] >= stats.minimum)) stats.minimum = values[i], stats.minimum_step = step[i];
    if (!(values[i] <= stats.maximum)) stats.maximum = values[i];
    if (i + kRecent >= n) x.push_back(static_cast<double>(step[i])), y.push_back(values[i]);
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
