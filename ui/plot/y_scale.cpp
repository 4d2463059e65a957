#include "ui/plot/y_scale.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace switchyard::ui {
namespace {

constexpr double kAir = 0.08;
constexpr double kSmallestShare = 1e-6;  ///< of the maximum: lower end of a log axis without one
constexpr double kLinearShare = 1e-3;    ///< of the largest magnitude: linear part of symlog

YScale log_scale(double low, double high, const YFit& fit) {
  YScale scale{YScaleKind::kLog, low, high, 1.0};
  high = high > 0.0 ? high : 1.0;
  low = low > 0.0 ? low : high * kSmallestShare;
  const double air = std::pow(std::max(1.02, high / low), kAir);
  scale.min = fit.min.has_value() && *fit.min > 0.0 ? *fit.min : low / air;
  scale.max = fit.max.has_value() && *fit.max > scale.min ? *fit.max : high * air;
  if (!(scale.max > scale.min)) scale.max = scale.min * 10.0;
  return scale;
}

YScale symlog_scale(double low, double high, const YFit& fit) {
  YScale scale{YScaleKind::kSymlog, low, high, 1.0};
  const double largest = std::max(std::abs(low), std::abs(high));
  scale.threshold =
      largest > 0.0 ? std::pow(10.0, std::floor(std::log10(largest * kLinearShare))) : 1.0;
  const double a = scale.forward(low), b = scale.forward(high);
  const double span = b > a ? b - a : 1.0;
  scale.min = fit.min.value_or(scale.backward(a - span * kAir));
  scale.max = fit.max.value_or(scale.backward(b + span * kAir));
  if (!(scale.max > scale.min)) scale.max = scale.min + std::max(1.0, std::abs(scale.min));
  return scale;
}

YScale linear_scale(double low, double high, const YFit& fit) {
  YScale scale{YScaleKind::kLinear, low, high, 1.0};
  if (fit.is_zero_based) low = std::min(0.0, low);
  double span = high - low;
  if (!(span > 0.0)) span = std::max(std::abs(high) * 0.1, 1e-6);
  scale.min = fit.min.value_or(fit.is_zero_based && low == 0.0 ? 0.0 : low - span * kAir);
  scale.max = fit.max.value_or(high + span * kAir);
  if (!(scale.max > scale.min)) scale.max = scale.min + span;
  return scale;
}

}  // namespace

std::string_view y_scale_name(YScaleKind kind) {
  switch (kind) {
    case YScaleKind::kLog:
      return "log";
    case YScaleKind::kSymlog:
      return "symlog";
    case YScaleKind::kLinear:
      break;
  }
  return "linear";
}

YScaleKind y_scale_from_name(std::string_view name) {
  for (const YScaleKind kind : {YScaleKind::kLog, YScaleKind::kSymlog}) {
    if (y_scale_name(kind) == name) return kind;
  }
  return YScaleKind::kLinear;
}

double YScale::forward(double y) const {
  switch (kind) {
    case YScaleKind::kLog:
      return y > 0.0 ? std::log(y) : -1e3;
    case YScaleKind::kSymlog:
      return std::asinh(y / threshold);
    case YScaleKind::kLinear:
      break;
  }
  return y;
}

double YScale::backward(double t) const {
  switch (kind) {
    case YScaleKind::kLog:
      return std::exp(t);
    case YScaleKind::kSymlog:
      return std::sinh(t) * threshold;
    case YScaleKind::kLinear:
      break;
  }
  return t;
}

double YScale::place(double y) const {
  const double a = forward(min), b = forward(max);
  return (forward(y) - a) / (b - a);
}

double YScale::value_at(double place) const {
  const double a = forward(min), b = forward(max);
  return backward(a + (b - a) * place);
}

std::vector<Tick> YScale::ticks(int max_count) const {
  if (kind == YScaleKind::kLog) return log_ticks(min, max, max_count);
  if (kind == YScaleKind::kLinear) return linear_ticks(min, max, max_count);
  std::vector<Tick> all;
  const double largest = std::max(std::abs(min), std::abs(max));
  for (double power = std::pow(10.0, std::ceil(std::log10(threshold))); power <= largest;
       power *= 10.0) {
    if (-power >= min && -power <= max) all.push_back({-power, short_number(-power, 1)});
    if (power >= min && power <= max) all.push_back({power, short_number(power, 1)});
  }
  if (all.size() < 2) return linear_ticks(min, max, max_count);
  if (min <= 0.0 && max >= 0.0) all.push_back({0.0, "0"});
  std::sort(all.begin(), all.end(), [](const Tick& a, const Tick& b) { return a.value < b.value; });
  // Too many: keep zero and every n-th power, counted from the largest.
  std::size_t stride = 1;
  const auto kept = [&](std::size_t step) {
    std::vector<Tick> some;
    for (const Tick& tick : all) {
      const double power = tick.value == 0.0 ? 0.0 : std::log10(std::abs(tick.value));
      const double top = std::floor(std::log10(largest));
      const auto distance = static_cast<long long>(std::llround(top - power));
      if (tick.value == 0.0 || distance % static_cast<long long>(step) == 0) some.push_back(tick);
    }
    return some;
  };
  std::vector<Tick> ticks = all;
  while (static_cast<int>(ticks.size()) > std::max(2, max_count) && stride < 64)
    ticks = kept(++stride);
  return ticks;
}

YScale fit_y_scale(const Extent& extent, const YFit& fit) {
  double low = extent.min, high = extent.max;
  if (extent.empty()) {
    low = fit.kind == YScaleKind::kLog ? 0.1 : 0.0;
    high = 1.0;
  }
  if (fit.limit > 0.0) high = std::max(high, fit.limit);
  switch (fit.kind) {
    case YScaleKind::kLog:
      return log_scale(low, high, fit);
    case YScaleKind::kSymlog:
      return symlog_scale(low, high, fit);
    case YScaleKind::kLinear:
      break;
  }
  return linear_scale(low, high, fit);
}

Extent clipped_extent(std::vector<double>& values, double low_percent, double high_percent) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  Extent extent;
  if (values.empty()) return extent;
  const auto at = [&](double percent) {
    const double place = std::clamp(percent, 0.0, 100.0) / 100.0;
    const auto index =
        static_cast<std::ptrdiff_t>(std::llround(place * static_cast<double>(values.size() - 1)));
    std::nth_element(values.begin(), values.begin() + index, values.end());
    return values[static_cast<std::size_t>(index)];
  };
  extent.add(at(low_percent));
  extent.add(at(high_percent));
  return extent;
}

}  // namespace switchyard::ui
