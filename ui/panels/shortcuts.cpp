#include "ui/panels/shortcuts.h"

#include <cmath>
#include <initializer_list>
#include <vector>

#include <imgui.h>

#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

struct KeyLine {
  const char* what;
  std::initializer_list<const char*> keys;
};

void draw_line(const KeyLine& line, float width) {
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float height = em(1.95F);
  ImDrawList* list = ImGui::GetWindowDrawList();
  draw_text(list,
            Type::kBody,
            {min.x, std::round(min.y + (height - line_height(Type::kBody)) * 0.5F)},
            theme().text1,
            line.what);
  draw_kbd(list, {min.x + width - kbd_width(line.keys), std::round(min.y + em(0.35F))}, line.keys);
  ImGui::Dummy({width, height});
}

}  // namespace

void draw_shortcuts(bool* is_open) {
  if (!*is_open) return;
  const ImGuiViewport* view = ImGui::GetMainViewport();
  const float width = em(31);
  ImGui::SetNextWindowPos({view->Pos.x + view->Size.x * 0.5F, view->Pos.y + view->Size.y * 0.45F},
                          ImGuiCond_Always,
                          {0.5F, 0.5F});
  ImGui::SetNextWindowSize({width, 0.0F});
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(em(1.5F), em(1.2F)));
  ImGui::PushStyleColor(ImGuiCol_WindowBg, theme().popup);
  ImGui::Begin("Shortcuts###shell.shortcuts",
               nullptr,
               ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove |
                   ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoDocking);
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  draw_popup_box(ImGui::GetWindowDrawList(), min, {min.x + size.x, min.y + size.y});
  text(Type::kHeading, theme().text1, "Keyboard");
  ImGui::Dummy({1.0F, em(0.3F)});
  const float inner = width - em(3.0F);
  draw_line({"Train, Routing, Prompt, Runs", {"Ctrl", "1 … 4"}}, inner);
  draw_line({"Search actions, presets, runs", {"Ctrl", "K"}}, inner);
  draw_line({"Pause, resume", {"Space"}}, inner);
  draw_line({"Save a checkpoint", {"Ctrl", "S"}}, inner);
  draw_line({"Generate", {"Ctrl", "Enter"}}, inner);
  draw_line({"Stop generating", {"Esc"}}, inner);
  draw_line({"Larger, smaller, normal text", {"Ctrl", "+", "-", "0"}}, inner);
  draw_line({"Plots: zoom, pan, fit", {"wheel", "drag", "R"}}, inner);
  draw_line({"Move between controls", {"Tab", "arrows"}}, inner);
  draw_line({"This list", {"F1"}}, inner);
  const bool is_outside = ImGui::IsMouseClicked(ImGuiMouseButton_Left) &&
                          !ImGui::IsWindowHovered(ImGuiHoveredFlags_RootAndChildWindows) &&
                          !ImGui::IsWindowAppearing();
  if (is_outside || ImGui::IsKeyPressed(ImGuiKey_Escape, false)) *is_open = false;
  ImGui::End();
  ImGui::PopStyleColor();
  ImGui::PopStyleVar();
}

}  // namespace switchyard::ui
