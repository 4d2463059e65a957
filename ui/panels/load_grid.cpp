#include "ui/panels/load_grid.h"

#include <algorithm>
#include <string>
#include <vector>

#include "ui/model/playback.h"
#include "ui/panels/common.h"
#include "ui/panels/maps.h"
#include "ui/plot/map_columns.h"
#include "ui/plot/plot_frame.h"

namespace switchyard::ui {
namespace {

/// When an expert without tokens had some for the last time.
std::string last_use(const MapColumns& columns, int expert, std::int64_t step) {
  const auto row = static_cast<std::size_t>(expert);
  if (columns.num_columns() == 0 || row >= static_cast<std::size_t>(columns.num_rows)) return "";
  for (std::size_t column = column_at(columns, step) + 1; column-- > 0;) {
    if (columns.mean_of(column)[row] > 0.0F)
      return "step " + grouped_number(columns.last[column].step);
  }
  return "never";
}

void draw_hover(const Studio& studio,
                const RoutingGrid& grid,
                const LoadGridOptions& options,
                int row,
                int column) {
  const auto value = static_cast<double>(
      grid.row(static_cast<std::size_t>(row))[static_cast<std::size_t>(column)]);
  const int layer = grid.layers[static_cast<std::size_t>(row)];
  std::vector<ReadoutLine> lines;
  lines.push_back({options.value_name, options.format(value), "", 0});
  const MapView* map = studio.run->map("tokens_per_expert", layer);
  if (map != nullptr && column < map->columns->num_rows && map->columns->num_columns() > 0) {
    const std::int64_t step = playback_step(studio);
    const auto counts = map->columns->mean_of(column_at(*map->columns, step));
    double total = 0.0;
    for (const float count : counts) total += static_cast<double>(count);
    const auto count = static_cast<double>(counts[static_cast<std::size_t>(column)]);
    lines.push_back({"tokens since the sample before", plain_number(count, 5), "", 0});
    if (total > 0.0)
      lines.push_back({"share of the layer", plain_number(100.0 * count / total, 3) + " %", "", 0});
    if (value == 0.0) lines.push_back({"last used", last_use(*map->columns, column, step), "", 0});
  }
  const std::string title = "expert " + std::to_string(column) + ", layer " + std::to_string(layer);
  draw_readout(ImGui::GetIO().MousePos, title, lines);
}

}  // namespace

GridResult draw_load_grid(Studio& studio,
                          GridMap& map,
                          const RoutingGrid& grid,
                          const LoadGridOptions& options) {
  GridMapOptions cells;
  cells.num_rows = static_cast<int>(grid.layers.size());
  cells.num_columns = grid.num_columns;
  cells.scale = options.scale;
  cells.max_cell = options.max_cell;
  cells.right_room = options.right_room;
  cells.format = options.format;
  cells.row_name = [&grid](int row) {
    return layer_name(grid.layers[static_cast<std::size_t>(row)]);
  };
  cells.column_name = expert_name;
  cells.selected_column = studio.selection.expert;
  const auto at = std::find(grid.layers.begin(), grid.layers.end(), studio.selection.layer);
  cells.selected_row = at == grid.layers.end() ? -1 : static_cast<int>(at - grid.layers.begin());
  const GridResult result = map.draw(grid.values, cells);
  if (result.hovered_row < 0) return result;
  draw_hover(studio, grid, options, result.hovered_row, result.hovered_column);
  if (result.is_clicked) {
    studio.selection.layer = grid.layers[static_cast<std::size_t>(result.hovered_row)];
    studio.selection.expert = result.hovered_column;
  }
  return result;
}

}  // namespace switchyard::ui
