#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include <imgui.h>

#include "ui/plot/y_scale.h"
#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {

/// A curve over whole numbers: y[i] stands at x = first_x + i. Gaps where y is not finite.
struct XyLine {
  std::span<const double> y;
  double first_x = 0.0;
  Color color = 0;
  bool is_strong = false;  ///< 2 px, with points where there are few; others 1 px
};

struct XyPlotOptions {
  YScale x, y;
  double fair = 0.0;                            ///< a dashed level when > 0
  std::string_view x_title;                     ///< small, at the right end of the x axis
  std::function<std::string(double x)> x_name;  ///< labels of the x axis; empty: the tick's
};

/// A plot of a few short curves in what is left of the card, without a time axis. On a log axis,
/// zeros of a strong line are marked at the bottom in the colour of dead experts.
///
/// Returns the x under the mouse, rounded to a whole number; NaN elsewhere.
double draw_xy_plot(const char* id, std::span<const XyLine> lines, const XyPlotOptions& options);

}  // namespace switchyard::ui
