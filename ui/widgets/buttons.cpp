#include "ui/widgets/buttons.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <imgui_internal.h>

#include "ui/widgets/anchors.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

struct ItemState {
  ImRect box;
  ImGuiID id = 0;
  bool is_pressed = false;  ///< clicked this frame
  bool is_hovered = false;
  bool is_held = false;
  bool is_focused = false;
  bool is_visible = false;
};

/// The part every control shares: layout, behaviour, Test Engine record, focus.
ItemState submit_item(const char* label, ImVec2 size, Look look, bool is_checked = false) {
  ItemState state;
  ImGuiContext& g = *ImGui::GetCurrentContext();
  ImGuiWindow* window = ImGui::GetCurrentWindow();
  if (window->SkipItems) return state;
  state.id = window->GetID(label);
  const ImVec2 pos = {std::round(window->DC.CursorPos.x), std::round(window->DC.CursorPos.y)};
  size = {std::round(size.x), std::round(size.y)};
  state.box = ImRect(pos, {pos.x + size.x, pos.y + size.y});
  ImGui::ItemSize(size, 0.0F);
  if (!ImGui::ItemAdd(state.box, state.id)) return state;
  state.is_visible = true;
  report_anchor(label, state.box.Min, state.box.Max);
  state.is_pressed = ImGui::ButtonBehavior(state.box, state.id, &state.is_hovered, &state.is_held);
  state.is_focused = g.NavId == state.id && g.NavCursorVisible;
  if (look != Look::kLive) {
    state.is_hovered = look == Look::kHover || look == Look::kPressed;
    state.is_held = look == Look::kPressed;
    state.is_focused = look == Look::kFocus;
  }
  IMGUI_TEST_ENGINE_ITEM_INFO(state.id,
                              label,
                              g.LastItemData.StatusFlags | ImGuiItemStatusFlags_Checkable |
                                  (is_checked ? ImGuiItemStatusFlags_Checked : 0));
  static_cast<void>(is_checked);
  return state;
}

struct ButtonColors {
  Color fill, border, text;
};

ButtonColors colors_for(const ButtonOptions& options, const ItemState& state) {
  const ThemeTokens& t = theme();
  ButtonColors c = {t.bg3, t.line2, t.text1};
  switch (options.kind) {
    case ButtonKind::kSecondary:
      break;
    case ButtonKind::kPrimary:
      c = {t.primary, 0, t.primary_text};
      break;
    case ButtonKind::kGhost:
      c = {0, 0, state.is_hovered ? t.text1 : t.text2};
      break;
    case ButtonKind::kDanger:
      c = {over(with_alpha(t.failure, t.soft), t.bg1), with_alpha(t.failure, 0.55F), t.failure};
      break;
  }
  if (options.is_selected) c = {t.active, 0, t.text1};
  if (!state.is_hovered && !state.is_held) return c;
  if (options.kind == ButtonKind::kPrimary) {
    const bool is_bright_text = t.primary_text == rgb(0xFFFFFF);
    c.fill = state.is_held ? mix(t.primary, rgb(0x000000), 0.18F)
                           : mix(t.primary, is_bright_text ? rgb(0xFFFFFF) : t.text1, 0.13F);
  } else {
    c.fill = state.is_held ? t.active : t.hover;
    if (options.kind == ButtonKind::kDanger) {
      c.fill = over(with_alpha(t.failure, t.soft), c.fill);
    }
  }
  return c;
}

Type button_type(const ButtonOptions& options) {
  return options.is_small ? Type::kBodyMedium : Type::kControl;
}

float side_padding(const ButtonOptions& options) {
  return em(options.kind == ButtonKind::kGhost ? 0.7F : (options.is_small ? 0.75F : 0.92F));
}

float icon_advance(const ButtonOptions& options, std::string_view label) {
  if (options.icon == Icon::kCount) return 0.0F;
  const float width = text_size(button_type(options), icon(options.icon)).x;
  return label.empty() ? width : width + em(0.62F);
}

void explain(const ButtonOptions& options) {
  if (options.disabled_reason != nullptr) {
    tooltip(options.disabled_reason);
  } else if (options.tooltip != nullptr) {
    tooltip(options.tooltip);
  }
}

void paint_button(const ItemState& state, const ButtonOptions& options, std::string_view label) {
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float opacity = ImGui::GetStyle().Alpha;
  const bool is_off = options.disabled_reason != nullptr;
  const float rounding = em(0.38F);
  ButtonColors c = colors_for(options, state);
  list->AddRectFilled(state.box.Min, state.box.Max, faded(c.fill, opacity), rounding);
  if (c.border != 0) {
    const Color border = faded(c.border, is_off ? 0.5F : opacity);
    list->AddRect(state.box.Min, state.box.Max, border, rounding, px(1), 0);
  }
  draw_focus_ring(state.box.Min, state.box.Max, rounding, state.id, options.look == Look::kFocus);
  const Type type = button_type(options);
  const float advance = icon_advance(options, label);
  const float room = state.box.GetWidth() - em(0.5F) - advance;
  const float natural = text_size(type, label).x;
  const std::string shown = fitted(type, label, room);
  const float width = advance + std::min(natural, text_size(type, shown).x);
  ImVec2 pos = {state.box.Min.x + (state.box.GetWidth() - width) * 0.5F,
                state.box.Min.y + (state.box.GetHeight() - line_height(type)) * 0.5F};
  const Color tint = faded(c.text, opacity);
  if (options.icon != Icon::kCount) draw_text(list, type, pos, tint, icon(options.icon));
  pos.x += advance;
  draw_text(list, type, pos, tint, shown);
  if (shown.size() < label.size() && !is_off && options.tooltip == nullptr) tooltip(label);
}

}  // namespace

