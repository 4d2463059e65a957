#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ui/plot/pyramid.h"
#include "ui/plot/ticks.h"

namespace switchyard::ui {

enum class YScaleKind {
  kLinear,
  kLog,
  kSymlog,  ///< logarithmic on both sides of zero, linear between ± threshold
};

std::string_view y_scale_name(YScaleKind kind);  ///< "linear", "log", "symlog"

/// Linear when unknown.
YScaleKind y_scale_from_name(std::string_view name);

/// The y axis of a plot: which value stands at which height.
///
/// Math: place = (f(y) − f(min)) / (f(max) − f(min)); f = identity, ln, or asinh(y / threshold).
/// Limits: with kLog, values of zero and below lie below the axis.
struct YScale {
  YScaleKind kind = YScaleKind::kLinear;
  double min = 0.0;
  double max = 1.0;
  double threshold = 1.0;

  [[nodiscard]] double forward(double y) const;   ///< f
  [[nodiscard]] double backward(double t) const;  ///< its inverse
  [[nodiscard]] double place(double y) const;     ///< 0 at min, 1 at max
  [[nodiscard]] double value_at(double place) const;
  /// Round values between min and max; with kSymlog powers of ten on both sides and 0.
  [[nodiscard]] std::vector<Tick> ticks(int max_count) const;
};

/// What decides the ends of a y axis besides the data.
struct YFit {
  YScaleKind kind = YScaleKind::kLinear;
  bool is_zero_based = false;
  double limit = 0.0;         ///< a line that must be seen when > 0
  std::optional<double> min;  ///< set by the user
  std::optional<double> max;
};

/// The axis for data of this extent, with 8 % air at ends that the data decides.
YScale fit_y_scale(const Extent& extent, const YFit& fit);

/// Extent of the values between the two percentiles; non-finite ones are left out. `values` is
/// reordered. Limits: O(n).
Extent clipped_extent(std::vector<double>& values, double low_percent, double high_percent);

}  // namespace switchyard::ui
