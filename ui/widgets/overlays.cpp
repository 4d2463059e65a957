#include "ui/widgets/overlays.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <imgui_internal.h>

#include "ui/shell/frame_loop.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kTooltipWidthEm = 26.0F;
constexpr double kToastSeconds = 6.0;
constexpr float kToastsFromEm = 7.6F;  ///< below top bar and run bar

int tooltip_frame = -1;  ///< the last frame with a tooltip

bool begin_tooltip_window() {
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(em(0.85F), em(0.7F)));
  ImGui::PushStyleVar(ImGuiStyleVar_WindowRounding, em(0.6F));
  if (!ImGui::BeginTooltip()) {
    ImGui::PopStyleVar(2);
    return false;
  }
  tooltip_frame = ImGui::GetFrameCount();
  return true;
}

bool begin_styled_tooltip() {
  constexpr ImGuiHoveredFlags kFlags = ImGuiHoveredFlags_ForTooltip |
                                       ImGuiHoveredFlags_AllowWhenDisabled |
                                       ImGuiHoveredFlags_Stationary;
  return ImGui::IsItemHovered(kFlags) && begin_tooltip_window();
}

void end_styled_tooltip() {
  ImGui::EndTooltip();
  ImGui::PopStyleVar(2);
}

Icon tone_icon(Tone tone) {
  switch (tone) {
    case Tone::kOk:
      return Icon::kOkFilled;
    case Tone::kAttention:
      return Icon::kAttention;
    case Tone::kFailure:
      return Icon::kFailure;
    case Tone::kNeutral:
    case Tone::kAccent:
      break;
  }
  return Icon::kInfo;
}

}  // namespace

Color tone_color(Tone tone) {
  const ThemeTokens& t = theme();
  switch (tone) {
    case Tone::kAccent:
      return t.accent;
    case Tone::kOk:
      return t.ok;
    case Tone::kAttention:
      return t.attention;
    case Tone::kFailure:
      return t.failure;
    case Tone::kNeutral:
      break;
  }
  return t.text2;
}

namespace {

void fill_tooltip(std::string_view value) {
  const float width = std::min(em(kTooltipWidthEm), text_size(Type::kBody, value).x + 1.0F);
  text_wrapped(Type::kBody, theme().text1, value, width);
  end_styled_tooltip();
}

}  // namespace

void tooltip(std::string_view value) {
  if (!value.empty() && begin_styled_tooltip()) fill_tooltip(value);
}

void plain_tooltip(std::string_view value) {
  if (tooltip_frame != ImGui::GetFrameCount() && begin_tooltip_window()) fill_tooltip(value);
}

namespace {

void fill_help(std::string_view title, std::string_view body, std::string_view formula) {
  if (!title.empty()) text(Type::kBodyStrong, theme().text1, title);
  if (!body.empty()) text_wrapped(Type::kBody, theme().text2, body, em(kTooltipWidthEm));
  if (!formula.empty()) text_wrapped(Type::kMono, theme().text3, formula, em(kTooltipWidthEm));
  end_styled_tooltip();
}

}  // namespace

void help_tooltip(std::string_view title, std::string_view body, std::string_view formula) {
  if (begin_styled_tooltip()) fill_help(title, body, formula);
}

void draw_shadow(ImDrawList* list, ImVec2 min, ImVec2 max, float rounding) {
  const float step = em(1.2F) / 10.0F, down = em(0.3F);
  const Color layer = with_alpha(rgb(0x000000), theme().shadow);
  for (int i = 7; i >= 1; --i) {
    const float grow = step * static_cast<float>(i);
    list->AddRectFilled({min.x - grow, min.y - grow + down},
                        {max.x + grow, max.y + grow + down},
                        layer,
                        rounding + grow);
  }
}

void draw_popup_box(ImDrawList* list, ImVec2 min, ImVec2 max) {
  const float rounding = em(0.6F);
  draw_shadow(list, min, max, rounding);
  list->AddRectFilled(min, max, theme().popup, rounding);
  list->AddRect(min, max, theme().line2, rounding, px(1), 0);
}

