#include "ui/widgets/text.h"

#include <algorithm>
#include <cmath>

#include "ui/widgets/overlays.h"

namespace switchyard::ui {
namespace {

constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

float width_of(std::string_view value) {
  return ImGui::CalcTextSize(value.data(), value.data() + value.size()).x;
}

/// Longest prefix of whole characters that fits, with the font in use.
std::string shortened(std::string_view value, float max_width) {
  std::size_t low = 0, high = value.size();
  const float room = max_width - width_of(kEllipsis);
  while (low < high) {
    const std::size_t middle = (low + high + 1) / 2;
    if (width_of(value.substr(0, middle)) <= room) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  while (low > 0 && (static_cast<unsigned char>(value[low]) & 0xC0U) == 0x80U) --low;
  while (low > 0 && value[low - 1] == ' ') --low;
  std::string result(value.substr(0, low));
  result += kEllipsis;
  return result;
}

}  // namespace

std::string_view visible_label(const char* label) {
  const std::string_view whole = label;
  return whole.substr(0, whole.find("##"));
}

float line_height(Type type) {
  const FontScope scope(type);
  return ImGui::GetFontSize();
}

std::string fitted(Type type, std::string_view value, float max_width) {
  const FontScope scope(type);
  if (max_width <= 0.0F || width_of(value) <= max_width) return std::string(value);
  return shortened(value, max_width);
}

void text(Type type, Color color, std::string_view value) {
  const FontScope scope(type);
  const TextColor tint(color);
  ImGui::TextUnformatted(value.data(), value.data() + value.size());
}

void text_ellipsis(Type type, Color color, std::string_view value, float max_width) {
  const float room = max_width > 0.0F ? max_width : ImGui::GetContentRegionAvail().x;
  const std::string shown = fitted(type, value, room);
  text(type, color, shown);
  if (shown.size() != value.size() || shown != value) tooltip(value);
}

void text_wrapped(Type type, Color color, std::string_view value, float max_width) {
  const FontScope scope(type);
  const TextColor tint(color);
  const float room = max_width > 0.0F ? max_width : ImGui::GetContentRegionAvail().x;
  ImGui::PushTextWrapPos(ImGui::GetCursorPosX() + room);
  ImGui::TextUnformatted(value.data(), value.data() + value.size());
  ImGui::PopTextWrapPos();
}

void value_with_unit(Type type, Color color, std::string_view value, std::string_view unit) {
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImVec2 size = text_size(type, value);
  draw_text(list, type, pos, color, value);
  float width = size.x;
  if (!unit.empty()) {
    const float drop = (line_height(type) - line_height(Type::kCaption)) * 0.78F;
    width += em(0.3F);
    width += draw_text(
        list, Type::kCaption, {pos.x + width, pos.y + std::round(drop)}, theme().text3, unit);
  }
  ImGui::Dummy({width, size.y});
}

float draw_text(
    ImDrawList* list, Type type, ImVec2 pos, Color color, std::string_view value, float max_width) {
  const FontScope scope(type);
  std::string cut;
  if (max_width > 0.0F && width_of(value) > max_width) {
    cut = shortened(value, max_width);
    value = cut;
  }
  const ImVec2 whole_pixels = {std::round(pos.x), std::round(pos.y)};
  list->AddText(whole_pixels, color, value.data(), value.data() + value.size());
  return width_of(value);
}

void draw_text_right(ImDrawList* list, Type type, ImVec2 pos, Color color, std::string_view value) {
  draw_text(list, type, {pos.x - text_size(type, value).x, pos.y}, color, value);
}

void draw_text_centred(
    ImDrawList* list, Type type, ImVec2 min, ImVec2 max, Color color, std::string_view value) {
  const ImVec2 size = text_size(type, value);
  const ImVec2 pos = {min.x + (max.x - min.x - size.x) * 0.5F,
                      min.y + (max.y - min.y - size.y) * 0.5F};
  draw_text(list, type, pos, color, value);
}

}  // namespace switchyard::ui
