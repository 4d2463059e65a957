#include <algorithm>
#include <cmath>
#include <string>

#include <imgui.h>
#include <imgui_internal.h>

#include "ui/shell/dock_shell.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kTopBarEm = 3.1F;
constexpr float kNameFromEm = 62.0F;   ///< width of the window from which the product's name fits
constexpr float kWordsFromEm = 52.0F;  ///< and the names of the workspaces

Icon workspace_icon(Workspace workspace) {
  switch (workspace) {
    case Workspace::kTrain:
      return Icon::kTrain;
    case Workspace::kRouting:
      return Icon::kRouting;
    case Workspace::kPrompt:
      return Icon::kPrompt;
    case Workspace::kRuns:
      return Icon::kRuns;
  }
  return Icon::kTrain;
}

Icon theme_icon(ThemeKind kind) {
  switch (kind) {
    case ThemeKind::kLight:
      return Icon::kThemeLight;
    case ThemeKind::kContrast:
      return Icon::kThemeContrast;
    case ThemeKind::kDark:
      break;
  }
  return Icon::kThemeDark;
}

bool search_button(const char* hint, float width) {
  const ThemeTokens& t = theme();
  const float height = em(1.9F);
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const bool is_clicked = hit_area("Search###palette.open", {width, height});
  const bool is_hovered = ImGui::IsItemHovered();
  const unsigned id = ImGui::GetItemID();
  const ImVec2 max = {min.x + width, min.y + height};
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(min, max, t.bg0, em(0.38F));
  list->AddRect(min, max, is_hovered ? mix(t.line2, t.text3, 0.4F) : t.line2, em(0.38F), px(1), 0);
  draw_focus_ring(min, max, em(0.38F), id);
  const float y = min.y + (height - line_height(Type::kBody)) * 0.5F;
  draw_text(list, Type::kBody, {min.x + em(0.7F), y}, t.text3, icon(Icon::kSearch));
  const float keys = kbd_width({"Ctrl", "K"});
  draw_text(list, Type::kBody, {min.x + em(2.2F), y}, t.text3, hint, width - em(3.1F) - keys);
  draw_kbd(list,
           {max.x - keys - em(0.5F), std::round(min.y + (height - em(1.25F)) * 0.5F)},
           {"Ctrl", "K"});
  return is_clicked;
}

}  // namespace

const char* workspace_name(Workspace workspace) {
  switch (workspace) {
    case Workspace::kTrain:
      return "Train";
    case Workspace::kRouting:
      return "Routing";
    case Workspace::kPrompt:
      return "Prompt";
    case Workspace::kRuns:
      return "Runs";
  }
  return "";
}

void draw_logo(float x, float y, float size) {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float u = size / 20.0F, thickness = 2.0F * u;
  const ImVec2 left = {x + 2.5F * u, y + 13.5F * u};
  const ImVec2 low = {x + 18.0F * u, y + 13.5F * u}, high = {x + 18.0F * u, y + 5.0F * u};
  list->AddLine(left, low, t.text1, thickness);
  list->AddBezierCubic(
      left, {x + 9.0F * u, left.y}, {x + 9.5F * u, high.y}, high, t.accent, thickness);
  list->AddCircleFilled(left, 2.1F * u, t.text1);
  list->AddCircleFilled(low, 1.3F * u, t.text1);
  list->AddCircleFilled(high, 2.1F * u, t.accent);
}

void DockShell::draw_workspace_tab(Workspace workspace) {
  const ThemeTokens& t = theme();
  const bool is_on = workspace_ == workspace && !is_outside_workspaces_;
  const char* name = workspace_name(workspace);
  const bool has_words = is_on || ImGui::GetWindowSize().x >= em(kWordsFromEm);
  const float height = em(1.95F);
  const float width = has_words ? em(2.75F) + text_size(Type::kControl, name).x : em(2.3F);
  const ImVec2 min = ImGui::GetCursorScreenPos(), max = {min.x + width, min.y + height};
  const std::string label =
      std::string(name) + "###workspace." + std::to_string(static_cast<int>(workspace));
  if (hit_area(label.c_str(), {width, height})) set_workspace(workspace);
  const bool is_hovered = ImGui::IsItemHovered();
  const unsigned id = ImGui::GetItemID();
  ImDrawList* list = ImGui::GetWindowDrawList();
  if (is_on || is_hovered) list->AddRectFilled(min, max, is_on ? t.active : t.hover, em(0.38F));
  draw_focus_ring(min, max, em(0.38F), id);
  const float y = min.y + (height - line_height(Type::kControl)) * 0.5F;
  draw_text(list,
            Type::kControl,
            {min.x + em(0.62F), y},
            is_on ? t.link : t.text2,
            icon(workspace_icon(workspace)));
  if (!has_words) return tooltip(name);
  draw_text(
      list, Type::kControl, {min.x + em(2.1F), y}, is_on || is_hovered ? t.text1 : t.text2, name);
}

void DockShell::draw_top_bar(const ShellParts& parts) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  const float height = em(kTopBarEm);
  ImDrawList* list = ImGui::GetWindowDrawList();
  draw_logo(min.x + em(0.95F), min.y + (height - em(1.6F)) * 0.5F, em(1.6F));
  const float text_y = min.y + (height - line_height(Type::kHeading)) * 0.5F;
  const float name_x = min.x + em(3.45F);
  float rule = std::round(name_x);
  if (size.x >= em(kNameFromEm)) {
    const float width = draw_text(list, Type::kHeading, {name_x, text_y}, t.text1, "Switchyard");
    rule = std::round(name_x + width + em(1));
  }
  list->AddRectFilled({rule, min.y + em(1)}, {rule + px(1), min.y + height - em(1)}, t.line2);
  ImGui::SetCursorScreenPos({rule + em(0.85F), min.y + (height - em(1.95F)) * 0.5F});
  for (const Workspace workspace :
       {Workspace::kTrain, Workspace::kRouting, Workspace::kPrompt, Workspace::kRuns}) {
    draw_workspace_tab(workspace);
    ImGui::SameLine(0.0F, em(0.45F));
  }
  const float tabs_end = ImGui::GetCursorScreenPos().x;
  const float buttons = button_height() * static_cast<float>(1 + std::max(0, parts.num_top_right));
  const float right = min.x + size.x - em(0.7F);
  const float search_right = right - buttons - em(0.6F);
  const float search = std::min(em(20.7F), search_right - tabs_end - em(1));
  const float button_y = min.y + (height - button_height()) * 0.5F;
  if (search > em(6) && parts.open_palette) {
    ImGui::SetCursorScreenPos({search_right - search, min.y + (height - em(1.9F)) * 0.5F});
    if (search_button(parts.search_hint.c_str(), search)) parts.open_palette();
  }
  ImGui::SetCursorScreenPos({right - buttons, button_y});
  const std::string help =
      "Theme: " + std::string(theme_name(theme_kind_)) + ". Click for the next.";
  if (icon_button("Theme###shell.theme", theme_icon(theme_kind_), help.c_str()))
    set_theme(next_theme(theme_kind_));
  if (parts.top_right) {
    ImGui::SameLine(0.0F, 0.0F);
    parts.top_right();
  }
}

}  // namespace switchyard::ui
