#include "ui/widgets/badges.h"

#include <algorithm>
#include <cmath>

#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

struct Box {
  ImVec2 min, max;
};

Box reserve(float width, float height) {
  const ImVec2 min = ImGui::GetCursorScreenPos();
  ImGui::Dummy({std::round(width), height});
  return {min, {min.x + std::round(width), min.y + height}};
}

float centred_y(const Box& box, Type type) {
  return box.min.y + (box.max.y - box.min.y - line_height(type)) * 0.5F;
}

}  // namespace

void badge(std::string_view label, Tone tone, Icon name) {
  const ThemeTokens& t = theme();
  const float padding = em(0.5F), gap = em(0.42F);
  const float icon_width =
      name == Icon::kCount ? 0.0F : text_size(Type::kCaption, icon(name)).x + gap;
  const Box box =
      reserve(text_size(Type::kCaption, label).x + icon_width + 2.0F * padding, em(1.5F));
  ImDrawList* list = ImGui::GetWindowDrawList();
  const bool is_neutral = tone == Tone::kNeutral;
  const Color tint = tone_color(tone);
  const Color fill = is_neutral ? t.chip : with_alpha(tint, t.soft);
  list->AddRectFilled(box.min, box.max, fill, em(0.3F));
  if (t.kind == ThemeKind::kContrast) list->AddRect(box.min, box.max, tint, em(0.3F), px(1), 0);
  const float y = centred_y(box, Type::kCaption);
  if (name != Icon::kCount)
    draw_text(list, Type::kCaption, {box.min.x + padding, y}, tint, icon(name));
  const Color words = tone == Tone::kAccent ? t.link : (is_neutral ? t.text2 : tint);
  draw_text(list, Type::kCaption, {box.min.x + padding + icon_width, y}, words, label);
}

void chip(std::string_view label, bool is_mono) {
  const ThemeTokens& t = theme();
  const Type type = is_mono ? Type::kMono : Type::kCaption;
  const Box box = reserve(text_size(type, label).x + em(1), em(1.5F));
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(box.min, box.max, t.chip, em(0.3F));
  if (t.kind == ThemeKind::kContrast) list->AddRect(box.min, box.max, t.line, em(0.3F), px(1), 0);
  draw_text(list, type, {box.min.x + em(0.5F), centred_y(box, type)}, t.text2, label);
}

bool tag_chip(const char* label) {
  const ThemeTokens& t = theme();
  const std::string_view shown = visible_label(label);
  const float words = text_size(Type::kCaption, shown).x, cross = em(1.5F), height = em(1.5F);
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float width = std::round(em(0.5F) + words + cross);
  const ImVec2 max = {min.x + width, min.y + height};
  ImDrawList* list = ImGui::GetWindowDrawList();
  ImGui::BeginGroup();
  list->AddRectFilled(min, max, t.chip, em(0.3F));
  if (t.kind == ThemeKind::kContrast) list->AddRect(min, max, t.line, em(0.3F), px(1), 0);
  const float y = min.y + (height - line_height(Type::kCaption)) * 0.5F;
  draw_text(list, Type::kCaption, {min.x + em(0.5F), y}, t.text2, shown);
  ImGui::SetCursorScreenPos({max.x - cross, min.y});
  const bool is_removed = hit_area(label, {cross, height});
  const bool is_hovered = ImGui::IsItemHovered();
  tooltip("Removes the tag");
  draw_text_centred(list,
                    Type::kCaption,
                    {max.x - cross, min.y},
                    max,
                    is_hovered ? t.text1 : t.text3,
                    icon(Icon::kClose));
  ImGui::SetCursorScreenPos({max.x, min.y});
  ImGui::Dummy({0.0F, height});
  ImGui::EndGroup();
  return is_removed;
}

