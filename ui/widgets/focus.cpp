#include "ui/widgets/focus.h"

#include <algorithm>

#include <imgui_internal.h>

#include "ui/shell/theme.h"

namespace switchyard::ui {
namespace {

struct Shape {
  ImVec2 min, max;
  float rounding = 0.0F;
  unsigned id = 0;
  int frame = -1;
};

Shape shape;
unsigned ringed = 0;

void draw_ring(ImDrawList* list, ImVec2 min, ImVec2 max, float rounding) {
  list->AddRect(min, max, theme().accent, rounding, std::max(1.5F, px(1.5F)), 0);
}

}  // namespace

void draw_focus_ring(ImVec2 min, ImVec2 max, float rounding, unsigned id, bool is_forced) {
  const float gap = px(2);
  if (is_forced) {
    draw_ring(ImGui::GetWindowDrawList(),
              {min.x - gap, min.y - gap},
              {max.x + gap, max.y + gap},
              rounding + gap);
    return;
  }
  const ImGuiContext& g = *ImGui::GetCurrentContext();
  if (id != 0 && g.NavId == id) shape = {min, max, rounding, id, ImGui::GetFrameCount()};
}

void draw_keyboard_focus() {
  ringed = 0;
  ImGuiContext& g = *ImGui::GetCurrentContext();
  ImGuiWindow* window = g.NavWindow;
  if (window == nullptr || g.NavId == 0 || !g.NavCursorVisible || !g.NavIdIsAlive || window->Hidden)
    return;
  ImRect box = ImGui::WindowRectRelToAbs(window, window->NavRectRel[g.NavLayer]);
  float rounding = em(0.38F);
  if (shape.id == g.NavId && shape.frame == g.FrameCount) {
    box = ImRect(shape.min, shape.max);
    rounding = shape.rounding;
  }
  const ImRect clip =
      g.NavLayer == ImGuiNavLayer_Main ? window->ClipRect : window->OuterRectClipped;
  if (!clip.Overlaps(box)) return;
  const float gap = px(2), inside = px(1);
  box.Expand(gap);
  // Rows as wide as their window keep the whole ring in sight.
  box.Min.x = std::max(box.Min.x, clip.Min.x + inside);
  box.Max.x = std::min(box.Max.x, clip.Max.x - inside);
  ImDrawList* list = ImGui::GetForegroundDrawList(window->Viewport);
  list->PushClipRect(clip.Min, clip.Max);
  draw_ring(list, box.Min, box.Max, rounding + gap);
  list->PopClipRect();
  ringed = g.NavId;
}

unsigned ringed_item() {
  return ringed;
}

}  // namespace switchyard::ui
