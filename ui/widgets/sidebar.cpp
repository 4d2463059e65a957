#include "ui/widgets/sidebar.h"

#include <cmath>

#include <imgui.h>

#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/focus.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {

void sidebar_caption(std::string_view words) {
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  draw_text(
      ImGui::GetWindowDrawList(), Type::kCaption, {pos.x + em(0.6F), pos.y}, theme().text3, words);
  ImGui::Dummy({0.0F, em(1.5F)});
}

bool sidebar_row(const SidebarRow& row) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const ImVec2 size = {ImGui::GetContentRegionAvail().x, em(2.15F)};
  const ImVec2 max = {min.x + size.x, min.y + size.y};
  const bool is_clicked = hit_area(row.label, size);
  ImDrawList* list = ImGui::GetWindowDrawList();
  if (row.is_selected || ImGui::IsItemHovered())
    list->AddRectFilled(min, max, row.is_selected ? t.selection : t.hover, em(0.38F));
  draw_focus_ring(min, max, em(0.38F), ImGui::GetItemID());
  const float y = std::round(min.y + (size.y - line_height(Type::kBody)) * 0.5F);
  float x = min.x + em(0.6F), right = max.x - em(0.4F);
  if (row.sign != Icon::kCount) {
    draw_text(list, Type::kBody, {x, y}, t.text3, icon(row.sign));
    x += em(1.5F);
  }
  if (!row.note.empty()) {
    draw_text_right(list, Type::kDigitsCaption, {max.x - em(0.8F), y}, t.text3, row.note);
    right = max.x - em(2.4F);
  }
  draw_text(list,
            row.is_selected ? Type::kBodyStrong : Type::kBody,
            {x, y},
            row.is_selected ? t.text1 : t.text2,
            visible_label(row.label),
            right - x);
  return is_clicked;
}

}  // namespace switchyard::ui
