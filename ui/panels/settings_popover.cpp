#include "ui/panels/settings_popover.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "ui/panels/common.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr const char* kPopup = "###settings.page";
constexpr float kRowEm = 2.2F;

/// Label at the left; the cursor then stands where a control of the given size ends at the right.
class Row {
 public:
  Row(const char* label, float control_width, float control_height)
      : min_(ImGui::GetCursorScreenPos()) {
    const float width = ImGui::GetContentRegionAvail().x, height = em(kRowEm);
    draw_text(ImGui::GetWindowDrawList(),
              Type::kBody,
              {min_.x, min_.y + (height - line_height(Type::kBody)) * 0.5F},
              theme().text2,
              label,
              width - control_width - em(0.6F));
    ImGui::SetCursorScreenPos({std::round(min_.x + width - control_width),
                               std::round(min_.y + (height - control_height) * 0.5F)});
  }

  ~Row() {
    ImGui::SetCursorScreenPos({min_.x, min_.y + em(kRowEm)});
    ImGui::Dummy({1.0F, 0.0F});
  }

  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

 private:
  ImVec2 min_;
};

void toggle_row(const char* label, const char* id, bool* value, const char* why_not = nullptr) {
  const Row row(label, em(1.95F), em(1.08F));
  if (why_not != nullptr) ImGui::BeginDisabled();
  toggle(id, value);
  if (why_not == nullptr) return;
  ImGui::EndDisabled();
  tooltip(why_not);
}

float segments_width(std::span<const char* const> names) {
  float width = px(4);
  for (const char* name : names) width += text_size(Type::kBodyMedium, name).x + em(1.5F);
  return width;
}

void theme_rows(Studio& studio, DockShell& shell) {
  const bool is_known = studio.machine->prefers_dark.has_value();
  toggle_row("Theme of the desktop",
             "###settings.system_theme",
             &studio.settings.follows_system_theme,
             is_known ? nullptr : "the desktop does not say which theme it uses");
  static constexpr std::array<const char*, 3> kThemes = {"Dark", "Light", "Contrast"};
  const Row row("Theme", segments_width(kThemes), em(1.85F));
  int kind = static_cast<int>(shell.theme_kind());
  if (segmented("settings.theme", kThemes, &kind)) {
    studio.settings.follows_system_theme = false;
    shell.set_theme(static_cast<ThemeKind>(kind));
  }
}

void zoom_row(DockShell& shell) {
  const float side = button_height(true);
  const std::string percent = std::to_string(std::lround(shell.zoom() * 100.0F)) + "\xE2\x80\x89%";
  const Row row("Text size", 2.0F * side + em(4.5F), side);
  ButtonOptions options;
  options.is_small = true;
  options.width = side;
  options.kind = ButtonKind::kGhost;
  options.tooltip = "Smaller text (Ctrl+-)";
  if (button("\xE2\x88\x92###settings.smaller", options)) shell.set_zoom(shell.zoom() - 0.1F);
  ImGui::SameLine(0.0F, 0.0F);
  options.width = em(4.5F);
  options.tooltip = "Back to normal (Ctrl+0)";
  if (button((percent + "###settings.normal").c_str(), options)) shell.set_zoom(1.0F);
  ImGui::SameLine(0.0F, 0.0F);
  options.width = side;
  options.tooltip = "Larger text (Ctrl++)";
  if (button("+###settings.larger", options)) shell.set_zoom(shell.zoom() + 0.1F);
}

void units_row(WindowSettings& settings) {
  static constexpr std::array<const char*, 2> kUnits = {"GB", "GiB"};
  const Row row("Sizes in", segments_width(kUnits), em(1.85F));
  int unit = settings.use_binary_units ? 1 : 0;
  if (segmented("settings.units", kUnits, &unit)) settings.use_binary_units = unit == 1;
}

void place_row(const char* label, const std::string& path) {
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x, height = em(1.65F);
  const std::string id = std::string(label) + "###settings.place." + label;
  if (hit_area(id.c_str(), {width, height})) ImGui::SetClipboardText(path.c_str());
  const bool is_hovered = ImGui::IsItemHovered();
  if (is_hovered) tooltip(path + "\nClick copies the path.");
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = min.y + (height - line_height(Type::kBody)) * 0.5F;
  draw_text(list, Type::kBody, {min.x, y}, theme().text2, label);
  const Color color = is_hovered ? theme().link : theme().text1;
  draw_text(list, Type::kMono, {min.x + em(5.6F), y}, color, path, width - em(5.6F));
}

