#include "ui/model/eta.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace switchyard::ui {
namespace {

constexpr std::size_t kIntervals = 64;
constexpr std::size_t kTrendReach = 1024;  ///< samples looked at, finite or not
constexpr double kFewestSteps = 20.0;
constexpr double kSmoothingSteps = 10.0;

struct Moments {
  double mean = 0.0;
  double variance = 0.0;
};

Moments moments(std::span<const double> values) {
  Moments m;
  for (const double v : values) m.mean += v;
  m.mean /= static_cast<double>(values.size());
  for (const double v : values) m.variance += (v - m.mean) * (v - m.mean);
  m.variance /= static_cast<double>(std::max<std::size_t>(1, values.size() - 1));
  return m;
}

double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double t = at - static_cast<double>(below);
  return sorted[below] * (1.0 - t) + sorted[above] * t;
}

}  // namespace

std::optional<TimeLeft> time_left(const Column& step,
                                  const Column& seconds,
                                  std::int64_t max_steps) {
  const std::size_t n = std::min(step.size(), seconds.size());
  if (n < 4 || step[n - 1] - step[0] < kFewestSteps || max_steps <= 0) return std::nullopt;
  std::vector<double> rates;
  for (std::size_t i = n - std::min(n - 1, kIntervals); i < n; ++i) {
    const double steps = step[i] - step[i - 1];
    const double time = seconds[i] - seconds[i - 1];
    if (steps > 0.0 && time > 0.0) rates.push_back(time / steps);
  }
  if (rates.size() < 3) return std::nullopt;
  std::sort(rates.begin(), rates.end());
  const double left = std::max(0.0, static_cast<double>(max_steps) - step[n - 1]);
  return TimeLeft{quantile(rates, 0.25) * left, quantile(rates, 0.75) * left};
}

Trend trend(const Column& values) {
  std::vector<double> finite;
  const std::size_t oldest = values.size() - std::min(values.size(), kTrendReach);
  for (std::size_t i = values.size(); i > oldest && finite.size() < 64; --i) {
    if (std::isfinite(values[i - 1])) finite.push_back(values[i - 1]);
  }
  if (finite.size() < 16) return Trend::kUnknown;
  const std::size_t half = finite.size() / 2;
  const std::span<const double> all(finite);
  const Moments now = moments(all.first(half));
  const Moments before = moments(all.subspan(half));
  const double error =
      std::sqrt((now.variance + before.variance) / static_cast<double>(half)) + 1e-12;
  const double change = (now.mean - before.mean) / error;
  if (change < -2.0) return Trend::kDown;
  return change > 2.0 ? Trend::kUp : Trend::kFlat;
}

double smoothed_last(const Column& step, const Column& values, double weight) {
  const std::size_t n = std::min(step.size(), values.size());
  if (n == 0) return std::numeric_limits<double>::quiet_NaN();
  // Old samples weigh nothing: looking back 1,024 samples is exact to double precision of interest.
  const std::size_t first = n > 1024 ? n - 1024 : 0;
  double mean = 0.0, mass = 0.0;
  double last = step[first];
  for (std::size_t i = first; i < n; ++i) {
    if (!std::isfinite(values[i])) continue;
    const double dx = i == first ? 1.0 : std::max(1.0, step[i] - last);
    const double decay = std::pow(weight, dx / kSmoothingSteps);
    mean = decay * mean + (1.0 - decay) * values[i];
    mass = decay * mass + (1.0 - decay);
    last = step[i];
  }
  return mass > 0.0 ? mean / mass : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace switchyard::ui
