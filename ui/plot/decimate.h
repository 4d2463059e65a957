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

/// Where the pixel columns of a view lie in the samples of one x; lines that share their x share
/// it.
///
/// Shapes: first, centre one entry per column that has samples, from left to right; samples
///         of column k are [first[k], first[k + 1]), the last column ends at `end`.
struct ColumnEdges {
  std::vector<std::size_t> first;
  std::vector<double> centre;  ///< x of the middle between a column's first and last sample
  std::size_t end = 0;
  int num_columns = 0;   ///< of the view
  double x_shift = 0.0;  ///< of the view

  void clear();
};

/// Math:   a sample belongs to the column whose edges enclose its drawn x.
/// Shapes: x does not decrease.
/// Limits: O(num_columns) where x rises about evenly, O(num_columns · log n) else.
void find_edges(const Column& x, const ViewRange& view, ColumnEdges& out);

/// Reduces a series to what the pixels can show without losing a spike.
///
/// Math:   per pixel column the minimum and the maximum of its samples, exactly; the one nearer to
///         the middle of the next column, in the last column to its last sample, is drawn last.
/// Shapes: x, y the same length n, x not decreasing; the result has <= 2 · num_columns points, one
///         gap marker per interruption, and the nearest sample outside on either side.
/// Limits: O(num_columns · log n).
/// Errors: none; NaN and infinities interrupt the line and are counted in `bad`.
void decimate(const Column& x, const Values& y, const ViewRange& view, Decimated& out);

/// The same with edges that were found before in this x; y may be shorter than x.
void decimate(const Column& x, const Values& y, const ColumnEdges& edges, Decimated& out);

}  // namespace switchyard::ui
