#include "ui/widgets/fields.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include <imgui_internal.h>
#include <imgui_stdlib.h>

#include "ui/widgets/badges.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kFieldHeightEm = 1.7F;

float resolve_width(const FieldOptions& options) {
  return options.width > 0.0F ? options.width : std::max(em(3), ImGui::GetContentRegionAvail().x);
}

/// The part of a label that is its id: fields stand beside labels of their own.
const char* id_of(const char* label) {
  const char* id = std::strstr(label, "###");
  return id != nullptr ? id : label;
}

/// Colours, border and padding of a field's frame; popped by the destructor.
class FieldStyle {
 public:
  explicit FieldStyle(const FieldOptions& options, Type type)
      : is_off_(options.disabled_reason != nullptr) {
    const ThemeTokens& t = theme();
    if (is_off_) ImGui::BeginDisabled();
    const ImVec2 at = ImGui::GetCursorScreenPos();  // edges on whole pixels
    if (at.x != std::round(at.x) || at.y != std::round(at.y))
      ImGui::SetCursorScreenPos({std::round(at.x), std::round(at.y)});
    const bool is_hovered = options.look == Look::kHover;
    Color border = options.has_error ? t.failure : t.line2;
    if (options.look == Look::kFocus) border = t.accent;
    ImGui::PushStyleColor(ImGuiCol_FrameBg, is_hovered ? t.hover : t.bg3);
    ImGui::PushStyleColor(ImGuiCol_Border, is_off_ ? faded(border, 0.5F / 0.42F) : border);
    const float vertical = (em(kFieldHeightEm) - line_height(type)) * 0.5F;
    ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, ImVec2(em(0.62F), vertical));
  }

  ~FieldStyle() {
    ImGui::PopStyleVar();
    ImGui::PopStyleColor(2);
    if (is_off_) ImGui::EndDisabled();
  }

  FieldStyle(const FieldStyle&) = delete;
  FieldStyle& operator=(const FieldStyle&) = delete;

 private:
  bool is_off_;
};

void paint_ring(ImVec2 min, ImVec2 max, bool has_error) {
  ImDrawList* list = ImGui::GetWindowDrawList();
  const Color ring = has_error ? theme().failure : theme().accent;
  list->AddRect(min, max, ring, em(0.38F), px(1), 0);
  list->AddRect({min.x - px(1), min.y - px(1)},
                {max.x + px(1), max.y + px(1)},
                with_alpha(ring, 0.45F),
                em(0.38F) + px(1),
                px(1),
                0);
}

void paint_focus(const FieldOptions& options) {
  if (ImGui::IsItemActive() || options.look == Look::kFocus)
    paint_ring(ImGui::GetItemRectMin(), ImGui::GetItemRectMax(), options.has_error);
}

