#pragma once

#include <string_view>

#include "ui/model/studio.h"
#include "ui/plot/heat_map.h"

namespace switchyard::ui {

/// Layer × expert as cells, with names; what Maps and Compare share.
struct LoadGridOptions {
  MapScale scale;
  float max_cell = 0.0F;                         ///< pixels; 0: as the map's own
  float right_room = 0.0F;                       ///< pixels kept free beside the cells
  std::string (*format)(double) = nullptr;       ///< of a value, in cells and on hover
  std::string_view value_name = "÷ fair share";  ///< in the card under the mouse
};

/// Draws into what is left of the card. A click selects layer and expert everywhere; the card under
/// the mouse names the cell.
GridResult draw_load_grid(Studio& studio,
                          GridMap& map,
                          const RoutingGrid& grid,
                          const LoadGridOptions& options);

}  // namespace switchyard::ui
