#pragma once

#include <string>

#include "ui/model/plot_export.h"
#include "ui/model/run_overlay.h"
#include "ui/model/studio.h"
#include "ui/panels/common.h"
#include "ui/plot/line_plot.h"

namespace switchyard::ui {

/// What the parts of the plots panel tell each other within a frame.
struct PlotsFrame {
  OverlayScene scene;
  float board_width_em = 0.0F;
};

/// The controls above the plots: axis, smoothing, scales, run chips, metric browser, options,
/// export.
class PlotsToolbar {
 public:
  void draw(Studio& studio, const PlotsFrame& frame);

 private:
  void draw_axis(Studio& studio, Toolbar& bar);
  void draw_switches(Studio& studio, Toolbar& bar);
  void draw_chips(Studio& studio, const PlotsFrame& frame, Toolbar& bar);
  void draw_chip_menu(Studio& studio, const PlotsFrame& frame);
  void draw_buttons(Studio& studio, const PlotsFrame& frame, Toolbar& bar);
  void draw_options(Studio& studio);
  void draw_export(Studio& studio, const PlotsFrame& frame);

  std::string menu_root_;  ///< run whose chip menu is open
  std::string run_search_;
  std::string metric_search_;
};

/// Runs that can be shown over the open one, as a list to tick. Call inside a popover.
void draw_run_picker(Studio& studio, std::string* search);

/// Every recorded scalar with unit and help, as a list to tick. Call inside a popover.
void draw_metric_browser(Studio& studio, std::string* search);

/// What a plot showed when its menu was opened.
struct CardReadings {
  double at_cursor = 0.0;  ///< smoothed; NaN without a crosshair
  YScale y;
};

/// The menu of one card, while its popover is open.
void draw_card_menu(Studio& studio,
                    const PlotsFrame& frame,
                    const std::string& metric,
                    const CardReadings& readings);

/// Sequence of the event nearest to the crosshair, or the newest without one; -1: no events.
std::int64_t event_near(const RunView& run, const PlotGroup& group);

/// How a card's metric is shown now: the user's view of the card over the settings of all plots.
struct CardStyle {
  MetricText text;
  XAxis axis = XAxis::kSteps;
  YFit y;
  bool is_clipped = false;
  double smoothing = 0.0;
};

CardStyle card_style(const Studio& studio, const std::string& metric);

/// The plot of a card as it stands, for export.
ChartSpec chart_of_card(const Studio& studio, const PlotsFrame& frame, const std::string& metric);

/// Orders the export of one card, or of all scalars on the board (empty metric).
void export_cards(Studio& studio,
                  const PlotsFrame& frame,
                  const std::string& metric,
                  ExportFormat format,
                  bool to_clipboard = false);

}  // namespace switchyard::ui
