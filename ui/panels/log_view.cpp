#include "ui/panels/log_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "ui/panels/common.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/focus.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kLineEm = 1.55F;

Color level_color(LogLevel level) {
  const ThemeTokens& t = theme();
  switch (level) {
    case LogLevel::kError:
      return t.failure;
    case LogLevel::kWarning:
      return t.attention;
    case LogLevel::kDebug:
      return t.text3;
    case LogLevel::kInfo:
      break;
  }
  return t.text2;
}

Icon level_icon(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return Icon::kFailure;
    case LogLevel::kWarning:
      return Icon::kAttention;
    case LogLevel::kDebug:
      return Icon::kMore;
    case LogLevel::kInfo:
      break;
  }
  return Icon::kInfo;
}

}  // namespace

void LogPage::draw_controls(Studio& studio, float right, float top, float height) {
  DrawerState& drawer = studio.drawer;
  const auto place = [&](float width, float item_height) {
    right -= width;
    ImGui::SetCursorScreenPos({std::round(right), std::round(top + (height - item_height) * 0.5F)});
    right -= em(0.6F);
  };
  const float small = button_height(true);
  const bool is_narrow = ImGui::GetWindowSize().x < em(60);
  place(small, small);
  ButtonOptions options;
  options.is_small = true;
  if (lines_.empty()) options.disabled_reason = "there is nothing to copy";
  const char* help = "Copies the selected lines, or all that are shown";
  if (icon_button("Copy###log.copy", Icon::kCopy, help, options)) copy(selection_.Size == 0);
  const char* follow = is_narrow ? "###log.follow" : "Follow###log.follow";
  place(em(1.7F) + (is_narrow ? 0.0F : text_size(Type::kBody, "Follow").x), em(1.1F));
  checkbox(follow, &drawer.is_following);
  tooltip("The newest line stays in sight");
  const float search = is_narrow ? em(8) : em(15);
  place(search, em(1.85F));
  if (drawer.wants_search) ImGui::SetKeyboardFocusHere();
  drawer.wants_search = false;
  search_field("###log.search", &drawer.filter.words, "Find", nullptr, search);
  static constexpr std::array<const char*, 4> kLevels = {"All", "Info", "Warnings", "Errors"};
  int level = static_cast<int>(drawer.filter.lowest);
  FieldOptions field;
  field.width = em(7.2F);
  place(field.width, em(1.7F));
  if (combo("###log.level", kLevels, &level, field))
    drawer.filter.lowest = static_cast<LogLevel>(level);
}

void LogPage::refresh(const DrawerState& drawer) {
  if (view_ == drawer.log && filter_ == drawer.filter) return;
  const bool is_other =
      view_ == nullptr || view_->root != drawer.log->root || !(filter_ == drawer.filter);
  view_ = drawer.log;
  filter_ = drawer.filter;
  lines_ = filter_log(*view_, filter_);
  if (!is_other) return;
  selection_.Clear();
  marked_ = -1;
}

void LogPage::copy(bool copies_all) {
  std::string text;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (copies_all || selection_.Contains(static_cast<ImGuiID>(i)))
      text += lines_[i]->text() + "\n";
  }
  ImGui::SetClipboardText(text.c_str());
}

void LogPage::draw_line(const LogEntry& entry, int index) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float height = em(kLineEm), time_width = em(5.4F), icon_width = em(1.7F);
  const float words =
      text_size(Type::kMono, entry.message).x + text_size(Type::kMono, entry.fields).x;
  const float width =
      std::max(ImGui::GetContentRegionAvail().x, time_width + icon_width + words + em(3));
  ImGui::SetNextItemSelectionUserData(index);
  const bool is_selected = selection_.Contains(static_cast<ImGuiID>(index));
  const std::string id = "###log.line." + std::to_string(index);
  ImGui::Selectable(id.c_str(), is_selected, ImGuiSelectableFlags_None, {width, height});
  ImDrawList* list = ImGui::GetWindowDrawList();
  if (index == marked_) list->AddRectFilled(min, {min.x + px(2), min.y + height}, t.attention);
  const float y = std::round(min.y + (height - line_height(Type::kMono)) * 0.5F);
  float x = min.x + em(0.8F);
  draw_text(list, Type::kMono, {x, y}, t.text3, clock_text(entry.wall_time));
  x += time_width;
  draw_text(list, Type::kCaption, {x, y}, level_color(entry.level), icon(level_icon(entry.level)));
  x += icon_width;
  const bool is_loud = entry.level >= LogLevel::kWarning;
  const Color color = is_loud ? level_color(entry.level) : t.text1;
  x += draw_text(list, Type::kMono, {x, y}, color, entry.message);
  draw_text(list, Type::kMono, {x + em(1), y}, t.text3, entry.fields);
}

