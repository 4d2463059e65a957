#include "ui/plot/heat_map.h"

#include <algorithm>
#include <cmath>

#include "ui/shell/theme.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {

MapScale fair_share_scale() {
  MapScale scale;
  scale.palette = Palette::kDiverging;
  scale.low = -3.0;
  scale.high = 3.0;
  scale.is_log2 = true;
  scale.is_zero_dead = true;
  scale.low_label = "1/8";
  scale.middle_label = "fair";
  scale.high_label = "8\xC3\x97";
  return scale;
}

MapScale entropy_scale(double low) {
  MapScale scale;
  scale.palette = Palette::kEntropy;
  scale.low = low;
  scale.high = 1.0;
  scale.low_label = low == 0.0 ? "0" : (low == 0.5 ? "0.5" : "0.6");
  scale.high_label = "1";
  return scale;
}

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
}

std::vector<float> scale_histogram(std::span<const float> values, const MapScale& scale) {
  std::vector<float> bins(32, 0.0F);
  float highest = 0.0F;
  for (const float value : values) {
    if (!std::isfinite(value) || scale.is_dead(value)) continue;
    float& bin =
        bins[std::min<std::size_t>(31, static_cast<std::size_t>(scale.place(value) * 32.0F))];
    highest = std::max(highest, ++bin);
  }
  for (float& bin : bins) bin = highest > 0.0F ? bin / highest : 0.0F;
  return bins;
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
