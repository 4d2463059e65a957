#include "ui/panels/shortcuts.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <imgui.h>

#include "ui/model/shortcuts.h"
#include "ui/panels/common.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kColumnEm = 21.0F;
constexpr float kLineEm = 1.8F;

float keys_width(const ShortcutLine& line) {
  float width = 0.0F;
  for (std::size_t i = 0; i < line.num_keys(); ++i)
    width += kbd_width({line.keys[i]}) + (i == 0 ? 0.0F : px(3));
  return width;
}

void draw_line(const ShortcutLine& line, ImVec2 at, float width) {
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float height = em(kLineEm), keys = keys_width(line);
  draw_text(list,
            Type::kBody,
            {at.x, std::round(at.y + (height - line_height(Type::kBody)) * 0.5F)},
            theme().text1,
            line.what,
            width - keys - em(0.8F));
  float x = at.x + width - keys;
  for (std::size_t i = 0; i < line.num_keys(); ++i) {
    draw_kbd(list, {x, std::round(at.y + (height - em(1.25F)) * 0.5F)}, {line.keys[i]});
    x += kbd_width({line.keys[i]}) + px(3);
  }
}

/// Lines of the table in columns of whole groups.
void draw_table(float column, int num_columns) {
  const ImVec2 start = ImGui::GetCursorScreenPos();
  const float gap_x = em(2.2F);
  const auto lines = shortcut_lines();
  const float per_column =
      std::ceil(static_cast<float>(lines.size() + 4) / static_cast<float>(num_columns)) *
      em(kLineEm);
  float x = start.x, y = start.y, bottom = start.y;
  std::string group;
  for (const ShortcutLine& line : lines) {
    if (group != line.group) {
      if (y - start.y > per_column - em(4)) x += column + gap_x, y = start.y;
      if (y > start.y) y += em(0.7F);
      group = line.group;
      draw_text(ImGui::GetWindowDrawList(), Type::kCaption, {x, y}, theme().text3, group);
      y += em(1.5F);
    }
    draw_line(line, {x, y}, column);
    y += em(kLineEm);
    bottom = std::max(bottom, y);
  }
  ImGui::Dummy({x + column - start.x, bottom - start.y});
}

}  // namespace

void draw_shortcuts(bool* is_open) {
  if (!*is_open) return;
  const ImGuiViewport* view = ImGui::GetMainViewport();
  const int columns = view->Size.x >= em(2.0F * kColumnEm + 8.0F) ? 2 : 1;
  const float room = view->Size.x - em(5);
  const float column = std::min(em(kColumnEm), room);
  const float inner =
      static_cast<float>(columns) * column + static_cast<float>(columns - 1) * em(2.2F);
  ImGui::SetNextWindowPos({view->Pos.x + view->Size.x * 0.5F, view->Pos.y + view->Size.y * 0.47F},
                          ImGuiCond_Always,
                          {0.5F, 0.5F});
  ImGui::SetNextWindowSizeConstraints({inner + em(3), 0.0F}, {inner + em(3), view->Size.y - em(2)});
  ImGui::SetNextWindowSize({inner + em(3), 0.0F});
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(em(1.5F), em(1.2F)));
  ImGui::PushStyleColor(ImGuiCol_WindowBg, theme().popup);
  ImGui::Begin("Shortcuts###shell.shortcuts",
               nullptr,
               ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoMove |
                   ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoSavedSettings |
                   ImGuiWindowFlags_NoDocking);
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->PushClipRectFullScreen();
  draw_popup_box(list, min, {min.x + size.x, min.y + size.y});
  list->PopClipRect();
  text(Type::kHeading, theme().text1, "Keyboard");
  ImGui::Dummy({1.0F, em(0.3F)});
  draw_table(column, columns);
  const bool is_outside = ImGui::IsMouseClicked(ImGuiMouseButton_Left) &&
                          !ImGui::IsWindowHovered(ImGuiHoveredFlags_RootAndChildWindows) &&
                          !ImGui::IsWindowAppearing();
  if (is_outside || ImGui::IsKeyPressed(ImGuiKey_Escape, false)) *is_open = false;
  ImGui::End();
  ImGui::PopStyleColor();
  ImGui::PopStyleVar();
}

}  // namespace switchyard::ui