std::optional<double> number_from_text(const std::string& text) {
  std::string clean;
  for (const char c : text) {
    if (c != ',' && c != ' ' && c != '_') clean.push_back(c);
  }
  if (clean.empty()) return std::nullopt;
  double value = 0.0;
  const auto [end, error] = std::from_chars(clean.data(), clean.data() + clean.size(), value);
  if (error != std::errc() || end != clean.data() + clean.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

/// Text being typed into number fields; only one field is edited at a time.
struct Editing {
  ImGuiID id = 0;
  std::string text;
};

Editing editing;

struct NumberResult {
  bool is_committed = false;
  double value = 0.0;
};

/// What a field over a value did in this frame.
struct RawField {
  bool was_editing = false;
  bool is_editing = false;
  std::string text;  ///< now in the field
};

/// A text field over a value: right-aligned while at rest, a plain input while being edited.
RawField raw_field(const char* label,
                   const std::string& shown,
                   const std::string& editable,
                   const FieldOptions& options) {
  const ImGuiID id = ImGui::GetID(id_of(label));
  RawField field;
  field.was_editing = editing.id == id;
  field.text = field.was_editing ? editing.text : editable;
  const float width = resolve_width(options);
  {
    const FontScope scope(Type::kDigits);
    const FieldStyle style(options, Type::kDigits);
    ImGui::SetNextItemWidth(width);
    ImGui::PushStyleColor(ImGuiCol_Text,
                          field.was_editing ? theme().text1 : with_alpha(theme().text1, 0.0F));
    ImGui::InputText(id_of(label),
                     &field.text,
                     ImGuiInputTextFlags_AutoSelectAll | ImGuiInputTextFlags_CharsScientific |
                         ImGuiInputTextFlags_NoHorizontalScroll);
    ImGui::PopStyleColor();
  }
  field.is_editing = ImGui::IsItemActive();
  if (field.is_editing) {
    editing = {id, field.text};
  } else if (field.was_editing) {
    editing = {};
  }
  paint_focus(options);
  if (!field.was_editing) {
    const ImVec2 low = ImGui::GetItemRectMin(), high = ImGui::GetItemRectMax();
    const float opacity = options.disabled_reason != nullptr ? 0.42F : 1.0F;
    ImDrawList* list = ImGui::GetWindowDrawList();
    float right = high.x - em(0.62F);
    const float y = low.y + (high.y - low.y - line_height(Type::kDigits)) * 0.5F;
    if (options.unit != nullptr && *options.unit != '\0') {
      draw_text_right(
          list, Type::kCaption, {right, y + px(1)}, faded(theme().text3, opacity), options.unit);
      right -= text_size(Type::kCaption, options.unit).x + em(0.4F);
    }
    const std::string fitting = fitted(Type::kDigits, shown, right - low.x - em(0.4F));
    draw_text_right(list, Type::kDigits, {right, y}, faded(theme().text1, opacity), fitting);
  }
  if (options.disabled_reason != nullptr) tooltip(options.disabled_reason);
  return field;
}

NumberResult number_field(const char* label,
                          const std::string& shown,
                          const std::string& editable,
                          double min,
                          double max,
                          FieldOptions options) {
  if (editing.id == ImGui::GetID(id_of(label))) {
    const std::optional<double> typed = number_from_text(editing.text);
    options.has_error = options.has_error || !typed || *typed < min || *typed > max;
  }
  const RawField field = raw_field(label, shown, editable, options);
  if (field.is_editing || !field.was_editing) return {};
  const std::optional<double> typed = number_from_text(field.text);
  if (typed && *typed >= min && *typed <= max) return {true, *typed};
  return {};
}

std::string text_of(double value, int digits) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*g", digits, value);
  if (value != 0.0 && std::abs(value) < 1e-3) {  // 6e-4 reads better than 0.0006
    std::snprintf(buffer.data(), buffer.size(), "%.*e", digits - 1, value);
    std::string mantissa(buffer.data(), std::strchr(buffer.data(), 'e'));
    if (mantissa.find('.') != std::string::npos) {
      mantissa.erase(mantissa.find_last_not_of('0') + 1);
      if (mantissa.back() == '.') mantissa.pop_back();
    }
    const int exponent = std::atoi(std::strchr(buffer.data(), 'e') + 1);
    return mantissa + "e" + std::to_string(exponent);
  }
  std::string text = buffer.data();
  const std::size_t e = text.find('e');  // 0.0001 as 1e-4, not 1e-04
  if (e != std::string::npos) {
    const int exponent = std::atoi(text.c_str() + e + 1);
    text = text.substr(0, e + 1) + std::to_string(exponent);
  }
  return text;
}

int put_completion(ImGuiInputTextCallbackData* data) {
  const auto& completion = *static_cast<const std::string*>(data->UserData);
  data->DeleteChars(0, data->BufTextLen);
  data->InsertChars(0, completion.data(), completion.data() + completion.size());
  return 0;
}

}  // namespace

bool text_field(const char* label, std::string* value, const FieldOptions& options) {
  const Type type = options.is_mono ? Type::kMono : Type::kBody;
  const FontScope scope(type);
  bool is_edited = false;
  {
    const FieldStyle style(options, type);
    ImGui::SetNextItemWidth(resolve_width(options));
    std::string completion = options.completion == nullptr ? "" : *options.completion;
    // Without anything to complete, Tab goes on to the next control.
    const ImGuiInputTextFlags flags =
        completion.empty() ? ImGuiInputTextFlags_None : ImGuiInputTextFlags_CallbackCompletion;
    is_edited = ImGui::InputTextWithHint(id_of(label),
                                         options.hint == nullptr ? "" : options.hint,
                                         value,
                                         flags,
                                         completion.empty() ? nullptr : &put_completion,
                                         &completion);
  }
  paint_focus(options);
  if (options.disabled_reason != nullptr) tooltip(options.disabled_reason);
  return is_edited;
}