float button_height(bool is_small, bool is_hero) {
  return em(is_hero ? 2.3F : (is_small ? 1.85F : 2.15F));
}

float button_width(const char* label, const ButtonOptions& options) {
  const std::string_view shown = visible_label(label);
  return std::round(text_size(button_type(options), shown).x + icon_advance(options, shown) +
                    2.0F * side_padding(options));
}

bool hit_area(const char* label, ImVec2 size) {
  return submit_item(label, size, Look::kLive).is_pressed;
}

bool button(const char* label, const ButtonOptions& options) {
  const std::string_view shown = visible_label(label);
  ImVec2 size = {options.width, button_height(options.is_small, options.is_hero)};
  if (options.width == 0.0F) size.x = button_width(label, options);
  if (options.width < 0.0F) size.x = std::max(em(2), ImGui::GetContentRegionAvail().x);
  const bool is_off = options.disabled_reason != nullptr;
  if (is_off) ImGui::BeginDisabled();
  ImGui::PushItemFlag(ImGuiItemFlags_NoNavDefaultFocus, true);
  const ItemState state = submit_item(label, size, options.look, options.is_selected);
  ImGui::PopItemFlag();
  if (state.is_visible) paint_button(state, options, shown);
  if (is_off) ImGui::EndDisabled();
  explain(options);
  return state.is_pressed && !is_off;
}

bool icon_button(const char* label, Icon name, const char* help, const ButtonOptions& options) {
  ButtonOptions merged = options;
  merged.icon = name;
  if (help != nullptr && *help != '\0') merged.tooltip = help;
  if (options.kind == ButtonKind::kSecondary && options.width == 0.0F) {
    merged.kind = ButtonKind::kGhost;
  }
  const float side = button_height(options.is_small, options.is_hero);
  const bool is_off = merged.disabled_reason != nullptr;
  if (is_off) ImGui::BeginDisabled();
  const ItemState state = submit_item(label, {side, side}, merged.look, merged.is_selected);
  if (state.is_visible) paint_button(state, merged, {});
  if (is_off) ImGui::EndDisabled();
  explain(merged);
  return state.is_pressed && !is_off;
}

bool link(const char* label) {
  const std::string_view shown = visible_label(label);
  const ImVec2 size = text_size(Type::kBody, shown);
  const ItemState state = submit_item(label, size, Look::kLive);
  if (!state.is_visible) return false;
  ImDrawList* list = ImGui::GetWindowDrawList();
  draw_text(list, Type::kBody, state.box.Min, theme().link, shown);
  if (state.is_hovered) {
    const float y = state.box.Max.y + px(1);
    list->AddLine({state.box.Min.x, y}, {state.box.Max.x, y}, theme().link, px(1));
    ImGui::SetMouseCursor(ImGuiMouseCursor_Hand);
  }
  draw_focus_ring(state.box.Min, state.box.Max, px(2), state.id);
  return state.is_pressed;
}

bool segmented(const char* id, std::span<const char* const> items, int* selected) {
  const ThemeTokens& t = theme();
  const float height = em(1.85F), inset = px(2), padding = em(0.75F);
  float total = 2.0F * inset;
  for (const char* item : items) total += text_size(Type::kBodyMedium, item).x + 2.0F * padding;
  const ImVec2 start = ImGui::GetCursorScreenPos();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float rounding = em(0.38F);
  list->AddRectFilled(start, {start.x + total, start.y + height}, t.bg0, rounding);
  list->AddRect(start, {start.x + total, start.y + height}, t.line2, rounding, px(1), 0);
  bool is_changed = false;
  ImGui::BeginGroup();
  float x = start.x + inset;
  for (int i = 0; i < static_cast<int>(items.size()); ++i) {
    const std::string_view label = items[static_cast<std::size_t>(i)];
    const float width = text_size(Type::kBodyMedium, label).x + 2.0F * padding;
    ImGui::SetCursorScreenPos({x, start.y + inset});
    const std::string item_id = std::string(label) + "###" + id + "." + std::to_string(i);
    const ItemState state =
        submit_item(item_id.c_str(), {width, height - 2.0F * inset}, Look::kLive, *selected == i);
    if (state.is_visible) {
      const bool is_on = *selected == i;
      const float inner = std::max(1.0F, rounding - inset);
      if (is_on && t.kind == ThemeKind::kLight) {
        list->AddRectFilled(state.box.Min, state.box.Max, t.bg1, inner);
        list->AddRect(state.box.Min, state.box.Max, t.line2, inner, px(1), 0);
      } else if (is_on) {
        list->AddRectFilled(state.box.Min, state.box.Max, t.active, inner);
      }
      const Color color = is_on || state.is_hovered ? t.text1 : t.text2;
      draw_text_centred(list, Type::kBodyMedium, state.box.Min, state.box.Max, color, label);
      draw_focus_ring(state.box.Min, state.box.Max, inner, state.id);
    }
    if (state.is_pressed && *selected != i) *selected = i, is_changed = true;
    x += width;
  }
  ImGui::SetCursorScreenPos({start.x + total, start.y});
  ImGui::Dummy({0.0F, height});
  ImGui::EndGroup();
  return is_changed;
}

