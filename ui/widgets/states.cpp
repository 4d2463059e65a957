#include "ui/widgets/states.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>

#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
bool empty_state(Icon name,
                 std::string_view title,
                 std::string_view sentence,
                 const char* button_label,
                 Icon button_icon) {
  const ThemeTokens& t = theme();
  const ImVec2 avail = ImGui::GetContentRegionAvail(), start = ImGui::GetCursorScreenPos();
  const float width = std::max(em(8), avail.x);
  const float paragraph = std::min(width - em(2), em(34));

  const float block = em(2.6F) + em(1.6F) + wrapped_height(Type::kBody, sentence, paragraph) +
                      (button_label != nullptr ? em(3.2F) : 0.0F);
  float y = start.y + std::max(em(0.8F), (avail.y - block) * 0.45F);
  ImDrawList* list = ImGui::GetWindowDrawList();
  draw_text_centred(
      list, Type::kDisplay, {start.x, y}, {start.x + width, y + em(1.9F)}, t.text3, icon(name));
  y += em(2.6F);
  draw_text_centred(
      list, Type::kHeading, {start.x, y}, {start.x + width, y + em(1.2F)}, t.text1, title);
  y += em(1.6F);
  y += draw_paragraph(list,
                      Type::kBody,
                      {start.x + (width - paragraph) * 0.5F, y},
                      t.text3,
                      sentence,
                      paragraph,
                      true);
  if (button_label == nullptr) {
    ImGui::SetCursorScreenPos({start.x, y});
    ImGui::Dummy({width, 1.0F});
    return false;
  }
  ButtonOptions options;
  options.icon = button_icon;
  ImGui::SetCursorScreenPos(
      {start.x + (width - button_width(button_label, options)) * 0.5F, y + em(0.8F)});
  return button(button_label, options);
}

void loading_state(std::string_view title, float fraction, float height) {
  const ThemeTokens& t = theme();
  std::array<char, 32> percent{"reading"};
  if (fraction >= 0.0F) {
    std::snprintf(
        percent.data(), percent.size(), "reading %d %%", static_cast<int>(fraction * 100.0F));
  }
  CardOptions options;
  options.size = {0.0F, height};
  options.unit = percent.data();
  begin_card("###loading", title, options);
  const ImVec2 min = ImGui::GetCursorScreenPos(), avail = ImGui::GetContentRegionAvail();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float left = min.x + em(3), right = min.x + avail.x - em(1);
  const float top = min.y + em(0.4F), bottom = min.y + avail.y - em(1.2F);
  constexpr int kLines = 4;
  for (int i = 0; i < kLines; ++i) {
    const float y = std::round(top + (bottom - top) * static_cast<float>(i) / (kLines - 1));
    list->AddLine({left, y}, {right, y}, with_alpha(t.text3, 0.22F), px(1));
    list->AddRectFilled(
        {min.x + em(0.85F), y - em(0.2F)}, {min.x + em(2.1F), y + em(0.25F)}, t.active, px(2));
  }
  if (fraction > 0.0F) {
    constexpr int kPoints = 48;
    std::array<ImVec2, kPoints> curve;
    const float end = left + (right - left) * std::min(1.0F, fraction);
    for (int i = 0; i < kPoints; ++i) {
      const float u = static_cast<float>(i) / (kPoints - 1);
      const float x = left + (end - left) * u;
      const float v = 0.12F + 0.84F * (1.0F - std::exp(-5.0F * (x - left) / (right - left)));
      curve[static_cast<std::size_t>(i)] = {x, top + (bottom - top) * v};
    }
    list->AddPolyline(curve.data(), kPoints, with_alpha(t.text3, 0.5F), px(2));
  }
  end_card();
}

