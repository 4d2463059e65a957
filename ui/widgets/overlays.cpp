#include "ui/widgets/overlays.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "ui/shell/frame_loop.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kTooltipWidthEm = 26.0F;
constexpr double kToastSeconds = 6.0;

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

void help_tooltip(std::string_view title, std::string_view body, std::string_view formula) {
  if (!begin_styled_tooltip()) return;
  if (!title.empty()) text(Type::kBodyStrong, theme().text1, title);
  if (!body.empty()) text_wrapped(Type::kBody, theme().text2, body, em(kTooltipWidthEm));
  if (!formula.empty()) text(Type::kMono, theme().text3, formula);
  end_styled_tooltip();
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

bool begin_popover(const char* id, float width_em) {
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(em(0.5F), em(0.5F)));
  ImGui::PushStyleVar(ImGuiStyleVar_PopupRounding, em(0.6F));
  if (width_em > 0.0F) ImGui::SetNextWindowSize({em(width_em), 0.0F});
  if (!ImGui::BeginPopup(id)) {
    ImGui::PopStyleVar(2);
    return false;
  }
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  const ImVec2 max = {min.x + size.x, min.y + size.y};
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->PushClipRectFullScreen();
  draw_shadow(list, min, max, em(0.6F));
  list->AddRectFilled(min, max, theme().popup, em(0.6F));
  list->AddRect(min, max, theme().line2, em(0.6F), px(1), 0);
  list->PopClipRect();
  return true;
}

void end_popover() {
  ImGui::EndPopup();
  ImGui::PopStyleVar(2);
}

bool menu_item(const char* label, const char* shortcut, bool is_enabled) {
  const std::string_view shown = visible_label(label);
  const float height = em(2.0F), padding = em(0.5F);
  const float natural =
      text_size(Type::kBody, shown).x + 2.0F * padding +
      (shortcut == nullptr ? 0.0F : text_size(Type::kCaption, shortcut).x + em(2));
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const float width = std::max({ImGui::GetContentRegionAvail().x, natural, em(10)});
  const bool is_chosen = ImGui::Selectable(
      label, false, is_enabled ? 0 : ImGuiSelectableFlags_Disabled, {width, height});
  // The selectable drew its own label at the top left; ours lies over it, centred and typed.
  ImDrawList* list = ImGui::GetWindowDrawList();
  const Color back = ImGui::IsItemHovered() && is_enabled ? theme().hover : theme().popup;
  const ImVec2 max = {pos.x + width, pos.y + height};
  list->AddRectFilled(pos, max, back, em(0.3F));
  const float y = pos.y + (height - line_height(Type::kBody)) * 0.5F;
  const Color tint = is_enabled ? theme().text1 : faded(theme().text1, 0.42F);
  draw_text(list, Type::kBody, {pos.x + padding, y}, tint, shown);
  if (shortcut != nullptr) {
    draw_text_right(list, Type::kCaption, {max.x - padding, y + px(1)}, theme().text3, shortcut);
  }
  return is_chosen;
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
  const float width = em(30), pad = em(0.95F), icon_width = em(1.95F);
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
  for (std::size_t i = items_.size(); i-- > 0;) {
    std::string action;
    if (draw_one(items_[i], right, &bottom, &action)) {
      items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (!action.empty()) clicked = action;
  }
  return clicked;
}

}  // namespace switchyard::ui