void plain_help(std::string_view title, std::string_view body, std::string_view formula) {
  if (tooltip_frame == ImGui::GetFrameCount() || !begin_tooltip_window()) return;
  fill_help(title, body, formula);
}

namespace {

constexpr double kFadeSeconds = 0.08;

struct Fade {
  unsigned id = 0;
  double start = 0.0;
};

bool has_motion = true;
Fade fade;  ///< of the popup that opened last

/// How far the popup has appeared: 0 to 1.
float appearance(unsigned id, bool is_appearing) {
  const double now = ImGui::GetTime();
  if (is_appearing) fade = {id, now};
  if (!has_motion || fade.id != id || now - fade.start >= kFadeSeconds) return 1.0F;
  if (FrameLoop* loop = FrameLoop::current()) loop->request_frames(1);
  return static_cast<float>((now - fade.start) / kFadeSeconds);
}

void draw_popover_box() {
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->PushClipRectFullScreen();
  draw_popup_box(list, min, {min.x + size.x, min.y + size.y});
  list->PopClipRect();
}

}  // namespace

void set_motion(bool is_moving) {
  has_motion = is_moving;
}

bool begin_popover(const char* id, float width_em) {
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(em(0.5F), em(0.5F)));
  ImGui::PushStyleVar(ImGuiStyleVar_PopupRounding, em(0.6F));
  const float most = ImGui::GetMainViewport()->Size.x - em(1);
  if (width_em > 0.0F) ImGui::SetNextWindowSize({std::min(em(width_em), most), 0.0F});
  if (!ImGui::BeginPopup(id)) {
    ImGui::PopStyleVar(2);
    return false;
  }
  draw_popover_box();
  const float shown = appearance(ImGui::GetID(id), ImGui::IsWindowAppearing());
  ImGui::PushStyleVar(ImGuiStyleVar_Alpha, ImGui::GetStyle().Alpha * std::max(0.01F, shown));
  return true;
}

void open_popover(const char* id) {
  ImGui::OpenPopup(id);
  ImGuiContext& context = *ImGui::GetCurrentContext();
  const ImRect& item = context.LastItemData.Rect;
  context.OpenPopupStack.back().OpenPopupPos = {item.Min.x, item.Max.y + em(0.3F)};
}

void end_popover() {
  ImGui::PopStyleVar();
  ImGui::EndPopup();
  ImGui::PopStyleVar(2);
}

bool menu_item(const char* label, const char* shortcut, bool is_enabled) {
  const std::string_view shown = visible_label(label);
  const float height = em(2.0F), padding = em(0.5F);
  const float keys = shortcut == nullptr ? 0.0F : text_size(Type::kCaption, shortcut).x + em(2);
  const float natural = text_size(Type::kBody, shown).x + 2.0F * padding + keys;
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const float avail = ImGui::GetContentRegionAvail().x;
  const bool is_sized = ImGui::GetCurrentWindowRead()->AutoFitFramesX <= 0;
  const float width = is_sized ? std::max(em(3), avail) : std::max(natural, em(10));
  if (!is_enabled) ImGui::BeginDisabled();
  const bool is_chosen = hit_area(label, {width, height});
  if (!is_enabled) ImGui::EndDisabled();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImVec2 max = {pos.x + width, pos.y + height};
  const bool is_pointed = is_enabled && (ImGui::IsItemHovered() || ImGui::IsItemFocused());
  const float alpha = ImGui::GetStyle().Alpha;
  if (is_pointed) list->AddRectFilled(pos, max, faded(theme().hover, alpha), em(0.3F));
  const float y = pos.y + (height - line_height(Type::kBody)) * 0.5F;
  const Color tint = faded(theme().text1, is_enabled ? alpha : 0.42F * alpha);
  draw_text(list, Type::kBody, {pos.x + padding, y}, tint, shown, width - 2.0F * padding - keys);
  if (shortcut != nullptr)
    draw_text_right(
        list, Type::kCaption, {max.x - padding, y + px(1)}, faded(theme().text3, alpha), shortcut);
  const bool closes = (ImGui::GetItemFlags() & ImGuiItemFlags_AutoClosePopups) != 0;
  if (is_chosen && closes) ImGui::CloseCurrentPopup();
  return is_chosen && is_enabled;
}