Answered confirm_row(std::string_view question, const char* yes_label, const char* no_label) {
  const ThemeTokens& t = theme();
  ButtonOptions yes, no;
  yes.is_small = no.is_small = true;
  yes.kind = ButtonKind::kDanger;
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x, air = em(0.5F);
  const float buttons = button_width(yes_label, yes) + button_width(no_label, no) + air;
  const float room = width - buttons - em(2.4F);
  // Where the answers do not fit beside the question they stand below it.
  const bool is_one_line = text_size(Type::kBody, question).x <= room;
  const float text_room = is_one_line ? room : width - em(1.8F);
  const float words = wrapped_height(Type::kBody, question, text_room);
  const float line = is_one_line ? button_height(true) : words;
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = std::round(pos.y + (line - words) * 0.5F);
  draw_text(list, Type::kBody, {pos.x, y}, t.attention, icon(Icon::kAttention));
  draw_paragraph(list, Type::kBody, {pos.x + em(1.8F), y}, t.text1, question, text_room);
  const ImVec2 at = is_one_line ? ImVec2(pos.x + width - buttons, pos.y)
                                : ImVec2(pos.x + em(1.8F), pos.y + words + em(0.5F));
  ImGui::SetCursorScreenPos(at);
  Answered answered = Answered::kNothing;
  if (button(no_label, no)) answered = Answered::kNo;
  ImGui::SameLine(0.0F, air);
  if (button(yes_label, yes)) answered = Answered::kYes;
  return answered;
}

int error_card(const char* id,
               std::string_view title,
               std::string_view where,
               std::string_view message,
               std::span<const Remedy> remedies,
               const char* button_label,
               int* selected) {
  const ThemeTokens& t = theme();
  const float width = ImGui::GetContentRegionAvail().x, indent = em(2.6F);
  const float text_width = width - indent - em(1);
  const float message_height = wrapped_height(Type::kBody, message, text_width);
  const float rows = static_cast<float>(remedies.size());
  CardOptions options;
  options.size = {width,
                  em(2.5F) + message_height + em(1) + rows * em(1.65F) +
                      (button_label != nullptr ? em(3.1F) : em(0.5F))};
  options.bar = Tone::kFailure;
  options.background = t.bg2;
  begin_card(id, "", options);
  const ImVec2 min = ImGui::GetWindowPos();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = min.y + em(0.85F);
  draw_text(list, Type::kHeading, {min.x + em(1.1F), y}, t.failure, icon(Icon::kFailure));
  const float where_width = text_size(Type::kCaption, where).x;
  draw_text(
      list, Type::kHeading, {min.x + indent, y}, t.text1, title, text_width - where_width - em(1));
  draw_text_right(list, Type::kCaption, {min.x + width - em(0.9F), y + px(1)}, t.text3, where);
  ImGui::SetCursorScreenPos({min.x + indent, min.y + em(2.35F)});
  text_wrapped(Type::kBody, t.text2, message, text_width);
  float row_y = min.y + em(2.35F) + message_height + em(0.7F);
  for (std::size_t i = 0; i < remedies.size(); ++i) {
    ImGui::SetCursorScreenPos({min.x + em(1.1F), row_y});
    if (radio(remedies[i].label, *selected == static_cast<int>(i))) *selected = static_cast<int>(i);
    draw_text_right(
        list, Type::kDigits, {min.x + width - em(0.9F), row_y}, t.text2, remedies[i].cost);
    row_y += em(1.65F);
  }
  int result = -1;
  if (button_label != nullptr) {
    ImGui::SetCursorScreenPos({min.x + indent, row_y + em(0.3F)});
    ButtonOptions primary;
    primary.kind = ButtonKind::kPrimary;
    primary.icon = Icon::kAgain;
    if (button(button_label, primary)) result = *selected;
    ImGui::SameLine(0.0F, em(0.6F));
    ButtonOptions copy;
    copy.icon = Icon::kCopy;
    if (button("Copy details###error.copy", copy)) result = -2;
  }
  end_card();
  return result;
}

}  // namespace switchyard::ui
