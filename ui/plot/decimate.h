#pragma once

#include <cstdint>
#include <vector>

#include "ui/plot/series.h"

namespace switchyard::ui {

/// Index of the first x that is not below `value`; x must not decrease.
std::size_t lower_index(const Column& x, double value);

/// What part of a plot is visible and how many pixels show it.
struct ViewRange {
  double x_min = 0.0;
  double x_max = 1.0;
  int num_columns = 1;  ///< pixels
  bool is_log_x = false;
  double x_shift = 0.0;  ///< added to a series' x where it is drawn

  /// Left edge of a pixel column in drawn x; column num_columns is the right edge.
  [[nodiscard]] double edge(int column) const;
  /// Pixel column of x, clamped to [0, num_columns).
  [[nodiscard]] int column(double x) const;
};

/// Non-finite samples under one pixel.
struct BadTick {
  double x = 0.0;
  std::uint32_t count = 0;
};

/// At most two points per pixel column, ready to draw as one line. A NaN in `y` is a gap.
struct Decimated {
  std::vector<double> x;
  std::vector<double> y;
  std::vector<BadTick> bad;
  Extent visible;                   ///< of all visible samples
  double samples_per_column = 0.0;  ///< 1 and below: every sample is drawn

  void clear();
};

/// Reduces a series to what the pixels can show without losing a spike.
///
/// Math:   per pixel column the minimum and the maximum of its samples, exactly; the one nearer to
///         the column's last sample is drawn last, so lines join as the samples do.
/// Shapes: x, y the same length n, x not decreasing; the result has <= 2 · num_columns points, one
///         gap marker per interruption, and the nearest sample outside on either side.
/// Limits: O(num_columns · log n).
/// Errors: none; NaN and infinities interrupt the line and are counted in `bad`.
void decimate(const Column& x, const Values& y, const ViewRange& view, Decimated& out);

}  // namespace switchyard::ui