void LogPage::draw_lines(Studio& studio) {
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(0.0F, 0.0F));
  const int count = static_cast<int>(lines_.size());
  constexpr ImGuiMultiSelectFlags kFlags =
      ImGuiMultiSelectFlags_ClearOnEscape | ImGuiMultiSelectFlags_BoxSelect1d;
  ImGuiMultiSelectIO* requests = ImGui::BeginMultiSelect(kFlags, selection_.Size, count);
  selection_.ApplyRequests(requests);
  ImGuiListClipper clipper;
  clipper.Begin(count, em(kLineEm));
  if (requests->RangeSrcItem >= 0)
    clipper.IncludeItemByIndex(static_cast<int>(requests->RangeSrcItem));
  bool has_focused_line = false;
  while (clipper.Step()) {
    for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i) {
      draw_line(*lines_[static_cast<std::size_t>(i)], i);
      has_focused_line = has_focused_line || ImGui::IsItemFocused();
    }
  }
  selection_.ApplyRequests(ImGui::EndMultiSelect());
  const bool has_focus = ImGui::IsWindowFocused(ImGuiFocusedFlags_RootAndChildWindows);
  if (has_focus && selection_.Size > 0 && ImGui::Shortcut(ImGuiMod_Ctrl | ImGuiKey_C)) copy(false);
  if (scroll_to_ >= 0) {
    ImGui::SetScrollY(std::max(0.0F, em(kLineEm) * static_cast<float>(scroll_to_) - em(3)));
    scroll_to_ = -1;
  } else if (studio.drawer.is_following) {
    const bool has_scrolled_up = ImGui::IsWindowHovered() && ImGui::GetIO().MouseWheel > 0.0F;
    const bool has_walked_up =
        has_focused_line &&
        (ImGui::IsKeyPressed(ImGuiKey_UpArrow) || ImGui::IsKeyPressed(ImGuiKey_PageUp) ||
         ImGui::IsKeyPressed(ImGuiKey_Home));
    if (has_scrolled_up || has_walked_up) studio.drawer.is_following = false;
    ImGui::SetScrollY(ImGui::GetScrollMaxY());
  }
  ImGui::PopStyleVar();
}

void LogPage::draw(Studio& studio) {
  DrawerState& drawer = studio.drawer;
  refresh(drawer);
  if (drawer.jump_time > 0.0 && view_->root == studio.run->root && !lines_.empty()) {
    marked_ = scroll_to_ = std::max(0, line_at_time(lines_, drawer.jump_time));
    drawer.is_following = false;
    drawer.jump_time = 0.0;
  }
  if (studio.run->root.empty()) {
    empty_state(Icon::kLog, "No run open", "The engine's log of the open run appears here.");
    return;
  }
  if (lines_.empty()) {
    const bool is_filtered = view_->size() > 0;
    if (empty_state(Icon::kLog,
                    is_filtered ? "No line matches" : "The log is empty",
                    is_filtered ? "Lower the severity or clear the search."
                                : "The engine writes its milestones and warnings here.",
                    is_filtered ? "Show all lines###log.show_all" : nullptr))
      drawer.filter = {LogLevel::kDebug, ""};
    return;
  }
  // Tab does not enter a list of which several lines can be selected: it stops here, and the arrows
  // go on to the lines.
  const ImVec2 min = ImGui::GetCursorScreenPos(), room = ImGui::GetContentRegionAvail();
  hit_area("Lines of the log###log.list", {room.x, px(1)});
  const ImGuiID stop = ImGui::GetItemID();
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(0.0F, em(0.4F)));
  ImGui::BeginChild("###log.lines",
                    {0.0F, 0.0F},
                    ImGuiChildFlags_AlwaysUseWindowPadding | ImGuiChildFlags_NavFlattened,
                    ImGuiWindowFlags_HorizontalScrollbar);
  ImGui::PopStyleVar();
  draw_lines(studio);
  draw_focus_ring(min, {min.x + room.x, min.y + room.y}, px(2), stop);
  ImGui::EndChild();
}

}  // namespace switchyard::ui
