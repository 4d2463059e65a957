#include "ui/plot/plot_group.h"

#include <algorithm>
#include <cmath>

namespace switchyard::ui {
namespace {

/// Up to the next multiple of 1, 2 or 5 times a power of ten that is at most a tenth of it.
double rounded_up(double x) {
  const double most = x / 10.0;
  const double power = std::pow(10.0, std::floor(std::log10(most)));
  const double step = power * (most >= 5.0 * power ? 5.0 : most >= 2.0 * power ? 2.0 : 1.0);
  return std::ceil(x / step * (1.0 - 1e-12)) * step;
}

}  // namespace

Column x_column(const Series& series, XAxis axis) {
  return Column(series, axis);
}

double x_at_step(const Series& series, XAxis axis, double step) {
  if (axis == XAxis::kSteps) return step;
  const Column steps = x_column(series, XAxis::kSteps);
  const Column x = x_column(series, axis);
  const std::size_t n = std::min(steps.size(), x.size());
  if (n == 0) return step;
  const std::size_t right = lower_index(steps, step);
  if (right == 0) return steps[0] > 0.0 ? x[0] * step / steps[0] : x[0];
  if (right >= n) return x[n - 1];
  const double span = steps[right] - steps[right - 1];
  const double t = span > 0.0 ? (step - steps[right - 1]) / span : 1.0;
  return x[right - 1] + (x[right] - x[right - 1]) * t;
}

double x_on_axis(const Series& series, XAxis from, XAxis to, double x) {
  if (from == to || series.empty()) return x;
  const Column source = x_column(series, from), target = x_column(series, to);
  const std::size_t n = source.size(), right = lower_index(source, x);
  if (right == 0) return target[0];
  if (right >= n) return target[n - 1];
  const double span = source[right] - source[right - 1];
  const double t = span > 0.0 ? (x - source[right - 1]) / span : 1.0;
  return target[right - 1] + (target[right] - target[right - 1]) * t;
}

void PlotGroup::begin_frame() {
  if (!is_cursor_held || next_cursor == next_cursor)
    key_cursor = std::numeric_limits<double>::quiet_NaN();
  is_cursor_held = false;
  smoothing_budget = kSmoothingBudget;
  column_budget = kColumnBudget;
  ++frame;
  stalest = next_stalest;
  next_stalest = kNoneWaits;
  cursor = next_cursor == next_cursor ? next_cursor : key_cursor;
  next_cursor = std::numeric_limits<double>::quiet_NaN();
  num_included = 0;
  gutter = next_gutter;
  next_gutter = 0.0F;
  right_gutter = next_right_gutter;
  next_right_gutter = 0.0F;
}

bool PlotGroup::may_reduce(std::int64_t reduced, int columns) {
  if (reduced <= stalest && column_budget > 0) {
    column_budget -= columns;
    return true;
  }
  next_stalest = std::min(next_stalest, reduced);
  return false;
}

void PlotGroup::include(double first, double last) {
  if (!std::isfinite(first) || !std::isfinite(last)) return;
  data_min = num_included == 0 ? first : std::min(data_min, first);
  data_max = num_included == 0 ? last : std::max(data_max, last);
  ++num_included;
}

void PlotGroup::update_range() {
  if (!is_following && x_max > x_min && (!is_log_x || x_min > 0.0)) return;
  if (num_included == 0) return;
  x_min = is_log_x ? std::max(data_min, data_max * 1e-4) : std::min(0.0, data_min);
  x_max = is_growing && !is_log_x && data_max > 0.0 ? rounded_up(data_max) : data_max;
  if (!(x_max > x_min)) x_max = x_min + 1.0;
}

void PlotGroup::fit() {
  is_following = true;
}

void PlotGroup::zoom(double factor, double centre) {
  const double x = std::isfinite(centre) ? std::clamp(centre, x_min, x_max) : 0.5 * (x_min + x_max);
  if (is_log_x && x_min > 0.0) {
    x_min = x * std::pow(x_min / x, factor);
    x_max = x * std::pow(x_max / x, factor);
  } else {
    x_min = x - (x - x_min) * factor;
    x_max = x + (x_max - x) * factor;
  }
  if (!(x_max > x_min)) x_max = std::nextafter(x_min, HUGE_VAL);
  is_following = false;
}

void PlotGroup::step_cursor(int columns) {
  constexpr double kColumns = 200.0;
  const bool is_log = is_log_x && x_min > 0.0;
  const double low = is_log ? std::log(x_min) : x_min, high = is_log ? std::log(x_max) : x_max;
  double at = 0.5 * (low + high);
  if (key_cursor == key_cursor) at = is_log ? std::log(key_cursor) : key_cursor;
  at = std::clamp(at + (high - low) * columns / kColumns, low, high);
  key_cursor = is_log ? std::exp(at) : at;
  is_cursor_held = true;
}

void PlotGroup::set_axis(XAxis next) {
  axis = next;
  cursor = next_cursor = key_cursor = std::numeric_limits<double>::quiet_NaN();
  fit();
}

void PlotGroup::set_log_x(bool is_log) {
  is_log_x = is_log;
  fit();
}

std::vector<Tick> PlotGroup::ticks(int max_count) const {
  if (is_log_x) return log_ticks(x_min, x_max, max_count);
  if (axis == XAxis::kSeconds) return duration_ticks(x_min, x_max, max_count);
  return linear_ticks(x_min, x_max, max_count);
}

std::string PlotGroup::label_of(double x) const {
  switch (axis) {
    case XAxis::kSteps:
      return "step " + grouped_number(std::llround(x));
    case XAxis::kTokens:
      return short_number(x, 4) + " tokens";
    case XAxis::kSeconds:
      return duration_text(x);
    case XAxis::kFlops:
      return short_number(x, 4) + "FLOP";
  }
  return {};
}

}  // namespace switchyard::ui