bool text_area(const char* label, std::string* value, float height, const FieldOptions& options) {
  const Type type = options.is_mono ? Type::kMono : Type::kBody;
  const FontScope scope(type);
  bool is_edited = false;
  const ImVec2 size = {resolve_width(options), height - options.footer};
  const ImVec2 min = ImGui::GetCursorScreenPos(), max = {min.x + size.x, min.y + height};
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(min, max, theme().bg3, em(0.38F));
  list->AddRect(min, max, options.has_error ? theme().failure : theme().line2, em(0.38F), px(1), 0);
  {
    const FieldStyle style(options, type);
    ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, ImVec2(em(0.85F), em(0.85F)));
    ImGui::PushStyleVar(ImGuiStyleVar_FrameBorderSize, 0.0F);
    ImGui::PushStyleColor(ImGuiCol_FrameBg, 0U);
    ImGuiInputTextFlags flags = ImGuiInputTextFlags_WordWrap;
    if (options.is_read_only) flags |= ImGuiInputTextFlags_ReadOnly;
    is_edited = ImGui::InputTextMultiline(id_of(label), value, size, flags);
    ImGui::PopStyleColor();
    ImGui::PopStyleVar(2);
  }
  if (ImGui::IsItemActive()) paint_ring(min, max, options.has_error);
  if (value->empty() && options.hint != nullptr && !ImGui::IsItemActive())
    draw_text(list,
              type,
              {min.x + em(0.85F), min.y + em(0.85F)},
              theme().text3,
              options.hint,
              size.x - em(1.7F));
  return is_edited;
}

bool search_field(
    const char* label, std::string* value, const char* hint, const char* keys, float width) {
  FieldOptions options;
  options.width = width;
  const float full = resolve_width(options), height = em(1.85F);
  const FontScope scope(Type::kBody);
  const float vertical = (height - line_height(Type::kBody)) * 0.5F;
  ImGui::PushStyleColor(ImGuiCol_FrameBg, theme().bg0);
  ImGui::PushStyleColor(ImGuiCol_FrameBgHovered, theme().bg0);
  ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, ImVec2(em(2.2F), vertical));
  ImGui::SetNextItemWidth(full);
  const bool is_edited = ImGui::InputText(id_of(label), value);
  ImGui::PopStyleVar();
  ImGui::PopStyleColor(2);
  paint_focus(options);
  const ImVec2 min = ImGui::GetItemRectMin(), max = ImGui::GetItemRectMax();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = min.y + (max.y - min.y - line_height(Type::kBody)) * 0.5F;
  draw_text(list, Type::kBody, {min.x + em(0.7F), y}, theme().text3, icon(Icon::kSearch));
  if (value->empty()) {
    float room = max.x - min.x - em(2.9F);
    if (keys != nullptr) {
      const float keys_width = kbd_width({keys});
      room -= keys_width;
      draw_kbd(list,
               {max.x - keys_width - em(0.5F), std::round((min.y + max.y - em(1.25F)) * 0.5F)},
               {keys});
    }
    draw_text(list, Type::kBody, {min.x + em(2.2F), y}, theme().text3, hint, room);
  }
  return is_edited;
}

bool integer_field(const char* label,
                   std::int64_t* value,
                   std::int64_t min,
                   std::int64_t max,
                   const FieldOptions& options) {
  const std::string plain = std::to_string(*value);
  const NumberResult result = number_field(
      label, plain, plain, static_cast<double>(min), static_cast<double>(max), options);
  if (!result.is_committed) return false;
  const auto whole = static_cast<std::int64_t>(std::llround(result.value));
  if (whole == *value) return false;
  *value = whole;
  return true;
}

