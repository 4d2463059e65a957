#include "ui/plot/xy_plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ui/plot/plot_frame.h"
#include "ui/shell/theme.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t kMostMarked = 64;  ///< points of a strong line that are marked

struct Area {
  ImVec2 min, max;
  const XyPlotOptions& options;

  [[nodiscard]] float x(double value) const {
    return min.x + (max.x - min.x) * static_cast<float>(options.x.place(value));
  }

  [[nodiscard]] float y(double value) const {
    return max.y - (max.y - min.y) * static_cast<float>(options.y.place(value));
  }
};

void draw_axes(const Area& area) {
  const ThemeTokens& t = theme();
  const XyPlotOptions& options = area.options;
  ImDrawList* list = ImGui::GetWindowDrawList();
  const Color grid = with_alpha(t.text3, 0.16F);
  const float half = line_height(Type::kDigitsCaption) * 0.5F;
  const int num_y = std::clamp(static_cast<int>((area.max.y - area.min.y) / em(2.2F)), 2, 6);
  for (const Tick& tick : options.y.ticks(num_y)) {
    const float y = std::round(area.y(tick.value));
    list->AddLine({area.min.x, y}, {area.max.x, y}, grid, px(1));
    draw_text_right(
        list, Type::kDigitsCaption, {area.min.x - em(0.45F), y - half}, t.text3, tick.label);
  }
  float limit = area.max.x;
  if (!options.x_title.empty()) {
    limit -= text_size(Type::kCaption, options.x_title).x + em(0.8F);
    draw_text_right(
        list, Type::kCaption, {area.max.x, area.max.y + em(0.35F)}, t.text3, options.x_title);
  }
  const int num_x = std::clamp(static_cast<int>((area.max.x - area.min.x) / em(5.5F)), 2, 6);
  float free_from = area.min.x - em(4);
  for (const Tick& tick : options.x.ticks(num_x)) {
    const float x = std::round(area.x(tick.value));
    list->AddLine({x, area.min.y}, {x, area.max.y}, grid, px(1));
    const std::string label = options.x_name ? options.x_name(tick.value) : tick.label;
    const float width = text_size(Type::kDigitsCaption, label).x;
    const float left = x - width * 0.5F;
    if (left < free_from || left + width > limit) continue;
    draw_text(list, Type::kDigitsCaption, {left, area.max.y + em(0.35F)}, t.text3, label);
    free_from = left + width + em(0.5F);
  }
}

void draw_line(const Area& area, const XyLine& line) {
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float width = line.is_strong ? px(2) : px(1);
  const bool is_log = area.options.y.kind == YScaleKind::kLog;
  const bool is_marked = line.is_strong && line.y.size() <= kMostMarked;
  bool has_last = false;
  ImVec2 last;
  for (std::size_t i = 0; i < line.y.size(); ++i) {
    const double value = line.y[i];
    const float x = area.x(line.first_x + static_cast<double>(i));
    if (is_log && value <= 0.0) {
      has_last = false;
      if (line.is_strong)
        list->AddRectFilled(
            {x - px(2), area.max.y - em(0.45F)}, {x + px(2), area.max.y}, theme().dead);
      continue;
    }
    if (!std::isfinite(value)) {
      has_last = false;
      continue;
    }
    const ImVec2 at = {x, area.y(value)};
    if (has_last) list->AddLine(last, at, line.color, width);
    if (is_marked) list->AddCircleFilled(at, em(0.2F), line.color);
    last = at;
    has_last = true;
  }
}

}  // namespace

double draw_xy_plot(const char* id, std::span<const XyLine> lines, const XyPlotOptions& options) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const ImVec2 start = ImGui::GetCursorScreenPos(), avail = ImGui::GetContentRegionAvail();
  float gutter = em(2);
  for (const Tick& tick : options.y.ticks(6))
    gutter = std::max(gutter, text_size(Type::kDigitsCaption, tick.label).x + em(1.2F));
  const Area area{
      {std::round(start.x + gutter), std::round(start.y + em(0.5F))},
      {std::round(start.x + avail.x - em(0.85F)), std::round(start.y + avail.y - em(1.75F))},
      options};
  if (area.max.x - area.min.x < em(4) || area.max.y - area.min.y < em(2)) return none;
  draw_axes(area);
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->PushClipRect(
      {area.min.x - px(3), area.min.y - px(3)}, {area.max.x + px(3), area.max.y + px(3)}, true);
  if (options.fair > 0.0) {
    const float y = std::round(area.y(options.fair));
    draw_dashed_line(list, {area.min.x, y}, {area.max.x, y}, t.text3, px(4), px(3));
  }
  for (const XyLine& line : lines) {
    if (!line.is_strong) draw_line(area, line);
  }
  for (const XyLine& line : lines) {
    if (line.is_strong) draw_line(area, line);
  }
  list->PopClipRect();
  ImGui::SetCursorScreenPos(area.min);
  ImGui::InvisibleButton(id, {area.max.x - area.min.x, area.max.y - area.min.y});
  const bool is_hovered = ImGui::IsItemHovered();
  ImGui::SetCursorScreenPos(start);
  ImGui::Dummy(avail);
  if (!is_hovered) return none;
  const auto part =
      static_cast<double>((ImGui::GetIO().MousePos.x - area.min.x) / (area.max.x - area.min.x));
  const double x = std::round(options.x.value_at(part));
  const float line_x = std::round(area.x(x));
  list->AddLine({line_x, area.min.y}, {line_x, area.max.y}, with_alpha(t.text1, 0.45F), px(1));
  return x;
}

}  // namespace switchyard::ui
