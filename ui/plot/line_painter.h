#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ui/plot/line_plot.h"
#include "ui/plot/plot_frame.h"

namespace switchyard::ui {

/// What a decimated line was made from.
struct ViewKey {
  double x_min = 0.0, x_max = 0.0;
  int columns = 0;
  XAxis axis = XAxis::kSteps;
  bool is_log = false;
  double shift = 0.0;
  std::size_t size = 0;

  bool operator==(const ViewKey&) const = default;

  /// Whether what was made for `before` is still true, but of another part of the line.
  [[nodiscard]] bool is_moved_from(const ViewKey& before) const {
    return size > 0 && size == before.size && axis == before.axis && is_log == before.is_log &&
           shift == before.shift;
  }
};

/// One line of a LinePlot between frames.
struct LinePlot::Cache {
  std::shared_ptr<const Series> data;
  Smoother smoother;
  std::optional<Smoother> next;  ///< being made with other settings; then it replaces the smoother
  XAxis axis = XAxis::kSteps;    ///< of the x that the newer of both counts
  ColumnEdges edges;             ///< of both lines
  Decimated raw_line, smooth_line;
  ViewKey edges_key, raw_key, smooth_key;
  std::int64_t reduced_frame = 0;  ///< of the group, in which the edges were found
  bool is_used = false;
  bool is_raw_shown = false;  ///< behind the smoothed line; only the run in focus shows its samples

  [[nodiscard]] const Values& shown() const { return smoother.values(); }

  [[nodiscard]] bool is_continued_by(const Series& later) const;

  /// Takes in new samples and settings, as far as the budget of the frame allows; whether all are
  /// in.
  bool smooth(const PlotLine& line, double weight, PlotGroup& group);
};

/// The runs of one seed group between frames.
struct LinePlot::Band {
  std::vector<std::size_t> sizes;  ///< of the members when it was computed
  std::vector<std::string> keys;
  double weight = -1.0, unit = 0.0;
  std::vector<double> shifts;
  XAxis axis = XAxis::kSteps;
  SeedBand band;
  ViewKey key;
  Decimated mean_line;
  BandArea area;
  bool is_used = false;
};

/// The extent without outliers, and what it was made from.
struct LinePlot::Clip {
  std::vector<ViewKey> keys;
  double weight = 0.0, unit = 0.0;
  bool has_raw = false;
  Extent extent;
};

double last_finite(const Values& values);

inline constexpr std::string_view kBytes = "bytes";

/// Draws one plot; gathers what the steps of LinePlot::draw share.
struct LinePlotPainter {
  LinePlot& plot;
  PlotGroup& group;
  std::span<const PlotLine> lines;
  std::span<LinePlot::Cache* const> caches;
  const LinePlotOptions& options;
  YScale y;
  PlotFrame frame;

  void fit_y();
  void draw_raw(const PlotLine& line, const LinePlot::Cache& cache) const;
  void draw_line(const PlotLine& line, const LinePlot::Cache& cache) const;
  void draw_bands() const;
  void draw_bad_ticks() const;
  void draw_limit() const;
  int draw_marks(std::span<const PlotMark> marks, bool is_behind) const;
  void draw_readings() const;
  void draw_line_ends() const;
  void draw_badge(std::string_view words) const;

 private:
  struct Stroke {
    Color color = 0;
    float weight = 1.0F;
    bool is_dashed = false;
    bool is_filled = false;
    bool has_points = false;
    bool is_exact = false;  ///< raw samples: no column is merged
  };

  void stroke(const std::string& id, const Decimated& points, const Stroke& how) const;
  void collapse_flat_columns(std::vector<double>& xs, std::vector<double>& ys) const;
  void draw_dashed(const Decimated& points, Color color, float weight) const;
  [[nodiscard]] Extent visible_extent() const;
  [[nodiscard]] Extent clipped_visible_extent() const;

  [[nodiscard]] float x_of(double x) const { return x_pixel(group, frame, x); }

  [[nodiscard]] float y_of(double value) const { return y_pixel(frame, y, value); }

  [[nodiscard]] std::size_t index_at_cursor(const PlotLine& line) const;

  [[nodiscard]] bool is_in_band(const PlotLine& line) const { return line.seed_group >= 0; }

  [[nodiscard]] const PlotLine* first_of_group(int seed_group) const;
};

}  // namespace switchyard::ui
