#include "ui/widgets/text.h"

#include <algorithm>
#include <cmath>

#include <imgui_internal.h>

#include "ui/widgets/overlays.h"
#include "ui/widgets/text_audit.h"

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

namespace {

/// The shortened text under the mouse; its whole form is shown at the end of the frame.
struct CutText {
  std::string whole;
  int frame = -1;
};

CutText cut_text;

void remember_cut(const ImDrawList* list, ImVec2 min, ImVec2 max, std::string_view whole) {
  const ImGuiContext& g = *ImGui::GetCurrentContext();
  if (list != ImGui::GetWindowDrawList() || !ImGui::IsWindowHovered() ||
      !ImGui::IsMouseHoveringRect(min, max) ||
      g.MouseStationaryTimer < g.Style.HoverStationaryDelay)
    return;
  cut_text = {std::string(whole), g.FrameCount};
}

}  // namespace

void show_cut_text() {
  if (cut_text.frame != ImGui::GetFrameCount()) return;
  plain_tooltip(cut_text.whole);
}

std::string_view visible_label(const char* label) {
  const std::string_view whole = label;
  return whole.substr(0, whole.find("##"));
}

float line_height(Type type) {
  const FontScope scope(type);
  return ImGui::GetFontSize();
}

std::string fitted(Type type, std::string_view value, float max_width) {
  std::string storage;
  value = drawable(type, value, storage);
  const FontScope scope(type);
  if (max_width <= 0.0F || width_of(value) <= max_width) return std::string(value);
  return shortened(value, max_width);
}

void text(Type type, Color color, std::string_view value) {
  std::string storage;
  value = drawable(type, value, storage);
  const FontScope scope(type);
  const TextColor tint(color);
  ImGui::TextUnformatted(value.data(), value.data() + value.size());
  audit_text(
      ImGui::GetWindowDrawList(), ImGui::GetItemRectMin(), ImGui::GetItemRectMax(), value, value);
}

void text_ellipsis(Type type, Color color, std::string_view value, float max_width) {
  std::string storage;
  value = drawable(type, value, storage);
  const float room = max_width > 0.0F ? max_width : ImGui::GetContentRegionAvail().x;
  const std::string shown = fitted(type, value, room);
  const FontScope scope(type);
  const TextColor tint(color);
  ImGui::TextUnformatted(shown.data(), shown.data() + shown.size());
  const ImVec2 min = ImGui::GetItemRectMin(), max = ImGui::GetItemRectMax();
  audit_text(ImGui::GetWindowDrawList(), min, max, value, shown);
  if (shown != value) remember_cut(ImGui::GetWindowDrawList(), min, max, value);
}

namespace {

constexpr float kLineSpacing = 1.4F;

/// Calls `line` for each wrapped line; returns the number of lines. Uses the font in use.
template <typename Line>
int for_each_line(std::string_view value, float max_width, const Line& line) {
  ImFont* used = ImGui::GetFont();
  const float size = ImGui::GetFontSize();
  int count = 0;
  while (!value.empty()) {
    const char* first = value.data();
    const char* last = first + value.size();
    const char* end = used->CalcWordWrapPosition(size, first, last, max_width);
    if (end == first) ++end;  // narrower than one character
    const std::size_t newline = value.substr(0, static_cast<std::size_t>(end - first)).find('\n');
    std::size_t taken = static_cast<std::size_t>(end - first);
    if (newline != std::string_view::npos) taken = newline;
    line(value.substr(0, taken), count++);
    value.remove_prefix(taken);
    if (!value.empty() && (value.front() == '\n' || value.front() == ' ')) value.remove_prefix(1);
  }
  return count;
}

}  // namespace

float wrapped_height(Type type, std::string_view value, float max_width) {
  std::string storage;
  value = drawable(type, value, storage);
  const FontScope scope(type);
  const int lines = for_each_line(value, max_width, [](std::string_view, int) {});
  return std::round(ImGui::GetFontSize() * kLineSpacing * static_cast<float>(lines));
}

float draw_paragraph(ImDrawList* list,
                     Type type,
                     ImVec2 pos,
                     Color color,
                     std::string_view value,
                     float max_width,
                     bool is_centred) {
  std::string storage;
  value = drawable(type, value, storage);
  const FontScope scope(type);
  const float step = ImGui::GetFontSize() * kLineSpacing;
  const int lines = for_each_line(value, max_width, [&](std::string_view words, int index) {
    const float shift = is_centred ? (max_width - width_of(words)) * 0.5F : 0.0F;
    const ImVec2 at = {std::round(pos.x + shift),
                       std::round(pos.y + step * static_cast<float>(index))};
    list->AddText(at, color, words.data(), words.data() + words.size());
    audit_text(list, at, {at.x + width_of(words), at.y + ImGui::GetFontSize()}, words, words);
  });
  return std::round(step * static_cast<float>(lines));
}

void text_wrapped(Type type, Color color, std::string_view value, float max_width) {
  const float room =
      max_width > 0.0F ? max_width : std::max(1.0F, ImGui::GetContentRegionAvail().x);
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const Color tint = faded(color, ImGui::GetStyle().Alpha);
  const float height = draw_paragraph(ImGui::GetWindowDrawList(), type, pos, tint, value, room);
  ImGui::Dummy({std::min(room, text_size(type, value).x), height});
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
  std::string storage;
  value = drawable(type, value, storage);
  const FontScope scope(type);
  const std::string_view whole = value;
  std::string cut;
  if (max_width != 0.0F && width_of(value) > max_width) {
    cut = max_width > 0.0F ? shortened(value, max_width) : std::string();
    value = cut;
  }
  const ImVec2 min = {std::round(pos.x), std::round(pos.y)};
  const float width = width_of(value);
  const ImVec2 max = {min.x + width, min.y + ImGui::GetFontSize()};
  list->AddText(min, color, value.data(), value.data() + value.size());
  audit_text(list, min, max, whole, value);
  if (value.size() < whole.size()) remember_cut(list, min, max, whole);
  return width;
}

void draw_text_right(
    ImDrawList* list, Type type, ImVec2 pos, Color color, std::string_view value, float max_width) {
  float width = text_size(type, value).x;
  if (max_width != 0.0F && width > max_width)
    width = text_size(type, fitted(type, value, std::max(1.0F, max_width))).x;
  draw_text(list, type, {pos.x - width, pos.y}, color, value, max_width);
}

void draw_text_centred(
    ImDrawList* list, Type type, ImVec2 min, ImVec2 max, Color color, std::string_view value) {
  const ImVec2 size = text_size(type, value);
  const ImVec2 pos = {min.x + (max.x - min.x - size.x) * 0.5F,
                      min.y + (max.y - min.y - size.y) * 0.5F};
  draw_text(list, type, pos, color, value);
}

}  // namespace switchyard::ui
