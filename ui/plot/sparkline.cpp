#include <algorithm>
#include <vector>

#include <imgui.h>

#include "ui/plot/line_plot.h"
#include "ui/shell/theme.h"

namespace switchyard::ui {

void sparkline(
    std::span<const double> values, float width, float height, Color color, bool is_filled) {
  const ImVec2 min = ImGui::GetCursorScreenPos();
  ImGui::Dummy({width, height});
  Extent extent;
  for (const double v : values) extent.add(v);
  const std::size_t columns = std::max<std::size_t>(2, static_cast<std::size_t>(width));
  if (extent.empty() || values.size() < 2) return;
  const double span = extent.max > extent.min ? extent.max - extent.min : 1.0;
  std::vector<ImVec2> points;
  const auto add = [&](std::size_t column, double value) {
    const float u = (static_cast<float>(column) + 0.5F) / static_cast<float>(columns);
    const float v =
        extent.max > extent.min ? static_cast<float>((value - extent.min) / span) : 0.5F;
    points.push_back({min.x + u * width, min.y + px(1) + (1.0F - v) * (height - px(2))});
  };
  std::size_t first = 0;
  for (std::size_t column = 0; column < columns; ++column) {  // both extremes of every pixel
    const std::size_t last = values.size() * (column + 1) / columns;
    Extent part;
    for (; first < last; ++first) part.add(values[first]);
    if (part.empty()) continue;
    add(column, part.min);
    if (part.max > part.min) add(column, part.max);
  }
  if (points.size() < 2) return;
  ImDrawList* list = ImGui::GetWindowDrawList();
  if (is_filled) {
    for (std::size_t i = 1; i < points.size(); ++i) {
      list->AddQuadFilled(points[i - 1],
                          points[i],
                          {points[i].x, min.y + height},
                          {points[i - 1].x, min.y + height},
                          faded(color, 0.16F));
    }
  }
  list->AddPolyline(points.data(), static_cast<int>(points.size()), color, ui_scale() * 1.2F);
}

}  // namespace switchyard::ui
