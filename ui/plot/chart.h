#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ui/plot/plot_group.h"
#include "ui/plot/series.h"
#include "ui/plot/y_scale.h"
#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {

/// One line of a chart that leaves the window.
struct ChartLine {
  std::string name;
  std::shared_ptr<const Series> data;
  int color = 0;  ///< of ThemeTokens::run
  bool is_dashed = false;
  bool is_own = true;
  double x_shift = 0.0;
  int seed_group = -1;
};

struct ChartMark {
  double x = 0.0;
  std::string label;  ///< empty: a checkpoint
  bool is_alert = false;
};

/// A plot as it stands in the window, with everything needed to draw it elsewhere.
struct ChartSpec {
  std::string metric;
  std::string title;
  std::string caption;
  std::string unit;
  std::string run;  ///< name of the open run, for the file's name
  XAxis axis = XAxis::kSteps;
  bool is_log_x = false;
  double x_min = 0.0, x_max = 1.0;
  YFit y;
  bool is_clipped = false;
  double smoothing = 0.0;
  double smoothing_unit = kSmoothingUnit;
  bool has_raw = true;
  std::vector<ChartLine> lines;
  std::vector<ChartMark> marks;
  ThemeKind theme = ThemeKind::kLight;
  double width = 960.0, height = 560.0;  ///< pixels at scale 1
};

struct ChartPoint {
  double x = 0.0, y = 0.0;
};

/// What a chart consists of, in pixels from the top left, in drawing order.
struct ChartShape {
  enum class Kind { kLine, kArea, kText, kRect } kind = Kind::kLine;
  std::vector<ChartPoint> points;  ///< line; closed area; text: its anchor; rect: two corners
  Color color = 0;
  double width = 1.0;  ///< of a line
  bool is_dashed = false;
  bool is_clipped = false;  ///< drawn inside the plot area only
  std::string text;
  double size = 12.0;  ///< of a text
  int anchor = 0;      ///< −1: ends, 0: centred, 1: begins at the point
  bool is_strong = false;
};

struct Chart {
  double width = 0.0, height = 0.0;
  Color background = 0;
  ChartPoint plot_min, plot_max;  ///< the clip area
  std::vector<ChartShape> shapes;
};

/// Width of a text in pixels.
using MeasureText = std::function<double(std::string_view text, double size, bool is_strong)>;

/// Estimates from character classes, for where no font is at hand.
double estimated_text_width(std::string_view text, double size, bool is_strong);

/// Lays out title, axes with units, grid, raw and smoothed lines, seed bands, event marks, and a
/// legend with the last values. Smoothing is computed on all samples, before reduction to the
/// chart's pixels.
Chart lay_out_chart(const ChartSpec& spec, const MeasureText& measure = estimated_text_width);

/// The chart as an SVG document with text as text.
std::string svg_of_chart(const Chart& chart);

/// "tokens", "steps", "training time", "FLOPs".
std::string axis_title(XAxis axis);

}  // namespace switchyard::ui
