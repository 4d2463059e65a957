#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ui/plot/decimate.h"
#include "ui/plot/plot_group.h"
#include "ui/plot/smooth.h"
#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {

/// One line of a plot.
struct PlotLine {
  std::string name;  ///< run name; also the cache key within one LinePlot
  std::shared_ptr<const Series> data;
  Color color = 0;
  bool is_own = true;  ///< the run in focus: 2 px instead of 1.5
  bool is_dashed = false;
  bool is_muted = false;  ///< another line is hovered: 35 %
};

enum class MarkKind { kCheckpoint, kChange, kAlert };

/// Something that happened at a place on the x axis.
struct PlotMark {
  double x = 0.0;
  MarkKind kind = MarkKind::kCheckpoint;
  std::string label;   ///< flag text; checkpoints have a triangle only
  std::string detail;  ///< tooltip
};

struct LinePlotOptions {
  std::string_view title;
  std::string_view caption;
  std::string_view unit;   ///< behind the current value
  std::string_view value;  ///< current value; empty: last of the first line, smoothed
  float height = 0.0F;     ///< pixels of the whole card; 0: what is left
  float width = 0.0F;
  bool is_log_y = false;
  bool show_raw = true;
  bool use_points = false;      ///< mark each sample (few, far apart: validation loss)
  bool is_filled = false;       ///< resource plots
  bool is_zero_based = false;   ///< y starts at 0
  double smoothing = 0.0;       ///< 0 … 0.999, weight per 10 steps
  double limit = 0.0;           ///< dashed amber line when > 0
  bool show_line_ends = false;  ///< names at the right end of the lines instead of chips
  double stale_seconds = 0.0;   ///< the value turns amber from 30 s on
};

struct PlotResult {
  bool is_menu_clicked = false;
  bool is_hovered = false;
  int clicked_mark = -1;
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

  /// Value of a line at the crosshair as last drawn (smoothed); NaN when there is none.
  [[nodiscard]] double last_value(const std::string& line) const;

  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  struct Cache;
  Cache& cache_for(const PlotLine& line, const LinePlotOptions& options);
  void refresh(Cache& cache, const PlotLine& line, const PlotGroup& group, int columns, bool raw);

  std::string id_;
  std::map<std::string, std::shared_ptr<Cache>> caches_;
  int columns_ = 300;  ///< plot width of the last frame
  double y_min_ = 0.0, y_max_ = 1.0;

  friend struct LinePlotPainter;
};

/// A small line without axes, for tables and layer lists. Fills 14 % below when `is_filled`.
void sparkline(
    std::span<const double> values, float width, float height, Color color, bool is_filled = false);

}  // namespace switchyard::ui
