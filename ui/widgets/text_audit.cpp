#include "ui/widgets/text_audit.h"

#ifdef SY_TEST_ENGINE

#include <algorithm>
#include <cmath>

#include <imgui_internal.h>

#include "ui/shell/theme.h"

namespace switchyard::ui {
namespace {

constexpr int kFewestLetters = 3;

struct Audit {
  bool is_on = false;
  std::vector<TextFault> faults;
};

Audit audit;

int count_letters(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

void add_fault(std::string_view text, const ImGuiWindow* window, std::string reason) {
  TextFault fault{std::string(text), window == nullptr ? "" : window->Name, std::move(reason)};
  const bool is_known = std::any_of(audit.faults.begin(), audit.faults.end(), [&](const auto& f) {
    return f.text == fault.text && f.window == fault.window;
  });
  if (!is_known) audit.faults.push_back(std::move(fault));
}

struct Scrolls {
  bool has_x = false, has_y = false;
};

/// Whether the window, or one that it stands in, can be scrolled to show more.
Scrolls scrolls_of(const ImGuiWindow* window) {
  Scrolls result;
  for (; window != nullptr; window = window->ParentWindow) {
    const bool can_scroll = (window->Flags & ImGuiWindowFlags_NoScrollWithMouse) == 0;
    result.has_x = result.has_x || (can_scroll && window->ScrollMax.x > 0.0F);
    result.has_y = result.has_y || (can_scroll && window->ScrollMax.y > 0.0F);
    if ((window->Flags & ImGuiWindowFlags_ChildWindow) == 0) break;
  }
  return result;
}

}  // namespace

void start_text_audit() {
  audit = {true, {}};
}

std::vector<TextFault> stop_text_audit() {
  audit.is_on = false;
  return std::move(audit.faults);
}

void audit_text(const ImDrawList* list,
                ImVec2 min,
                ImVec2 max,
                std::string_view whole,
                std::string_view shown) {
  if (!audit.is_on || whole.find_first_not_of(' ') == std::string_view::npos) return;
  const ImGuiWindow* window = ImGui::GetCurrentWindowRead();
  if (window != nullptr && window->DrawList != list) window = nullptr;
  // A popup is measured for a frame before it is shown; a child is hidden when scrolled away.
  if (window != nullptr && window->RootWindow->Hidden) return;
  const Scrolls scrolls = scrolls_of(window);
  const ImVec2 low = list->GetClipRectMin(), high = list->GetClipRectMax();
  const float line = max.y - min.y, slack = std::max(2.0F, line * 0.2F);
  const float lost_y = std::max(low.y - min.y, max.y - high.y);
  if (lost_y > slack) {  // scrolled away, or cut by a window that is too low
    if (!scrolls.has_y)
      add_fault(
          whole, window, "cut above or below by " + std::to_string(std::lround(lost_y)) + " px");
    return;
  }
  const float lost_x = std::max(low.x - min.x, max.x - high.x);
  if (lost_x > 1.5F && !scrolls.has_x)
    add_fault(whole, window, "cut at the side by " + std::to_string(std::lround(lost_x)) + " px");
  if (shown == whole) return;
  const int left = count_letters(shown) - 1, all = count_letters(whole);
  if (left < std::min(kFewestLetters, all))
    add_fault(whole,
              window,
              std::to_string(std::max(0, left)) + " letters left of " + std::to_string(all));
}

}  // namespace switchyard::ui

#endif