void section(const char* title) {
  gap(0.6F);
  hairline(false);
  gap(0.5F);
  panel_title(title);
}

}  // namespace

/// The saved layouts: one is chosen, loaded or deleted.
void SettingsButton::draw_saved(DockShell& shell) {
  const std::vector<std::string> names = shell.layout_names();
  if (names.empty()) return;
  std::vector<const char*> items;
  for (const std::string& name : names) items.push_back(name.c_str());
  layout_ = std::clamp(layout_, 0, static_cast<int>(items.size()) - 1);
  const std::string& chosen = names[static_cast<std::size_t>(layout_)];
  ButtonOptions options;
  options.is_small = true;
  FieldOptions field;
  field.width = ImGui::GetContentRegionAvail().x - em(5.5F) - button_height(true);
  combo("###settings.layout", items, &layout_, field);
  ImGui::SameLine(0.0F, em(0.5F));
  options.width = em(4.5F);
  if (button("Load###settings.load_layout", options)) shell.load_layout(chosen);
  ImGui::SameLine(0.0F, em(0.3F));
  options.width = 0.0F;
  if (icon_button("Delete###settings.delete_layout", Icon::kTrash, "Deletes it", options))
    shell.delete_layout(chosen);
  gap(0.4F);
}

void SettingsButton::draw_layouts(Studio& studio, DockShell& shell) {
  draw_saved(shell);
  ButtonOptions options;
  options.is_small = true;
  FieldOptions field;
  field.width = ImGui::GetContentRegionAvail().x - em(5.0F);
  field.hint = "Name of a new layout";
  text_field("###settings.layout_name", &layout_name_, field);
  ImGui::SameLine(0.0F, em(0.5F));
  options.width = em(4.5F);
  if (layout_name_.empty()) options.disabled_reason = "type a name first";
  if (button("Save###settings.save_layout", options)) {
    shell.save_layout(layout_name_);
    studio.notices.push_back({NoticeKind::kOk, "Layout saved", layout_name_});
    layout_name_.clear();
  }
  gap(0.5F);
  options = {};
  options.is_small = true;
  options.icon = Icon::kGrid;
  if (button("Reset layout###settings.reset_layout", options)) shell.reset_layout();
  ImGui::SameLine(0.0F, em(0.5F));
  options.icon = Icon::kRevert;
  if (button("Reset settings###settings.reset", options)) {
    const bool has_seen_tour = studio.settings.has_seen_tour;
    studio.settings = {};
    studio.settings.has_seen_tour = has_seen_tour;
    shell.set_theme(ThemeKind::kDark);
    shell.set_zoom(1.0F);
  }
}

void SettingsButton::draw_page(Studio& studio, DockShell& shell, const FilePlaces& places) {
  WindowSettings& settings = studio.settings;
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(0.0F, 0.0F));
  const float room = ImGui::GetMainViewport()->Size.y - em(7);
  const float wanted = em(shell.layout_names().empty() ? 34.0F : 36.5F);
  {
    const PanelBody body("###settings.body", {0.0F, std::min(room, wanted)}, 0.6F, 0.3F);
    panel_title("Appearance");
    theme_rows(studio, shell);
    zoom_row(shell);
    toggle_row("Reduced motion", "###settings.reduced_motion", &settings.has_reduced_motion);
    toggle_row("Draw new data only twice a second", "###settings.eco", &settings.is_eco);
    units_row(settings);
    toggle_row(
        "Desktop message when a run ends",
        "###settings.desktop_notices",
        &settings.has_desktop_notices,
        studio.machine->has_notify_send ? nullptr : "the program notify-send is not installed");
    section("Layout");
    draw_layouts(studio, shell);
    section("Kept in");
    place_row("Runs", places.runs);
    place_row("Settings", places.state);
    place_row("Data", places.data);
  }
  ImGui::PopStyleVar();
}

void SettingsButton::draw(Studio& studio, DockShell& shell, const FilePlaces& places) {
  const bool is_pressed =
      icon_button("Settings###shell.settings", Icon::kSettings, "Settings (Ctrl+,)");
  if (is_pressed || studio.wants_settings) open_popover(kPopup);
  studio.wants_settings = false;
  if (begin_popover(kPopup, 29.0F)) {
    draw_page(studio, shell, places);
    end_popover();
  }
}

}  // namespace switchyard::ui