bool real_field(const char* label,
                double* value,
                double min,
                double max,
                const FieldOptions& options,
                int digits) {
  const NumberResult result =
      number_field(label, text_of(*value, digits), text_of(*value, 15), min, max, options);
  if (!result.is_committed || result.value == *value) return false;
  *value = result.value;
  return true;
}

FieldEvent value_field(const char* label,
                       const std::string& shown,
                       std::string* edited,
                       const FieldOptions& options) {
  const std::string before = editing.id == ImGui::GetID(id_of(label)) ? editing.text : *edited;
  const RawField field = raw_field(label, shown, *edited, options);
  if (!field.is_editing && !field.was_editing) return FieldEvent::kNone;
  *edited = field.text;
  if (!field.is_editing) return FieldEvent::kCommitted;
  return field.text != before ? FieldEvent::kTyping : FieldEvent::kNone;
}

bool combo(const char* label,
           std::span<const char* const> items,
           int* selected,
           const FieldOptions& options) {
  const int count = static_cast<int>(items.size());
  const bool has_choice = *selected >= 0 && *selected < count;
  const char* preview = has_choice ? items[static_cast<std::size_t>(*selected)] : "";
  const FontScope scope(Type::kBody);
  bool is_changed = false, is_open = false;
  ImGuiContext& g = *ImGui::GetCurrentContext();
  const float width = resolve_width(options);
  ImVec2 min, max;
  {
    const FieldStyle style(options, Type::kBody);
    ImGui::SetNextItemWidth(width);
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(em(0.35F), em(0.35F)));
    is_open = ImGui::BeginCombo(
        id_of(label), "", ImGuiComboFlags_NoArrowButton | ImGuiComboFlags_HeightLarge);
    ImGui::PopStyleVar();
    // The toolkit names its other fields to the Test Engine, this one not.
    if (!is_open) {
      IMGUI_TEST_ENGINE_ITEM_INFO(
          ImGui::GetID(id_of(label)), id_of(label), g.LastItemData.StatusFlags);
    }
  }
  if (is_open) {
    for (int i = 0; i < count; ++i) {
      const std::string item =
          std::string(items[static_cast<std::size_t>(i)]) + "###" + std::to_string(i);
      if (ImGui::Selectable(item.c_str(), i == *selected) && i != *selected) {
        *selected = i;
        is_changed = true;
      }
      if (i == *selected) ImGui::SetItemDefaultFocus();
    }
    ImGui::EndCombo();
  }
  min = ImGui::GetItemRectMin();
  max = ImGui::GetItemRectMax();
  const float opacity = options.disabled_reason != nullptr ? 0.42F : 1.0F;
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = min.y + (max.y - min.y - line_height(Type::kBody)) * 0.5F;
  const float arrow = line_height(Type::kCaption);
  draw_text(list,
            Type::kBody,
            {min.x + em(0.62F), y},
            faded(theme().text1, opacity),
            preview,
            max.x - min.x - em(1.5F) - arrow);
  draw_text_right(list,
                  Type::kCaption,
                  {max.x - em(0.5F), y},
                  faded(theme().text3, opacity),
                  icon(Icon::kChevronDown));
  FieldOptions focus = options;
  if (is_open) focus.look = Look::kFocus;
  if (focus.look == Look::kFocus) paint_focus(focus);
  if (options.disabled_reason != nullptr) tooltip(options.disabled_reason);
  return is_changed;
}

