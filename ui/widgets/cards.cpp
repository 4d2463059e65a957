#include "ui/widgets/cards.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <imgui_internal.h>

#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/term.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kTitleEm = 2.15F;

struct TitleBox {
  ImVec2 min, max;
};

TitleBox title_box;

/// Rows stand directly below each other: their height already contains the air between them.
class TightRows {
 public:
  TightRows() { ImGui::PushStyleVarY(ImGuiStyleVar_ItemSpacing, 0.0F); }

  ~TightRows() { ImGui::PopStyleVar(); }

  TightRows(const TightRows&) = delete;
  TightRows& operator=(const TightRows&) = delete;
};

}  // namespace

ImVec2 card_title_min() {
  return title_box.min;
}

ImVec2 card_title_max() {
  return title_box.max;
}

bool begin_card(const char* id, std::string_view title, const CardOptions& options) {
  const ThemeTokens& t = theme();
  ImVec2 size = options.size;
  const ImVec2 avail = ImGui::GetContentRegionAvail();
  if (size.x <= 0.0F) size.x = avail.x;
  if (size.y <= 0.0F) size.y = avail.y;
  ImGui::PushStyleColor(ImGuiCol_ChildBg, options.background == 0 ? t.bg1 : options.background);
  ImGui::PushStyleColor(ImGuiCol_Border, t.line);
  ImGui::PushStyleVar(ImGuiStyleVar_ChildRounding, em(0.46F));
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(0.0F, 0.0F));
  ImGui::BeginChild(id,
                    size,
                    ImGuiChildFlags_Borders | ImGuiChildFlags_NavFlattened,
                    ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoScrollWithMouse);
  ImGui::PopStyleVar(2);
  ImGui::PopStyleColor(2);
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImVec2 min = ImGui::GetWindowPos();
  const float height = em(kTitleEm), pad = em(0.85F);
  if (options.bar != Tone::kNeutral) {
    const float bottom = min.y + ImGui::GetWindowSize().y;
    list->AddRectFilled(
        {min.x, min.y + em(0.46F)}, {min.x + px(3), bottom - em(0.46F)}, tone_color(options.bar));
  }
  bool is_menu = false;
  float right = min.x + size.x - pad;
  if (options.has_menu) {
    ButtonOptions small;
    small.is_small = true;
    ImGui::SetCursorScreenPos({min.x + size.x - button_height(true) - em(0.35F),
                               min.y + (height - button_height(true)) * 0.5F});
    const std::string menu_id =
        options.handle == nullptr ? "More###menu" : "More###" + options.handle->id + ".menu";
    is_menu = icon_button(menu_id.c_str(), Icon::kMore, "", small);
    right = min.x + size.x - button_height(true) - em(0.7F);
  }
  const float body_y = std::round(min.y + (height - line_height(Type::kBodyStrong)) * 0.5F);
  const float small_y = body_y + px(1);
  if (!options.unit.empty()) {
    draw_text_right(list, Type::kCaption, {right, small_y}, t.text3, options.unit);
    right -= text_size(Type::kCaption, options.unit).x + em(0.3F);
  }
  if (!options.value.empty()) {
    const Color tint = options.value_color == 0 ? t.text1 : options.value_color;
    draw_text_right(list, Type::kDigitsCard, {right, body_y - px(1)}, tint, options.value);
    right -= text_size(Type::kDigitsCard, options.value).x;
  }
  right -= options.reserved_right + em(0.5F);
  const float title_width = draw_text(list,
                                      Type::kBodyStrong,
                                      {min.x + pad, body_y},
                                      t.text1,
                                      title,
                                      std::max(em(2), right - min.x - pad));
  term_help(title, {min.x + pad, min.y}, {min.x + pad + title_width, min.y + height});
  const float caption_x = min.x + pad + title_width + em(0.6F);
  if (!options.caption.empty() && right - caption_x > em(3)) {
    draw_text(
        list, Type::kCaption, {caption_x, small_y}, t.text3, options.caption, right - caption_x);
  }
  if (options.handle != nullptr) {
    ImGui::SetCursorScreenPos({min.x + px(2), min.y + px(2)});
    const ImVec2 item = {std::max(em(2), right - min.x - px(2)), height - px(4)};
    hit_area(("###" + options.handle->id).c_str(), item);
    const ImVec2 item_min = ImGui::GetItemRectMin(), item_max = ImGui::GetItemRectMax();
    draw_focus_ring({item_min.x + px(2), item_min.y + px(2)},
                    {item_max.x - px(2), item_max.y - px(2)},
                    em(0.3F),
                    ImGui::GetItemID());
    if (options.handle->on_item) options.handle->on_item();
  }
  title_box = {{min.x + pad, min.y}, {right + options.reserved_right + em(0.5F), min.y + height}};
  ImGui::SetCursorScreenPos({min.x, min.y + height});
  return is_menu;
}

