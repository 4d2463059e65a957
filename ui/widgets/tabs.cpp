#include "ui/widgets/tabs.h"

#include <cmath>
#include <string>

#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {

bool tabs(const char* id, std::span<const TabLine> items, int* selected, bool is_compact) {
  const ThemeTokens& t = theme();
  const float height = em(2.15F), pad = em(0.7F);
  ImDrawList* list = ImGui::GetWindowDrawList();
  bool is_changed = false;
  ImGui::BeginGroup();
  for (int i = 0; i < static_cast<int>(items.size()); ++i) {
    const TabLine& item = items[static_cast<std::size_t>(i)];
    const bool is_on = *selected == i, has_icon = item.icon != Icon::kCount;
    const bool has_words = is_on || !is_compact || !has_icon;
    const float icon_width =
        has_icon ? text_size(Type::kBody, icon(item.icon)).x + (has_words ? em(0.5F) : 0.0F) : 0.0F;
    const float words = has_words ? text_size(Type::kBodyMedium, item.label).x : 0.0F;
    const float width = std::round(icon_width + words + 2.0F * pad);
    if (i > 0) ImGui::SameLine(0.0F, px(2));
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const std::string label = std::string(item.label) + "###" + id + "." + std::to_string(i);
    if (hit_area(label.c_str(), {width, height}) && !is_on) *selected = i, is_changed = true;
    const bool is_hovered = ImGui::IsItemHovered();
    if (!has_words) tooltip(item.label);
    const Color color = is_on || is_hovered ? t.text1 : t.text3;
    const float y = std::round(min.y + (height - line_height(Type::kBodyMedium)) * 0.5F);
    if (has_icon) draw_text(list, Type::kBody, {min.x + pad, y}, color, icon(item.icon));
    if (has_words)
      draw_text(list, Type::kBodyMedium, {min.x + pad + icon_width, y}, color, item.label);
    if (is_on)
      list->AddRectFilled({min.x + px(2), min.y + height - px(2)},
                          {min.x + width - px(2), min.y + height},
                          t.accent);
  }
  ImGui::EndGroup();
  return is_changed;
}

}  // namespace switchyard::ui