bool checkbox(const char* label, bool* value, const char* disabled_reason) {
  const ThemeTokens& t = theme();
  const std::string_view shown = visible_label(label);
  const float side = em(1.08F), gap = shown.empty() ? 0.0F : em(0.6F);
  const float height = std::max(side, line_height(Type::kBody));
  if (disabled_reason != nullptr) ImGui::BeginDisabled();
  const ItemState state = submit_item(
      label, {side + gap + text_size(Type::kBody, shown).x, height}, Look::kLive, *value);
  if (state.is_pressed) *value = !*value;
  if (state.is_visible) {
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float opacity = ImGui::GetStyle().Alpha, rounding = em(0.26F);
    const ImVec2 min = {state.box.Min.x, std::round(state.box.Min.y + (height - side) * 0.5F)};
    const ImVec2 max = {min.x + side, min.y + side};
    const Color fill = *value ? t.primary : (state.is_hovered ? t.hover : t.bg3);
    list->AddRectFilled(min, max, faded(fill, opacity), rounding);
    if (*value) {
      const float u = side / 14.0F;
      const ImVec2 mark[3] = {{min.x + 3.4F * u, min.y + 7.3F * u},
                              {min.x + 6.0F * u, min.y + 9.9F * u},
                              {min.x + 10.8F * u, min.y + 4.6F * u}};
      list->AddPolyline(mark, 3, faded(t.primary_text, opacity), 1.6F * u);
    } else {
      list->AddRect(min, max, faded(t.line2, opacity), rounding, px(1), 0);
    }
    draw_focus_ring(min, max, rounding, state.id);
    const Color tint = faded(*value || state.is_hovered ? t.text1 : t.text2, opacity);
    const float y = state.box.Min.y + (height - line_height(Type::kBody)) * 0.5F;
    draw_text(list, Type::kBody, {max.x + gap, y}, tint, shown);
  }
  if (disabled_reason != nullptr) {
    ImGui::EndDisabled();
    tooltip(disabled_reason);
  }
  return state.is_pressed;
}

bool toggle(const char* label, bool* value) {
  const ThemeTokens& t = theme();
  const std::string_view shown = visible_label(label);
  const float height = em(1.08F), width = em(1.95F), gap = shown.empty() ? 0.0F : em(0.6F);
  const ItemState state = submit_item(
      label, {width + gap + text_size(Type::kBody, shown).x, height}, Look::kLive, *value);
  if (state.is_pressed) *value = !*value;
  if (!state.is_visible) return state.is_pressed;
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImVec2 min = state.box.Min, max = {min.x + width, min.y + height};
  const float radius = height * 0.5F;
  list->AddRectFilled(min, max, *value ? t.primary : t.active, radius);
  const ImVec2 knob = {*value ? max.x - radius : min.x + radius, min.y + radius};
  list->AddCircleFilled(knob, radius - px(3), *value ? t.primary_text : t.text2);
  draw_focus_ring(min, max, radius, state.id);
  draw_text(list,
            Type::kBody,
            {max.x + gap, min.y + (height - line_height(Type::kBody)) * 0.5F},
            t.text1,
            shown);
  return state.is_pressed;
}

bool radio(const char* label, bool is_selected) {
  const ThemeTokens& t = theme();
  const std::string_view shown = visible_label(label);
  const float side = em(1.08F), gap = em(0.6F);
  const ItemState state = submit_item(
      label, {side + gap + text_size(Type::kBody, shown).x, side}, Look::kLive, is_selected);
  if (!state.is_visible) return state.is_pressed;
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImVec2 centre = {state.box.Min.x + side * 0.5F, state.box.Min.y + side * 0.5F};
  if (is_selected) {
    list->AddCircleFilled(centre, side * 0.5F, t.accent);
    list->AddCircleFilled(centre, side * 0.2F, t.bg1);
  } else {
    list->AddCircle(centre, side * 0.5F - px(1), t.line2, 0, px(2));
  }
  draw_focus_ring(state.box.Min, {state.box.Min.x + side, state.box.Max.y}, side, state.id);
  draw_text(
      list,
      Type::kBody,
      {state.box.Min.x + side + gap, state.box.Min.y + (side - line_height(Type::kBody)) * 0.5F},
      is_selected || state.is_hovered ? t.text1 : t.text2,
      shown);
  return state.is_pressed;
}

}  // namespace switchyard::ui