void end_card() {
  ImGui::Dummy({0.0F, 0.0F});  // the content may have ended with a moved cursor
  ImGui::EndChild();
}

bool property_row(std::string_view label,
                  std::string_view value,
                  std::string_view unit,
                  Color value_color) {
  const TightRows tight;
  const ThemeTokens& t = theme();
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x, height = em(1.65F);
  const std::string id = "###property." + std::string(label);
  const bool is_clicked = hit_area(id.c_str(), {std::max(1.0F, width), height});
  const bool is_hovered = ImGui::IsItemHovered();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = pos.y + (height - line_height(Type::kBody)) * 0.5F;
  float right = pos.x + width;
  if (!unit.empty()) {
    draw_text_right(list, Type::kCaption, {right, y + px(1)}, t.text3, unit);
    right -= text_size(Type::kCaption, unit).x + em(0.35F);
  }
  const float value_width = text_size(Type::kDigits, value).x;
  const float label_width = text_size(Type::kBody, label).x;
  const float room_for_value =
      std::max(em(3), right - pos.x - std::min(label_width, em(4)) - em(0.8F));
  const std::string shown = fitted(Type::kDigits, value, room_for_value);
  draw_text_right(list, Type::kDigits, {right, y}, value_color == 0 ? t.text1 : value_color, shown);
  const float left_room = right - std::min(value_width, room_for_value) - em(0.6F) - pos.x;
  draw_text(list,
            Type::kBody,
            {pos.x, y},
            is_hovered ? t.text1 : t.text2,
            label,
            std::max(em(2), left_room));
  if (is_hovered) {
    std::string whole(label);
    whole.append(": ").append(value);
    if (!unit.empty()) whole.append(" ").append(unit);
    tooltip(whole + ". Click copies the value.");
  }
  if (is_clicked) ImGui::SetClipboardText(std::string(value).c_str());
  return is_clicked;
}

bool section_header(const char* label, bool* is_open, std::string_view trailing) {
  const TightRows tight;
  const ThemeTokens& t = theme();
  const std::string_view shown = visible_label(label);
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const float width = std::max(1.0F, ImGui::GetContentRegionAvail().x), height = em(2.1F);
  ImGui::PushStyleVar(ImGuiStyleVar_FrameBorderSize, 0.0F);
  if (hit_area(label, {width, height})) *is_open = !*is_open;
  ImGui::PopStyleVar();
  const bool is_hovered = ImGui::IsItemHovered();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = pos.y + (height - line_height(Type::kControl)) * 0.5F;
  const Icon chevron = *is_open ? Icon::kChevronDown : Icon::kChevronRight;
  draw_text(list, Type::kCaption, {pos.x, y + px(1)}, t.text3, icon(chevron));
  const float trailing_width =
      trailing.empty() ? 0.0F : text_size(Type::kCaption, trailing).x + em(0.6F);
  const float x = pos.x + em(1.25F);
  draw_text(list,
            Type::kControl,
            {x, y},
            is_hovered || *is_open ? t.text1 : mix(t.text2, t.text1, 0.5F),
            shown,
            width - em(1.25F) - trailing_width);
  if (!trailing.empty())
    draw_text_right(list, Type::kCaption, {pos.x + width, y + px(1)}, t.link, trailing);
  draw_focus_ring(pos, {pos.x + width, pos.y + height}, em(0.38F), ImGui::GetItemID());
  return *is_open;
}

