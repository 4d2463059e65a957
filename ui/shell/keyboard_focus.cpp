#include "ui/shell/keyboard_focus.h"

#include <utility>

#include <imgui.h>
#include <imgui_internal.h>

#include "ui/shell/frame_loop.h"
#include "ui/widgets/shortcut_keys.h"

namespace switchyard::ui {
namespace {

/// The place of the focused window among the areas; -1: it is none of them.
int area_in_focus(const std::vector<std::string>& areas) {
  const ImGuiContext& g = *ImGui::GetCurrentContext();
  if (g.NavWindow == nullptr) return -1;
  const ImGuiWindow* root = g.NavWindow->RootWindow;
  for (std::size_t i = 0; i < areas.size(); ++i) {
    if (ImGui::FindWindowByName(areas[i].c_str()) == root) return static_cast<int>(i);
  }
  return -1;
}

/// Whether Tab reached the end of its window in this frame. Forward requests and backward ones are
/// resolved while items are submitted; one that is still open has run past the last item. Without a
/// focused window (at the start, after a click on nothing) Dear ImGui leaves Tab alone.
int open_tab_direction() {
  ImGuiContext& g = *ImGui::GetCurrentContext();
  if (g.NavWindow == nullptr) {
    const bool is_tab = ImGui::IsKeyPressed(ImGuiKey_Tab) && !g.IO.KeyCtrl && !g.IO.KeyAlt;
    return !is_tab ? 0 : g.IO.KeyShift ? -1 : 1;
  }
  const bool is_open = g.NavMoveScoringItems &&
                       (g.NavMoveFlags & ImGuiNavMoveFlags_IsTabbing) != 0 &&
                       (g.NavMoveFlags & ImGuiNavMoveFlags_FocusApi) == 0;
  if (!is_open) return 0;
  // The first Tab only shows where the focus is; without any, it enters the window.
  if (g.NavTabbingDir == 0) return g.NavTabbingResultFirst.ID == 0 ? 1 : 0;
  if (g.NavTabbingDir > 0 && g.NavTabbingCounter < 0 && g.NavTabbingResultFirst.ID != 0) {
    g.NavTabbingCounter = 1;  // the focused item is gone: start with the first one
    return 0;
  }
  return g.NavTabbingDir;
}

}  // namespace

void KeyboardFocus::begin_frame() {
  const int direction = std::exchange(direction_, 0);
  if (direction == 0) return;
  ImGuiWindow* window = ImGui::FindWindowByName(next_area_.c_str());
  if (window == nullptr) return;
  ImGui::FocusWindow(window);
  ImGuiContext& g = *ImGui::GetCurrentContext();
  g.NavLayer = ImGuiNavLayer_Main;
  ImGui::SetNavID(0, ImGuiNavLayer_Main, window->NavRootFocusScopeId, ImRect());
  ImGui::NavMoveRequestSubmit(
      ImGuiDir_None,
      direction < 0 ? ImGuiDir_Up : ImGuiDir_Down,
      ImGuiNavMoveFlags_IsTabbing | ImGuiNavMoveFlags_Activate,
      ImGuiScrollFlags_KeepVisibleEdgeX | ImGuiScrollFlags_KeepVisibleEdgeY);
  g.NavTabbingDir = direction < 0 ? -1 : 1;
  g.NavTabbingCounter = 1;
  ImGui::SetNavCursorVisible(true);
}

void KeyboardFocus::end_frame(const std::vector<std::string>& areas) {
  if (areas.empty()) return;
  int direction = 0;
  if (is_pressed(Shortcut::kNextPanel, true)) direction = ImGui::GetIO().KeyShift ? -1 : 1;
  bool is_jump = direction != 0;
  if (!is_jump) direction = open_tab_direction();
  if (const int jumped = std::exchange(jumped_, 0); jumped != 0 && !is_jump && direction != 0) {
    direction = jumped;  // nothing to focus there: on to the next
    is_jump = true;
    ImGui::NavMoveRequestCancel();
  }
  if (direction == 0) return;
  const int count = static_cast<int>(areas.size()), at = area_in_focus(areas);
  if (at < 0 && !is_jump && ImGui::GetCurrentContext()->NavWindow != nullptr) return;
  if (!is_jump) ImGui::NavMoveRequestCancel();
  const int next = at < 0 ? (direction < 0 ? count - 1 : 0) : (at + direction + count) % count;
  next_area_ = areas[static_cast<std::size_t>(next)];
  direction_ = is_jump ? 1 : direction;
  jumped_ = is_jump ? direction : 0;
  if (FrameLoop* loop = FrameLoop::current()) loop->request_frames();
}

}  // namespace switchyard::ui
