#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "engine/base/store/run_store.h"
#include "ui/plot/decimate.h"
#include "ui/plot/series.h"
#include "ui/plot/smooth.h"
#include "ui/plot/ticks.h"

namespace switchyard::ui {

/// The column of a series that belongs to an axis.
Column x_column(const Series& series, XAxis axis);

/// x for a step that lies between samples (events carry steps only); clamped to the series' ends.
double x_at_step(const Series& series, XAxis axis, double step);

/// The same moment on another axis, between samples; clamped to the series' ends.
double x_on_axis(const Series& series, XAxis from, XAxis to, double x);

/// What the plots and maps of one column share: visible range, crosshair, follow. One x position
/// means one time in all of them. A value kept by the panel; main thread.
struct PlotGroup {
  std::string id = "plots";
  XAxis axis = XAxis::kSteps;
  bool is_log_x = false;
  bool is_following = true;  ///< the range is that of all data and grows with it
  bool is_growing = false;   ///< more data is to come: a range that follows grows in round steps,
                             ///< so that most samples leave all but the ends of lines as it was
  double x_min = 0.0;        ///< visible range
  double x_max = 1.0;
  double data_min = 0.0;  ///< range of all data, set by include
  double data_max = 1.0;
  double cursor = std::numeric_limits<double>::quiet_NaN();  ///< crosshair; NaN: none

  /// Start of a frame: forgets the data range and takes over the crosshair of the last frame.
  void begin_frame();

  /// Widens the data range.
  void include(double first, double last);

  /// After all include calls: follows, or keeps what the user zoomed to.
  void update_range();

  /// Back to following all data (double click, R).
  void fit();

  /// Shows `factor` of the range (< 1: closer) with `centre` where it is. Stops following.
  void zoom(double factor, double centre);

  /// Moves the crosshair by `columns` of 200 across the range, from the middle when there is none,
  /// and keeps it inside. It stays as long as hold_cursor is called in each frame.
  void step_cursor(int columns);

  void hold_cursor() { is_cursor_held = true; }

  /// A switch to another axis or scale: everything is shown again.
  void set_axis(XAxis next);
  void set_log_x(bool is_log);

  [[nodiscard]] bool has_cursor() const { return cursor == cursor; }

  [[nodiscard]] std::vector<Tick> ticks(int max_count) const;
  [[nodiscard]] std::string label_of(double x) const;  ///< "step 9,076", "297.4 M tokens"

  double next_cursor = std::numeric_limits<double>::quiet_NaN();  ///< written by the hovered plot
  double key_cursor = std::numeric_limits<double>::quiet_NaN();   ///< moved with the keyboard
  bool is_cursor_held = false;             ///< a plot with the keyboard's focus keeps key_cursor
  double smoothing_unit = kSmoothingUnit;  ///< x per which the smoothing weight counts

  /// Samples that all plots may still smooth in this frame: a new weight on long runs is worked off
  /// over several frames, the lines before stay until then.
  static constexpr std::size_t kSmoothingBudget = 400'000;
  std::size_t smoothing_budget = kSmoothingBudget;

  /// Pixel columns that all plots may still reduce anew in this frame while the view moves; the
  /// lines that waited longest come first, the others are drawn as they were.
  static constexpr int kColumnBudget = 5'000;
  int column_budget = kColumnBudget;
  static constexpr std::int64_t kNoneWaits = std::numeric_limits<std::int64_t>::max();
  std::int64_t frame = 0;                  ///< counts begin_frame
  std::int64_t stalest = kNoneWaits;       ///< when the line that waits longest was last reduced
  std::int64_t next_stalest = kNoneWaits;  ///< the same for the next frame

  /// Whether a line that was reduced in frame `reduced` for a view that has moved since gets its
  /// `columns` now; if not, it waits, and another frame must follow.
  bool may_reduce(std::int64_t reduced, int columns);

  int num_included = 0;
  float gutter = 0.0F;  ///< pixels left of every plot for its y labels; widest of the last frame
  float next_gutter = 0.0F;   ///< written by the plots
  float right_gutter = 0.0F;  ///< same at the right, where maps mark dead rows
  float next_right_gutter = 0.0F;
};

}  // namespace switchyard::ui
