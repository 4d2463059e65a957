#include "ui/model/distribution.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "ui/plot/decimate.h"

namespace switchyard::ui {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double at_share(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto left = static_cast<std::size_t>(place);
  const std::size_t right = std::min(left + 1, sorted.size() - 1);
  const double t = place - static_cast<double>(left);
  return sorted[left] * (1.0 - t) + sorted[right] * t;
}

}  // namespace

Distribution distribution_of(const Values& values, std::size_t first, std::size_t last) {
  Distribution result;
  result.percentile_5 = result.median = result.percentile_95 = kNaN;
  last = std::min(last, values.size());
  if (first >= last) return result;
  const std::size_t count = last - first;
  const std::size_t wanted = std::min(count, Distribution::kMostValues);
  std::vector<double> sorted;
  sorted.reserve(wanted);
  for (std::size_t i = 0; i < wanted; ++i) {
    const double value = values[first + count * i / wanted];
    if (std::isfinite(value)) sorted.push_back(value);
  }
  result.num_values = sorted.size();
  if (sorted.empty()) return result;
  std::sort(sorted.begin(), sorted.end());
  result.percentile_5 = at_share(sorted, 0.05);
  result.median = at_share(sorted, 0.5);
  result.percentile_95 = at_share(sorted, 0.95);
  result.low = at_share(sorted, 0.005);
  result.high = at_share(sorted, 0.995);
  const double span = result.high - result.low;
  const auto bins = static_cast<double>(Distribution::kNumBins);
  for (const double value : sorted) {
    const double place = span > 0.0 ? (value - result.low) / span * bins : bins * 0.5;
    result.bins[static_cast<std::size_t>(std::clamp(place, 0.0, bins - 1.0))] += 1.0F;
  }
  const float most = *std::max_element(result.bins.begin(), result.bins.end());
  for (float& bin : result.bins) bin /= most;
  return result;
}

std::pair<std::size_t, std::size_t> visible_samples(const Series& series,
                                                    XAxis axis,
                                                    double x_min,
                                                    double x_max) {
  const Column x(series, axis);
  const std::size_t first = lower_index(x, x_min);
  std::size_t last = lower_index(x, x_max);
  while (last < x.size() && x[last] <= x_max) ++last;  // samples exactly at the end
  return {first, std::max(first, last)};
}

}  // namespace switchyard::ui