namespace {

double fraction_of(double value, double min, double max, bool is_log) {
  return is_log ? std::log(value / min) / std::log(max / min) : (value - min) / (max - min);
}

double value_at(double fraction, double min, double max, bool is_log, int decimals) {
  const double raw = is_log ? min * std::pow(max / min, fraction) : min + (max - min) * fraction;
  const double unit = std::pow(10.0, -decimals);
  return std::clamp(std::round(raw / unit) * unit, min, max);
}

/// The track: item, drag, arrow keys, drawing. True when the value moved.
bool slider_track(const char* label,
                  double* value,
                  double min,
                  double max,
                  float width,
                  int decimals,
                  bool is_log) {
  ImGuiContext& g = *ImGui::GetCurrentContext();
  ImGuiWindow* window = ImGui::GetCurrentWindow();
  if (window->SkipItems) return false;
  const ImGuiID id = window->GetID(label);
  const float height = em(kFieldHeightEm), radius = em(0.46F);
  const ImVec2 pos = window->DC.CursorPos;
  const ImRect box(pos, {pos.x + width, pos.y + height});
  ImGui::ItemSize(box.GetSize(), 0.0F);
  if (!ImGui::ItemAdd(box, id)) return false;
  bool is_hovered = false, is_held = false;
  ImGui::ButtonBehavior(box, id, &is_hovered, &is_held, ImGuiButtonFlags_PressedOnClick);
  IMGUI_TEST_ENGINE_ITEM_INFO(id, label, g.LastItemData.StatusFlags);
  const double before = *value;
  double fraction = std::clamp(fraction_of(*value, min, max, is_log), 0.0, 1.0);
  const float left = pos.x + radius, length = width - 2.0F * radius;
  if (is_held && g.ActiveIdSource == ImGuiInputSource_Mouse) {
    fraction = std::clamp(static_cast<double>((g.IO.MousePos.x - left) / length), 0.0, 1.0);
    *value = value_at(fraction, min, max, is_log, decimals);
  } else if (g.NavId == id && g.NavCursorVisible) {
    const int step = (ImGui::IsKeyPressed(ImGuiKey_RightArrow) ? 1 : 0) -
                     (ImGui::IsKeyPressed(ImGuiKey_LeftArrow) ? 1 : 0);
    ImGui::SetKeyOwner(ImGuiKey_RightArrow, id);
    ImGui::SetKeyOwner(ImGuiKey_LeftArrow, id);
    if (step != 0) {
      *value = value_at(std::clamp(fraction + 0.01 * step, 0.0, 1.0), min, max, is_log, decimals);
      fraction = std::clamp(fraction_of(*value, min, max, is_log), 0.0, 1.0);
    }
  }
  const ThemeTokens& t = theme();
  const float opacity = ImGui::GetStyle().Alpha, middle = std::round(pos.y + height * 0.5F);
  const float thickness = px(3), x = left + length * static_cast<float>(fraction);
  ImDrawList* list = window->DrawList;
  list->AddRectFilled({pos.x, middle - thickness * 0.5F},
                      {pos.x + width, middle + thickness * 0.5F},
                      faded(t.active, opacity),
                      thickness * 0.5F);
  list->AddRectFilled({pos.x, middle - thickness * 0.5F},
                      {x, middle + thickness * 0.5F},
                      faded(t.accent, opacity),
                      thickness * 0.5F);
  const Color grip = t.kind == ThemeKind::kLight ? t.accent : t.text1;
  list->AddCircleFilled(
      {x, middle}, is_hovered || is_held ? radius + px(1) : radius, faded(grip, opacity));
  if (g.NavId == id && g.NavCursorVisible)
    list->AddCircle({x, middle}, radius + px(3), t.accent, 0, px(1.5F));
  if (*value != before) ImGui::MarkItemEdited(id);
  return *value != before;
}

}  // namespace

bool slider(const char* label,
            double* value,
            double min,
            double max,
            float width,
            float field_width,
            int decimals,
            bool is_log) {
  const float gap = field_width > 0.0F ? em(0.9F) : 0.0F;
  bool is_changed = slider_track(
      label, value, min, max, std::max(em(3), width - field_width - gap), decimals, is_log);
  if (field_width <= 0.0F) return is_changed;
  ImGui::SameLine(0.0F, gap);
  FieldOptions options;
  options.width = field_width;
  const std::string id = std::string(id_of(label)) + ".value";
  std::array<char, 32> shown{};
  std::snprintf(shown.data(), shown.size(), "%.*f", decimals, *value);
  const NumberResult typed =
      number_field(id.c_str(), shown.data(), shown.data(), min, max, options);
  if (typed.is_committed && typed.value != *value) *value = typed.value, is_changed = true;
  return is_changed;
}

}  // namespace switchyard::ui
