#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "ui/model/run_table.h"

namespace switchyard::ui {

/// A number of a run that can be an axis of the scatter plot.
struct ScatterAxis {
  std::string_view key;  ///< of run_number
  std::string_view title;
  bool is_log_natural = false;  ///< spans orders of magnitude: begins on a log scale
};

std::span<const ScatterAxis> scatter_axes();

struct ScatterPoint {
  std::size_t index = 0;  ///< of the run in RunIndex::runs
  double x = 0.0;
  double y = 0.0;
};

/// The shown runs for which both numbers are known, each run once; where an axis is logarithmic
/// only positive numbers count.
std::vector<ScatterPoint> scatter_points(const RunIndex& index,
                                         const RunTable& table,
                                         std::string_view x_key,
                                         std::string_view y_key,
                                         bool is_log_x,
                                         bool is_log_y);

/// Visible range of one axis: all values with 8 % air (a factor where logarithmic), never empty.
struct ScatterRange {
  double min = 0.0, max = 1.0;
  bool is_log = false;

  /// 0 at min, 1 at max.
  [[nodiscard]] double place(double value) const;
};

ScatterRange scatter_range(std::span<const double> values, bool is_log);

}  // namespace switchyard::ui
