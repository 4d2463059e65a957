#include "ui/plot/heat_map.h"

#include <algorithm>
#include <cmath>

#include "ui/shell/theme.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {

void draw_legend(ImVec2 title_right_top,
                 float width,
                 const MapScale& scale,
                 std::span<const float> histogram) {
  const ThemeTokens& t = theme();
  const ColorTable& table = color_table(scale.palette, t.kind);
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float left = std::round(title_right_top.x - width), height = em(0.5F),
              top = std::round(title_right_top.y + em(0.58F));
  constexpr int kSteps = 64;
  for (int i = 0; i < kSteps; ++i) {
    const float a = left + std::floor(width * static_cast<float>(i) / kSteps);
    const float b = left + std::floor(width * static_cast<float>(i + 1) / kSteps);
    list->AddRectFilled(
        {a, top}, {b, top + height}, palette_color(table, (static_cast<float>(i) + 0.5F) / kSteps));
  }
  const float bar = histogram.empty() ? 0.0F : width / static_cast<float>(histogram.size());
  for (std::size_t i = 0; i < histogram.size(); ++i) {
    const float x = left + bar * static_cast<float>(i), h = em(0.45F) * histogram[i];
    list->AddRectFilled(
        {x, top - h}, {x + std::max(1.0F, bar - 1.0F), top}, with_alpha(t.text3, 0.7F));
  }
  const float y = top + height + px(1);
  draw_text(list, Type::kCaption, {left, y}, t.text3, scale.low_label);
  const float middle = text_size(Type::kCaption, scale.middle_label).x;
  draw_text(list, Type::kCaption, {left + (width - middle) * 0.5F, y}, t.text3, scale.middle_label);
  draw_text_right(list, Type::kCaption, {left + width, y}, t.text3, scale.high_label);
  if (!scale.is_zero_dead) return;
  const ImVec2 chip = {left - em(4.6F), title_right_top.y + em(0.75F)};
  list->AddRectFilled(chip, {chip.x + em(0.65F), chip.y + em(0.65F)}, t.dead, px(2));
  draw_text(list, Type::kCaption, {chip.x + em(1), chip.y - px(2)}, t.text3, "dead");
}

float legend_width(float bar, const MapScale& scale) {
  return bar + (scale.is_zero_dead ? em(4.6F) : 0.0F);
}

void draw_hatch(ImDrawList* list, ImVec2 min, ImVec2 max, Color color) {
  list->PushClipRect(min, max, true);
  const float step = px(4), height = max.y - min.y;
  for (float x = min.x - height; x < max.x; x += step) {
    list->AddLine({x, max.y}, {x + height, min.y}, color, px(1));
  }
  list->PopClipRect();
}

}  // namespace switchyard::ui
