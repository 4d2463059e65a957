#include "ui/panels/tour_overlay.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "ui/panels/common.h"
#include "ui/shell/theme.h"
#include "ui/widgets/anchors.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kWidthEm = 24.0F;

std::string target_of(const Studio& studio, const TourStep& step) {
  std::string target = step.target;
  const std::size_t at = target.find("{default}");
  if (at != std::string::npos) target.replace(at, 9, studio.presets->default_name());
  return target;
}

/// Four dark rectangles around the control, and a ring.
void dim_around(const Anchor& anchor) {
  const ImGuiViewport* view = ImGui::GetMainViewport();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImVec2 low = view->Pos, high = {low.x + view->Size.x, low.y + view->Size.y};
  const Color dark = with_alpha(rgb(0x000000), 0.55F);
  if (!anchor.is_there) {
    list->AddRectFilled(low, high, dark);
    return;
  }
  const float air = em(0.4F);
  const ImVec2 a = {anchor.min.x - air, anchor.min.y - air};
  const ImVec2 b = {anchor.max.x + air, anchor.max.y + air};
  list->AddRectFilled(low, {high.x, a.y}, dark);
  list->AddRectFilled({low.x, b.y}, high, dark);
  list->AddRectFilled({low.x, a.y}, {a.x, b.y}, dark);
  list->AddRectFilled({b.x, a.y}, {high.x, b.y}, dark);
  list->AddRect(a, b, theme().accent, em(0.38F), px(2), 0);
}

/// Below the control where there is room, else above it; never outside the window.
ImVec2 card_place(const Anchor& anchor, ImVec2 size) {
  const ImGuiViewport* view = ImGui::GetMainViewport();
  const float margin = em(1);
  ImVec2 pos = {view->Pos.x + (view->Size.x - size.x) * 0.5F,
                view->Pos.y + (view->Size.y - size.y) * 0.5F};
  if (anchor.is_there) {
    pos.x = (anchor.min.x + anchor.max.x - size.x) * 0.5F;
    const bool fits_below = anchor.max.y + em(1.2F) + size.y < view->Pos.y + view->Size.y - margin;
    pos.y = fits_below ? anchor.max.y + em(1.2F) : anchor.min.y - em(1.2F) - size.y;
  }
  const float left = view->Pos.x + margin, top = view->Pos.y + margin;
  const float right = view->Pos.x + view->Size.x - size.x - margin;
  const float bottom = view->Pos.y + view->Size.y - size.y - margin;
  return {std::round(std::clamp(pos.x, left, std::max(left, right))),
          std::round(std::clamp(pos.y, top, std::max(top, bottom)))};
}

enum class Wish { kNone, kNext, kBack, kStop };

Wish draw_buttons(const TourState& tour, float x, float y, float width) {
  Wish wish = Wish::kNone;
  ButtonOptions options;
  options.is_small = true;
  options.kind = ButtonKind::kGhost;
  ImGui::SetCursorScreenPos({x - em(0.6F), y});
  if (button("Skip###tour.skip", options)) wish = Wish::kStop;
  options.kind = ButtonKind::kPrimary;
  const char* next = tour.is_last() ? "Done###tour.next" : "Next###tour.next";
  const float next_width = button_width(next, options);
  options.kind = ButtonKind::kSecondary;
  const float back_width = button_width("Back###tour.back", options);
  if (tour.step() == 0) options.disabled_reason = "this is the first step";
  ImGui::SetCursorScreenPos({x + width - next_width - em(0.5F) - back_width, y});
  if (button("Back###tour.back", options)) wish = Wish::kBack;
  options.disabled_reason = nullptr;
  options.kind = ButtonKind::kPrimary;
  ImGui::SetCursorScreenPos({x + width - next_width, y});
  if (button(next, options)) wish = Wish::kNext;
  const bool has_focus = ImGui::GetIO().NavVisible;  // Enter then presses the focused button
  if (ImGui::IsKeyPressed(ImGuiKey_Escape, false)) return Wish::kStop;
  if (ImGui::IsKeyPressed(ImGuiKey_RightArrow, false) ||
      (!has_focus && ImGui::IsKeyPressed(ImGuiKey_Enter, false)))
    return Wish::kNext;
  if (ImGui::IsKeyPressed(ImGuiKey_LeftArrow, false)) return Wish::kBack;
  return wish;
}

Wish draw_card(const TourState& tour, const TourStep& step, ImVec2 pos, ImVec2 size) {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  draw_popup_box(list, pos, {pos.x + size.x, pos.y + size.y});
  const float x = pos.x + em(1.1F), width = size.x - em(2.2F);
  draw_text(list, Type::kHeading, {x, pos.y + em(0.95F)}, t.text1, step.title, width - em(4));
  const std::string count =
      std::to_string(tour.step() + 1) + " of " + std::to_string(tour_steps().size());
  draw_text_right(list, Type::kCaption, {x + width, pos.y + em(1.0F)}, t.text3, count);
  draw_paragraph(list, Type::kBody, {x, pos.y + em(2.7F)}, t.text2, step.text, width);
  return draw_buttons(tour, x, pos.y + size.y - button_height(true) - em(0.9F), width);
}

void follow(Studio& studio, Wish wish) {
  if (wish == Wish::kNext) studio.tour.next();
  if (wish == Wish::kBack) studio.tour.back();
  if (wish == Wish::kStop) studio.tour.stop();
  if (!studio.tour.is_on()) studio.settings.has_seen_tour = true;
}

}  // namespace

void draw_tour(Studio& studio) {
  const TourState& tour = studio.tour;
  if (!tour.is_on() || studio.presets->presets.empty()) return want_anchor("");
  const TourStep& step = tour_steps()[static_cast<std::size_t>(tour.step())];
  want_anchor(target_of(studio, step));
  const ImGuiViewport* view = ImGui::GetMainViewport();
  const float width = std::min(em(kWidthEm), view->Size.x - em(2));
  const float text = wrapped_height(Type::kBody, step.text, width - em(2.2F));
  const ImVec2 size = {width, em(2.7F) + text + em(3.6F)};
  ImGui::SetNextWindowPos(view->Pos);
  ImGui::SetNextWindowSize(view->Size);
  ImGui::SetNextWindowFocus();
  ImGui::PushStyleColor(ImGuiCol_WindowBg, 0U);
  ImGui::Begin("Tour###tour",
               nullptr,
               ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove |
                   ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoDocking);
  ImGui::PopStyleColor();
  const Anchor anchor = wanted_anchor();
  dim_around(anchor);
  const Wish wish = draw_card(tour, step, card_place(anchor, size), size);
  ImGui::End();
  follow(studio, wish);
}

}  // namespace switchyard::ui
