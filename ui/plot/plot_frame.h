#pragma once

#include <span>
#include <string_view>

#include <imgui.h>

#include "ui/plot/plot_group.h"
#include "ui/plot/ticks.h"
#include "ui/plot/y_scale.h"
#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {

/// The drawing area of one plot inside its card: ImPlot's axes without its labels, which are drawn
/// here so that all plots and maps of a column share their left edge.
struct PlotFrame {
  ImVec2 min, max;  ///< of the data area, whole pixels
  bool is_hovered = false;

  [[nodiscard]] int columns() const { return static_cast<int>(max.x - min.x); }
};

struct PlotFrameOptions {
  YScale y;
  bool has_grid = true;
  std::span<const Tick> y_ticks;
  float right_padding_em = 0.85F;
};

/// Where the data area will be, from the cursor and what is left of the card; grows the gutter of
/// the group to the labels. Call before decimating.
PlotFrame place_plot(PlotGroup& group,
                     std::span<const Tick> y_ticks,
                     float right_padding_em = 0.85F);

/// Begins the ImPlot plot in the placed area; call end_plot_frame when true.
bool begin_plot_frame(const char* id,
                      PlotGroup& group,
                      PlotFrame& frame,
                      const PlotFrameOptions& options);

/// Crosshair, pan and zoom results, labels.
void end_plot_frame(PlotGroup& group, PlotFrame& frame, const PlotFrameOptions& options);

/// Pixel of a value on the y axis.
float y_pixel(const PlotFrame& frame, const YScale& scale, double y);

/// Pixel of a place on the group's x axis.
float x_pixel(const PlotGroup& group, const PlotFrame& frame, double x);

/// Vertical dashed line: 2 on, 2 off.
void draw_dashed_line(ImDrawList* list, ImVec2 from, ImVec2 to, Color color, float on, float off);

/// One line of a read-out card.
struct ReadoutLine {
  std::string_view name;
  std::string value;  ///< smoothed
  std::string raw;
  Color color = 0;
};

/// The card beside the crosshair, on the foreground list; flips at the edges of the window.
void draw_readout(ImVec2 anchor, std::string_view title, std::span<const ReadoutLine> lines);

}  // namespace switchyard::ui
