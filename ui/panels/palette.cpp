#include "ui/panels/palette.h"

#include <algorithm>
#include <cmath>

#include "ui/panels/common.h"
#include "ui/panels/fork_popover.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr int kMostRows = 10;
constexpr float kRowEm = 2.2F;

}  // namespace

void CommandPalette::open() {
  is_open_ = wants_focus_ = true;
  filter_.clear();
  selected_ = first_ = 0;
}

void CommandPalette::move_selection(int count, int rows) {
  if (filter_ != shown_filter_) selected_ = first_ = 0;
  shown_filter_ = filter_;
  if (ImGui::IsKeyPressed(ImGuiKey_DownArrow)) ++selected_;
  if (ImGui::IsKeyPressed(ImGuiKey_UpArrow)) --selected_;
  if (ImGui::IsKeyPressed(ImGuiKey_PageDown)) selected_ += rows;
  if (ImGui::IsKeyPressed(ImGuiKey_PageUp)) selected_ -= rows;
  selected_ = count == 0 ? 0 : std::clamp(selected_, 0, count - 1);
  const bool is_over = ImGui::IsWindowHovered(ImGuiHoveredFlags_RootAndChildWindows);
  if (is_over && ImGui::GetIO().MouseWheel != 0.0F)
    selected_ = std::clamp(
        selected_ - static_cast<int>(ImGui::GetIO().MouseWheel), 0, std::max(0, count - 1));
  first_ = std::clamp(first_, selected_ - rows + 1, selected_);
  first_ = std::clamp(first_, 0, std::max(0, count - rows));
}

bool CommandPalette::draw_entry(const PaletteEntry& entry, int row, bool is_recent) {
  const ThemeTokens& t = theme();
  const float width = ImGui::GetContentRegionAvail().x, height = em(kRowEm);
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const bool is_chosen =
      hit_area(("###palette.row." + std::to_string(row)).c_str(), {width, height});
  const ImVec2 max = {min.x + width, min.y + height};
  const bool is_selected = first_ + row == selected_;
  ImDrawList* list = ImGui::GetWindowDrawList();
  if (is_selected || ImGui::IsItemHovered())
    list->AddRectFilled(min, max, is_selected ? t.selection : t.hover, em(0.38F));
  const float y = std::round(min.y + (height - line_height(Type::kBody)) * 0.5F);
  draw_text(list, Type::kBody, {min.x + em(0.7F), y}, t.text3, icon(entry.icon));
  float right = max.x - em(0.7F);
  const std::string behind = is_recent ? "recent" : entry.group;
  draw_text_right(list, Type::kCaption, {right, y + px(1)}, t.text3, behind);
  right -= text_size(Type::kCaption, behind).x + em(0.8F);
  if (!entry.keys.empty() && width > em(26)) {
    draw_text_right(list, Type::kCaption, {right, y + px(1)}, t.text2, entry.keys);
    right -= text_size(Type::kCaption, entry.keys).x + em(0.8F);
  }
  draw_text(list,
            Type::kBody,
            {min.x + em(2.4F), y},
            is_selected ? t.text1 : t.text2,
            entry.title,
            right - min.x - em(2.4F));
  return is_chosen;
}

void CommandPalette::draw_list(Studio& studio, DockShell& shell) {
  const std::vector<PaletteEntry> entries = palette_entries(studio, shell);
  const std::vector<std::size_t> matches = palette_matches(entries, filter_, studio.recent_actions);
  const int count = static_cast<int>(matches.size());
  const float room = ImGui::GetMainViewport()->Size.y - em(12);
  const int rows =
      std::clamp(static_cast<int>(room / em(kRowEm)), 3, std::max(3, std::min(kMostRows, count)));
  move_selection(count, rows);
  int chosen = -1;
  if (count > 0 && (ImGui::IsKeyPressed(ImGuiKey_Enter, false) ||
                    ImGui::IsKeyPressed(ImGuiKey_KeypadEnter, false)))
    chosen = selected_;
  ImGui::PushStyleVarY(ImGuiStyleVar_ItemSpacing, 0.0F);
  for (int row = 0; row < std::min(rows, count - first_); ++row) {
    const PaletteEntry& entry = entries[matches[static_cast<std::size_t>(first_ + row)]];
    const auto& recent = studio.recent_actions;
    const bool is_recent =
        filter_.empty() && std::find(recent.begin(), recent.end(), entry.title) != recent.end();
    if (draw_entry(entry, row, is_recent)) chosen = first_ + row;
  }
  ImGui::PopStyleVar();
  if (count == 0)
    note("Nothing here by that name. Try a part of it, or the first letters of its words.");
  if (count > rows) {
    gap(0.3F);
    note(std::to_string(selected_ + 1) + " of " + std::to_string(count));
  }
  if (chosen < 0) return;
  const PaletteEntry entry = entries[matches[static_cast<std::size_t>(chosen)]];
  is_open_ = false;
  studio.remember_action(entry.title);
  entry.act(studio, shell);
}

void CommandPalette::draw(Studio& studio, DockShell& shell) {
  if (!is_open_) return;
  const ImGuiViewport* view = ImGui::GetMainViewport();
  const float width = std::min(em(42), view->Size.x - em(3));
  ImGui::SetNextWindowPos(
      {view->Pos.x + view->Size.x * 0.5F, view->Pos.y + em(4)}, ImGuiCond_Always, {0.5F, 0.0F});
  ImGui::SetNextWindowSize({width, 0.0F});
  if (wants_focus_) ImGui::SetNextWindowFocus();
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(em(0.7F), em(0.7F)));
  ImGui::PushStyleColor(ImGuiCol_WindowBg, theme().popup);
  ImGui::Begin("Palette###palette",
               nullptr,
               ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove |
                   ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoDocking |
                   ImGuiWindowFlags_NoNav);
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->PushClipRectFullScreen();
  draw_popup_box(list, min, {min.x + size.x, min.y + size.y});
  list->PopClipRect();
  if (wants_focus_) ImGui::SetKeyboardFocusHere();
  const bool was_appearing = wants_focus_;
  wants_focus_ = false;
  search_field("###palette.filter", &filter_, "What do you want to do?", nullptr, width - em(1.4F));
  gap(0.2F);
  draw_list(studio, shell);
  const bool is_outside = ImGui::IsMouseClicked(ImGuiMouseButton_Left) && !was_appearing &&
                          !ImGui::IsWindowHovered(ImGuiHoveredFlags_RootAndChildWindows);
  if (is_outside || ImGui::IsKeyPressed(ImGuiKey_Escape, false)) is_open_ = false;
  ImGui::End();
  ImGui::PopStyleColor();
  ImGui::PopStyleVar();
}

}  // namespace switchyard::ui
