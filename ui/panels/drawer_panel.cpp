#include "ui/panels/drawer_panel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "ui/panels/common.h"
#include "ui/panels/events.h"
#include "ui/panels/glossary_view.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/states.h"
#include "ui/widgets/tabs.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kTitleEm = 2.6F;

/// The upper edge: dragging it changes the height.
void draw_splitter(DrawerState& drawer) {
  const ImVec2 min = ImGui::GetWindowPos();
  const float width = ImGui::GetWindowSize().x;
  ImGui::SetCursorScreenPos(min);
  ImGui::InvisibleButton("###drawer.edge", {width, em(0.4F)});
  const bool is_active = ImGui::IsItemActive();
  if (is_active)
    drawer.height_em = std::clamp(drawer.height_em - ImGui::GetIO().MouseDelta.y / em(1),
                                  DrawerState::kLeastEm,
                                  DrawerState::kMostEm);
  if (!is_active && !ImGui::IsItemHovered()) return;
  ImGui::SetMouseCursor(ImGuiMouseCursor_ResizeNS);
  ImGui::GetWindowDrawList()->AddRectFilled(min, {min.x + width, min.y + px(2)}, theme().accent);
}

void draw_events(Studio& studio) {
  if (studio.run->events.empty()) {
    empty_state(Icon::kFlag,
                "No events yet",
                "Checkpoints, evaluations and what the guard did appear here.");
    return;
  }
  const PanelBody body("###drawer.events", {0.0F, 0.0F}, 1.1F, 0.6F);
  draw_event_list(studio, 0, studio.drawer.has_evaluations);
}

}  // namespace

float Drawer::height(const Studio& studio, float room) {
  if (!studio.drawer.is_open) return 0.0F;
  const float most = std::max(em(DrawerState::kLeastEm), room * 0.5F);
  return std::round(std::clamp(em(studio.drawer.height_em), em(DrawerState::kLeastEm), most));
}

/// An event that was selected, here or by its mark on a plot, shows the log of its time.
void Drawer::follow_event(Studio& studio) {
  const std::int64_t event = studio.selection.event;
  if (std::exchange(seen_event_, event) == event || event < 0) return;
  for (const store::Event& known : studio.run->events) {
    if (known.sequence == event) studio.drawer.show_log_at(known.wall_time);
  }
}

void Drawer::draw_controls(Studio& studio, float right, float top, float height) {
  const float small = button_height(true);
  ImGui::SetCursorScreenPos({std::round(right - small), std::round(top + (height - small) * 0.5F)});
  ButtonOptions options;
  options.is_small = true;
  if (icon_button("Close###drawer.close", Icon::kClose, "Close the drawer (Ctrl+`)", options))
    studio.drawer.is_open = false;
  right -= small + em(0.5F);
  switch (studio.drawer.tab) {
    case DrawerTab::kLog:
      log_.draw_controls(studio, right, top, height);
      break;
    case DrawerTab::kEvents:
      right -= text_size(Type::kBody, "Evaluations").x + em(1.7F);
      ImGui::SetCursorScreenPos({std::round(right), std::round(top + (height - em(1.1F)) * 0.5F)});
      checkbox("Evaluations###drawer.evaluations", &studio.drawer.has_evaluations);
      break;
    case DrawerTab::kGlossary:
      draw_glossary_controls(studio, right, top, height);
      break;
    case DrawerTab::kHardware:
      break;
  }
}

void Drawer::draw(Studio& studio) {
  DrawerState& drawer = studio.drawer;
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  const float height = em(kTitleEm);
  follow_event(studio);
  draw_splitter(drawer);
  static constexpr std::array kTabs = {TabLine{"Log", Icon::kLog},
                                       TabLine{"Events", Icon::kFlag},
                                       TabLine{"Hardware", Icon::kHardware},
                                       TabLine{"Glossary", Icon::kHelp}};
  int tab = static_cast<int>(drawer.tab);
  ImGui::SetCursorScreenPos({min.x + em(0.5F), min.y + em(0.4F)});
  // Beside the search fields only the chosen tab has room for its word.
  if (tabs("drawer.tab", kTabs, &tab, size.x < em(75))) drawer.tab = static_cast<DrawerTab>(tab);
  draw_controls(studio, min.x + size.x - em(0.7F), min.y + em(0.2F), height - em(0.2F));
  const float line = std::round(min.y + height);
  ImGui::GetWindowDrawList()->AddRectFilled(
      {min.x, line}, {min.x + size.x, line + px(1)}, theme().line);
  ImGui::SetCursorScreenPos({min.x, line + px(1)});
  switch (drawer.tab) {
    case DrawerTab::kLog:
      log_.draw(studio);
      break;
    case DrawerTab::kEvents:
      draw_events(studio);
      break;
    case DrawerTab::kHardware:
      hardware_.draw(studio);
      break;
    case DrawerTab::kGlossary:
      draw_glossary(studio);
      break;
  }
}

}  // namespace switchyard::ui