void Toasts::add(Tone tone, std::string title, std::string detail, std::string action) {
  const double until = tone == Tone::kFailure ? -1.0 : ImGui::GetTime() + kToastSeconds;
  items_.push_back(
      {tone, std::move(title), std::move(detail), std::move(action), until, next_id_++});
  if (items_.size() > 5) items_.erase(items_.begin());
  if (FrameLoop* loop = FrameLoop::current()) loop->request_frame_after(kToastSeconds);
}

bool Toasts::draw_one(const Item& item, float right, float* bottom, std::string* clicked) {
  const ThemeTokens& t = theme();
  const bool has_detail = !item.detail.empty();
  const float width = std::min(em(30), ImGui::GetMainViewport()->Size.x - em(2)), pad = em(0.95F),
              icon_width = em(1.95F);
  const float action_width =
      item.action.empty()
          ? 0.0F
          : text_size(Type::kControl, visible_label(item.action.c_str())).x + em(1.2F);
  const float close_width = em(1.8F);
  const float text_width = width - pad - icon_width - action_width - close_width;
  const float height = em(has_detail ? 3.4F : 2.5F);
  const ImVec2 min = {right - width, *bottom - height};
  *bottom = min.y - em(0.6F);
  ImGui::SetNextWindowPos(min);
  ImGui::SetNextWindowSize({width, height});
  ImGui::PushStyleColor(ImGuiCol_WindowBg, 0);
  const std::string name = "###toast." + std::to_string(item.id);
  constexpr ImGuiWindowFlags kFlags =
      ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings |
      ImGuiWindowFlags_NoDocking | ImGuiWindowFlags_NoFocusOnAppearing |
      ImGuiWindowFlags_NoNavFocus;
  ImGui::Begin(name.c_str(), nullptr, kFlags);
  ImGui::PopStyleColor();
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->PushClipRectFullScreen();
  draw_popup_box(list, min, {min.x + width, min.y + height});
  list->PopClipRect();
  const float first_y =
      min.y + (has_detail ? em(0.62F) : (height - line_height(Type::kBody)) * 0.5F);
  const float icon_y = min.y + (height - line_height(Type::kRunName)) * 0.5F;
  draw_text(list,
            Type::kRunName,
            {min.x + pad, icon_y},
            tone_color(item.tone),
            icon(tone_icon(item.tone)));
  const float x = min.x + pad + icon_width;
  draw_text(list, Type::kBody, {x, first_y}, t.text1, item.title, text_width);
  if (has_detail) {
    draw_text(list, Type::kCaption, {x, first_y + em(1.25F)}, t.text3, item.detail, text_width);
  }
  if (!item.action.empty()) {
    ImGui::SetCursorScreenPos({min.x + width - close_width - action_width,
                               min.y + (height - button_height(true)) * 0.5F});
    if (link((item.action + "###toast.action").c_str())) *clicked = item.action;
  }
  ImGui::SetCursorScreenPos(
      {min.x + width - close_width - em(0.2F), min.y + (height - button_height(true)) * 0.5F});
  ButtonOptions small;
  small.is_small = true;
  const bool is_closed = icon_button("Close###toast.close", Icon::kClose, "", small);
  ImGui::End();
  return is_closed || !clicked->empty();
}

std::string Toasts::draw(float bottom) {
  const double now = ImGui::GetTime();
  std::erase_if(items_, [&](const Item& item) { return item.until >= 0.0 && item.until <= now; });
  const ImGuiViewport* view = ImGui::GetMainViewport();
  const float right = view->WorkPos.x + view->WorkSize.x - em(1);
  std::string clicked;
  const float top = view->Pos.y + em(kToastsFromEm);
  for (std::size_t i = items_.size(); i-- > 0;) {
    // The top bar and the run bar stay free; older messages wait behind the bell.
    if (bottom - em(3.4F) < top) break;
    std::string action;
    if (draw_one(items_[i], right, &bottom, &action)) {
      items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (!action.empty()) clicked = action;
  }
  return clicked;
}

}  // namespace switchyard::ui
