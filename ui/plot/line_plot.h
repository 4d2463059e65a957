#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ui/plot/decimate.h"
#include "ui/plot/plot_group.h"
#include "ui/plot/seed_band.h"
#include "ui/plot/smooth.h"
#include "ui/plot/y_scale.h"
#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {

struct CardHandle;  // ui/widgets/cards.h

/// One line of a plot.
struct PlotLine {
  std::string key;   ///< of its cache within one LinePlot; empty: the name
  std::string name;  ///< run name
  std::shared_ptr<const Series> data;
  Color color = 0;
  bool is_own = true;  ///< the run in focus: 2 px instead of 1.5
  bool is_dashed = false;
  bool is_muted = false;    ///< another line is hovered: 35 %
  bool is_hovered = false;  ///< its chip or row is: 0.75 px more
  double x_shift = 0.0;     ///< added to every x
  int seed_group = -1;      ///< lines of one group are drawn as their mean ± σ; -1: by itself
};

enum class MarkKind { kCheckpoint, kChange, kAlert, kFailure, kNote };

/// Something that happened at a place on the x axis.
struct PlotMark {
  double x = 0.0;
  MarkKind kind = MarkKind::kCheckpoint;
  std::string label;        ///< flag text; checkpoints have a triangle only
  std::string detail;       ///< tooltip
  std::int64_t event = -1;  ///< sequence of the event
  bool is_selected = false;
};

/// Percentiles outside which values do not decide the y axis when outliers are clipped.
inline constexpr double kClipLowPercent = 1.0;
inline constexpr double kClipHighPercent = 99.0;

struct LinePlotOptions {
  std::string_view title;
  std::string_view caption;
  std::string_view unit;   ///< behind the current value; "bytes" are read in MB, GB
  std::string_view value;  ///< current value; empty: last of the first line, smoothed
  float height = 0.0F;     ///< pixels of the whole card; 0: what is left
  float width = 0.0F;
  YFit y;
  bool is_clipped = false;  ///< outliers do not decide the y axis
  bool show_raw = true;
  bool use_points = false;      ///< mark each sample (few, far apart: validation loss)
  bool is_filled = false;       ///< resource plots
  double smoothing = 0.0;       ///< 0 … 0.999, weight per group.smoothing_unit of x
  bool show_line_ends = false;  ///< names at the right end of the lines
  double stale_seconds = 0.0;   ///< the value turns amber from 30 s on
  const CardHandle* handle = nullptr;
  bool is_focused = false;  ///< has the keyboard: shows the read-out at the crosshair
};

struct PlotResult {
  bool is_menu_clicked = false;
  bool is_context_clicked = false;  ///< right click without a drag
  bool is_hovered = false;
  int clicked_mark = -1;
  std::string hovered_line;  ///< key of the line under the mouse, where there are several
  std::optional<std::pair<double, double>> y_limits;  ///< Shift + wheel zoomed the y axis
  YScale y;                                           ///< as drawn
};

/// A line plot in a card: title row with the current value, raw samples faint behind the smoothed
/// line, events, shared crosshair. Keeps decimated lines until data, view, or settings change.
///
/// Limits: at most two points per pixel and line reach ImPlot.
/// Threads: main thread.
class LinePlot {
 public:
  /// `id` is stable: "train.plots.loss".
  explicit LinePlot(std::string id) : id_(std::move(id)) {}

  PlotResult draw(PlotGroup& group,
                  std::span<const PlotLine> lines,
                  std::span<const PlotMark> marks,
                  const LinePlotOptions& options);

  /// Last value of a line (by key), smoothed; NaN when there is none.
  [[nodiscard]] double last_value(const std::string& line) const;

  /// Value of the first line at the crosshair as last drawn, smoothed and raw; NaN without one.
  [[nodiscard]] std::pair<double, double> value_at_cursor() const { return at_cursor_; }

  [[nodiscard]] double samples_per_pixel() const { return samples_per_pixel_; }

  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  struct Cache;
  struct Band;
  struct Clip;
  Cache& cache_for(const PlotLine& line, PlotGroup& group, const LinePlotOptions& options);
  static void refresh(Cache& cache, const PlotLine& line, PlotGroup& group, int columns);
  void refresh_bands(std::span<const PlotLine> lines,
                     std::span<Cache* const> caches,
                     const PlotGroup& group);

  std::string id_;
  std::map<std::string, std::shared_ptr<Cache>> caches_;
  std::map<int, std::shared_ptr<Band>> bands_;  ///< by seed group
  std::shared_ptr<Clip> clip_;
  int columns_ = 300;  ///< plot width of the last frame
  double samples_per_pixel_ = 0.0;
  std::pair<double, double> at_cursor_;
  std::string hovered_line_;

  friend struct LinePlotPainter;
};

/// "1,240 samples per pixel"; empty where every sample has a pixel of its own.
std::string samples_per_pixel_text(double samples);

/// A small line without axes, for tables and layer lists. Fills 14 % below when `is_filled`.
void sparkline(
    std::span<const double> values, float width, float height, Color color, bool is_filled = false);

}  // namespace switchyard::ui
