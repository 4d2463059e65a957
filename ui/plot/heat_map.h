#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <imgui.h>

#include "ui/plot/map_columns.h"
#include "ui/plot/map_scale.h"
#include "ui/plot/map_texture.h"
#include "ui/plot/plot_group.h"

namespace switchyard::ui {

struct CardHandle;  // ui/widgets/cards.h

struct TimeMapOptions {
  std::string_view title;
  std::string_view caption;
  float height = 0.0F;
  float width = 0.0F;
  MapScale scale;
  /// Name of a row: "e17", "L3".
  std::function<std::string(int row)> row_name;
  bool is_relative = false;  ///< cells ÷ the mean of their column: counts → load ÷ fair share
  std::function<std::string(double value)> format;  ///< value in the hover card
  bool is_first_row_on_top = false;                 ///< default: row 0 at the bottom
  bool use_max = false;                             ///< merged columns show their maximum
  int selected_row = -1;
  const CardHandle* handle = nullptr;  ///< of the card's title row
  double play_head = -1.0;             ///< x; later columns are dimmed. < 0: none
};

struct MapResult {
  bool is_menu_clicked = false;
  int hovered_row = -1;
  int clicked_row = -1;
};

/// Rows × time as a card, on the time axis of the plots of its group: texture of whole pixels, each
/// filled from the samples of that moment (the largest deviation wins where several share a pixel).
///
/// Threads: main thread. Limits: 2,048 columns, any number of rows.
class TimeMap {
 public:
  explicit TimeMap(std::string id) : id_(std::move(id)) {}

  MapResult draw(PlotGroup& group,
                 const std::shared_ptr<const MapColumns>& columns,
                 const TimeMapOptions& options);

  /// Least and greatest finite value above 0, as shown with `is_relative`; 0 and 0 without one.
  /// Looked for anew only when the columns are.
  std::array<float, 2> extent(const std::shared_ptr<const MapColumns>& columns, bool is_relative);

 private:
  struct Shape;
  void fill(const PlotGroup& group, const MapColumns& columns, const TimeMapOptions& options);
  void draw_hover(const PlotGroup& group,
                  const MapColumns& columns,
                  const TimeMapOptions& options,
                  int row);

  std::string id_;
  MapTexture texture_;
  std::string signature_;         ///< of everything the texture was filled from
  std::vector<float> histogram_;  ///< of the cells in the texture, for the legend
  int width_ = 0, height_ = 0;
  std::shared_ptr<const MapColumns> measured_;  ///< what extent_ is of
  bool is_measured_relative_ = false;
  std::array<float, 2> extent_{};
};

struct GridMapOptions {
  int num_rows = 0, num_columns = 0;
  MapScale scale;
  std::function<std::string(int row)> row_name;
  std::function<std::string(int column)> column_name;
  std::function<std::string(double value)> format;
  int selected_row = -1, selected_column = -1;
  float max_cell = 0.0F;    ///< pixels; 0: 2.4 em
  float right_room = 0.0F;  ///< pixels kept free beside the cells
};

struct GridResult {
  int hovered_row = -1, hovered_column = -1;
  bool is_clicked = false;
  ImVec2 min;   ///< of the first cell
  ImVec2 cell;  ///< size of one, with its gap
};

/// Rows × columns as cells of whole pixels (a texture above 64 × 64), numbers from 28 px on, hatch
/// on dead cells, names along two sides. `values` row by row; NaN is no data. Fills what is left of
/// the width; the height follows from the cells.
class GridMap {
 public:
  explicit GridMap(std::string id) : id_(std::move(id)) {}

  GridResult draw(std::span<const float> values, const GridMapOptions& options);

 private:
  std::string id_;
  MapTexture texture_;
  std::vector<float> shown_;    ///< values last uploaded
  std::string shown_settings_;  ///< and what made colours of them
};

/// The scale as a bar with its words below and how often each part occurs above; fills the height
/// of a card's title whose right upper corner is given, with a chip for the colour of dead experts
/// where the scale has one. Width of the bar in pixels.
void draw_legend(ImVec2 title_right_top,
                 float width,
                 const MapScale& scale,
                 std::span<const float> histogram = {});

/// Pixels that a legend takes of a title row.
float legend_width(float bar, const MapScale& scale);

/// Diagonal lines over a dead cell, so that colour is not alone.
void draw_hatch(ImDrawList* list, ImVec2 min, ImVec2 max, Color color);

}  // namespace switchyard::ui