void panel_title(std::string_view title, std::string_view caption) {
  const TightRows tight;
  const ThemeTokens& t = theme();
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x, height = em(1.65F);
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = pos.y + (height - line_height(Type::kBodyStrong)) * 0.5F;
  const float caption_width =
      caption.empty() ? 0.0F : text_size(Type::kCaption, caption).x + em(0.6F);
  draw_text(
      list, Type::kBodyStrong, {pos.x, y}, t.text1, title, std::max(em(2), width - caption_width));
  if (!caption.empty())
    draw_text_right(list, Type::kCaption, {pos.x + width, y + px(1)}, t.text3, caption);
  ImGui::Dummy({width, height});
}

bool list_row(const char* label, bool is_selected, float height_em) {
  const TightRows tight;
  const ThemeTokens& t = theme();
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const float width = std::max(1.0F, ImGui::GetContentRegionAvail().x), height = em(height_em);
  ImGui::SetNextItemAllowOverlap();
  const bool is_clicked = hit_area(label, {width, height});
  const bool is_hovered = ImGui::IsItemHovered();
  const unsigned id = ImGui::GetItemID();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImVec2 max = {pos.x + width, pos.y + height};
  if (is_selected) {
    list->AddRectFilled(pos, max, t.selection);
    list->AddRectFilled(pos, {pos.x + px(2), max.y}, t.accent);
  } else if (is_hovered) {
    list->AddRectFilled(pos, max, t.hover);
  }
  // Square, as the mark of a selected row at its left edge is.
  draw_focus_ring({pos.x + px(2), pos.y + px(2)}, {max.x - px(2), max.y - px(2)}, 0.0F, id);
  ImGui::SetCursorScreenPos(pos);
  return is_clicked;
}

float key_figure(std::string_view label,
                 std::string_view value,
                 std::string_view unit,
                 Color value_color,
                 Type value_type) {
  const ThemeTokens& t = theme();
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const float drop = (line_height(value_type) - line_height(Type::kCaption)) * 0.78F;
  const float value_width = text_size(value_type, value).x;
  const float unit_width = unit.empty() ? 0.0F : em(0.35F) + text_size(Type::kCaption, unit).x;
  const float width = std::max(value_width + unit_width, text_size(Type::kCaption, label).x);
  const std::string id = std::string(label) + "###figure." + std::string(label);
  if (hit_area(id.c_str(), {std::max(1.0F, width), em(1.2F) + line_height(value_type)}))
    ImGui::SetClipboardText(std::string(value).c_str());
  ImDrawList* list = ImGui::GetWindowDrawList();
  draw_text(list, Type::kCaption, pos, ImGui::IsItemHovered() ? t.text2 : t.text3, label);
  const float y = pos.y + em(1.2F);
  draw_text(list, value_type, {pos.x, y}, value_color == 0 ? t.text1 : value_color, value);
  if (!unit.empty())
    draw_text(list,
              Type::kCaption,
              {pos.x + value_width + em(0.35F), y + std::round(drop)},
              t.text3,
              unit);
  term_help(label, pos, {pos.x + width, y + line_height(value_type)});
  return width;
}

void hairline(bool is_full_width) {
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  float left = pos.x, right = pos.x + ImGui::GetContentRegionAvail().x;
  if (is_full_width) {
    left = ImGui::GetWindowPos().x;
    right = left + ImGui::GetWindowSize().x;
  }
  const float y = std::round(pos.y);
  ImGui::GetWindowDrawList()->AddRectFilled({left, y}, {right, y + px(1)}, theme().line);
  ImGui::Dummy({1.0F, px(1)});
}

}  // namespace switchyard::ui