void color_chip(std::string_view label, Color color) {
  const ThemeTokens& t = theme();
  const float dot = em(0.46F);
  const Box box = reserve(text_size(Type::kDigitsCaption, label).x + dot + em(1.3F), em(1.5F));
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(box.min, box.max, with_alpha(color, 0.22F), em(0.3F));
  const float middle = (box.min.y + box.max.y) * 0.5F;
  list->AddCircleFilled({box.min.x + em(0.45F) + dot * 0.5F, middle}, dot * 0.5F, color);
  draw_text(list,
            Type::kDigitsCaption,
            {box.min.x + em(0.8F) + dot, centred_y(box, Type::kDigitsCaption)},
            t.text1,
            label);
}

void run_chip(std::string_view name, Color color, bool is_dashed, bool is_strong) {
  const float stroke = em(0.8F), gap = em(0.4F);
  const Box box = reserve(stroke + gap + text_size(Type::kBody, name).x,
                          std::max(em(1.2F), line_height(Type::kBody)));
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float middle = std::round((box.min.y + box.max.y) * 0.5F);
  const float thickness = px(2);
  if (is_dashed) {
    const float piece = stroke * 0.4F;
    list->AddLine({box.min.x, middle}, {box.min.x + piece, middle}, color, thickness);
    list->AddLine(
        {box.min.x + stroke - piece, middle}, {box.min.x + stroke, middle}, color, thickness);
  } else {
    list->AddLine({box.min.x, middle}, {box.min.x + stroke, middle}, color, thickness);
  }
  const Color words = is_strong ? theme().text1 : theme().text2;
  draw_text(
      list, Type::kBody, {box.min.x + stroke + gap, centred_y(box, Type::kBody)}, words, name);
}

void status_dot(Color color) {
  const float side = em(0.95F);
  const Box box = reserve(side, line_height(Type::kBody));
  const ImVec2 centre = {box.min.x + side * 0.5F, (box.min.y + box.max.y) * 0.5F};
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddCircleFilled(centre, side * 0.5F, with_alpha(color, 0.28F));
  list->AddCircleFilled(centre, side * 0.28F, color);
}

float kbd_width(std::initializer_list<const char*> keys) {
  float width = 0.0F;
  for (const char* key : keys) width += text_size(Type::kCaption, key).x + em(0.6F) + px(3);
  return keys.size() == 0 ? 0.0F : width - px(3);
}

void draw_kbd(ImDrawList* list, ImVec2 pos, std::initializer_list<const char*> keys) {
  const ThemeTokens& t = theme();
  for (const char* key : keys) {
    const float width = text_size(Type::kCaption, key).x + em(0.6F);
    const ImVec2 max = {pos.x + width, pos.y + em(1.25F)};
    list->AddRectFilled(pos, max, t.bg2, em(0.25F));
    list->AddRect(pos, max, t.line2, em(0.25F), px(1), 0);
    draw_text_centred(list, Type::kCaption, pos, max, t.text2, key);
    pos.x += width + px(3);
  }
}

void kbd(std::initializer_list<const char*> keys) {
  const Box box = reserve(kbd_width(keys), em(1.25F));
  draw_kbd(ImGui::GetWindowDrawList(), box.min, keys);
}

void progress_bar(float fraction, float width, Color color, float phase) {
  const ThemeTokens& t = theme();
  const float height = em(0.4F);
  const Box box = reserve(width > 0.0F ? width : ImGui::GetContentRegionAvail().x, height);
  const float full = box.max.x - box.min.x, rounding = px(2);
  const Color fill = color == 0 ? t.accent : color;
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(box.min, box.max, t.active, rounding);
  if (fraction < 0.0F) {
    const float start = box.min.x + full * 0.75F * std::clamp(phase, 0.0F, 1.0F);
    list->AddRectFilled(
        {start, box.min.y}, {start + full * 0.25F, box.max.y}, faded(fill, 0.85F), rounding);
  } else if (fraction > 0.0F) {
    const float end = box.min.x + std::max(rounding * 2.0F, full * std::min(1.0F, fraction));
    list->AddRectFilled(box.min, {end, box.max.y}, fill, rounding);
  }
}

}  // namespace switchyard::ui
