#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <imgui_internal.h>

#include "ui/panels/common.h"
#include "ui/panels/config_view.h"
#include "ui/panels/file_browser_view.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kHeadEm = 10.4F;
constexpr float kPadEm = 0.95F;
constexpr float kSmallestRowsEm = 9.0F;  ///< below it, the whole panel scrolls

std::string changes_text(std::size_t count) {
  if (count == 0) return "nothing changed";
  return std::to_string(count) + (count == 1 ? " setting changed" : " settings changed");
}

/// Gives the next item the keyboard. Dear ImGui drops such a request when the item with focus
/// follows in a sibling child, so that item lets go first.
void focus_next_item() {
  ImGui::SetKeyboardFocusHere();
  ImGui::GetCurrentContext()->NavId = 0;
}

/// The configuration of a draft or of the open run: search, levels, sections, and what it costs.
class ConfigPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    // What a menu asked for may end the draft that was being drawn.
    if (auto later = std::exchange(later_, {}); later) {
      later(studio);
      update_config(studio);
    }
    ConfigDraft* draft = shown_draft(studio);
    if (draft == nullptr) {
      draw_empty(studio);
      return;
    }
    handle_keys(*draft);
    reveal_wanted(studio);
    ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(0.0F, 0.0F));
    const float height = ImGui::GetContentRegionAvail().y;
    const float foot = em(config_foot_height(studio));
    const float rows = height - em(kHeadEm) - foot;
    if (rows >= em(kSmallestRowsEm)) {
      draw_head(studio, *draft, kPadEm);
      {
        const PanelBody body("###config.rows", {0.0F, rows}, kPadEm, 0.0F);
        draw_rows(studio, *draft);
      }
      draw_config_foot(studio, *draft, kPadEm);
    } else {
      const PanelBody body("###config.rows", {0.0F, height}, kPadEm, 0.0F);
      draw_head(studio, *draft, 0.0F);
      draw_rows(studio, *draft);
      draw_config_foot(studio, *draft, 0.0F);
    }
    ImGui::PopStyleVar();
  }

 private:
  void draw_empty(Studio& studio) {
    const bool has_preset = studio.presets->schema != nullptr && !studio.presets->presets.empty();
    const bool is_pressed =
        empty_state(Icon::kSliders,
                    "No configuration",
                    "A draft is edited here; a run that is open shows its settings.",
                    has_preset ? "Edit the default preset###config.begin" : nullptr,
                    Icon::kDraft);
    if (is_pressed) customise_preset(studio, studio.presets->default_name());
  }

  /// The palette names a setting: it is shown whatever level and search say.
  void reveal_wanted(Studio& studio) {
    if (studio.config.wanted_setting.empty()) return;
    revealed_ = std::exchange(studio.config.wanted_setting, {});
    search_.clear();
    is_open_[section_of(studio.config.sections, revealed_)] = true;
    wants_focus_ = true;
  }

  void handle_keys(ConfigDraft& draft) {
    if (ImGui::Shortcut(ImGuiMod_Ctrl | ImGuiKey_F, ImGuiInputFlags_RouteGlobal))
      wants_search_ = true;
    // A text field that is being typed in has its own.
    if (ImGui::Shortcut(ImGuiMod_Ctrl | ImGuiKey_Z, ImGuiInputFlags_RouteFocused)) draft.undo();
    const bool is_redo =
        ImGui::Shortcut(ImGuiMod_Ctrl | ImGuiKey_Y, ImGuiInputFlags_RouteFocused) ||
        ImGui::Shortcut(ImGuiMod_Ctrl | ImGuiMod_Shift | ImGuiKey_Z, ImGuiInputFlags_RouteFocused);
    if (is_redo) draft.redo();
  }

  // ---- head ----

  static std::string origin_text(const Studio& studio, const ConfigDraft& draft) {
    if (is_run_shown(studio)) {
      const bool has_preset = studio.presets->find(draft.value("/name").as_string()) != nullptr;
      return has_preset ? "this run; preset, " + changes_text(draft.changes().size())
                        : "this run, own configuration";
    }
    const std::string what = draft.origin().kind == DraftOrigin::Kind::kPreset
                                 ? "draft of a preset, "
                             : draft.origin().kind == DraftOrigin::Kind::kRun ? "draft of a run, "
                                                                              : "draft of a file, ";
    return what + changes_text(draft.changes().size());
  }

  void draw_source(Studio& studio, ConfigDraft& draft) {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x;
    const ImVec2 size = {width, em(3.35F)}, max = {min.x + size.x, min.y + size.y};
    if (hit_area("###config.source", size)) open_popover("config.menu");
    const bool is_hovered = ImGui::IsItemHovered();
    ImDrawList* list = ImGui::GetWindowDrawList();
    list->AddRectFilled(min, max, is_hovered ? t.hover : t.bg3, em(0.46F));
    list->AddRect(min, max, t.line2, em(0.46F), px(1), 0);
    draw_focus_ring(min, max, em(0.46F), ImGui::GetItemID());
    const float text_x = min.x + em(3.1F), room = max.x - text_x - em(2.2F);
    const Icon mark = is_run_shown(studio) ? Icon::kLayers : Icon::kDraft;
    draw_text(list, Type::kControl, {min.x + em(1.0F), min.y + em(1.05F)}, t.accent, icon(mark));
    draw_text(list,
              Type::kBodyStrong,
              {text_x, min.y + em(0.55F)},
              t.text1,
              draft.value("/name").as_string(),
              room);
    draw_text(list,
              Type::kCaption,
              {text_x, min.y + em(1.85F)},
              t.text3,
              origin_text(studio, draft),
              room);
    draw_text_right(list,
                    Type::kCaption,
                    {max.x - em(0.9F), min.y + em(1.15F)},
                    t.text3,
                    icon(Icon::kChevronDown));
    draw_menu(studio, draft);
  }

  void draw_head(Studio& studio, ConfigDraft& draft, float pad_em) {
    const PanelBody body("###config.head", {0.0F, em(kHeadEm)}, pad_em, 0.9F, false);
    draw_source(studio, draft);
    gap(0.7F);
    std::size_t count = 0;
    for (const FormSection& section : studio.config.sections) count += section.rows.size();
    if (std::exchange(wants_search_, false)) focus_next_item();
    search_field("###config.search",
                 &search_,
                 ("Find in " + std::to_string(count) + " settings").c_str(),
                 "Ctrl F");
    gap(0.65F);
    static constexpr const char* kLevels[] = {"Essentials", "Common", "All"};
    const ImVec2 line = ImGui::GetCursorScreenPos();
    const float right = line.x + ImGui::GetContentRegionAvail().x;
    segmented("config.level", kLevels, &level_);
    ButtonOptions undo;
    undo.is_small = true;
    if (!draft.can_undo()) undo.disabled_reason = "nothing to undo";
    ButtonOptions redo = undo;
    redo.disabled_reason = draft.can_redo() ? nullptr : "nothing to redo";
    const float side = button_height(true);
    ImGui::SetCursorScreenPos({right - 2.0F * side, line.y + (em(1.85F) - side) * 0.5F});
    if (icon_button("Undo###config.undo", Icon::kUndo, "Undo (Ctrl+Z)", undo)) draft.undo();
    ImGui::SetCursorScreenPos({right - side, line.y + (em(1.85F) - side) * 0.5F});
    if (icon_button("Redo###config.redo", Icon::kAgain, "Redo (Ctrl+Y)", redo)) draft.redo();
  }

  // ---- menu ----

  void draw_menu(Studio& studio, ConfigDraft& draft) {
    if (!begin_popover("config.menu", 23.0F)) return;
    ConfigState& config = studio.config;
    const bool is_run = is_run_shown(studio);
    if (config.draft.has_value() && config.run.has_value()) {
      if (menu_item(is_run ? "Show the draft###config.show_draft"
                           : "Show the run's settings###config.show_run"))
        later_ = [is_run](Studio& s) { s.config.shows_draft = is_run; };
    }
    if (config.run.has_value() && menu_item("Edit this run as a new one###config.menu_edit"))
      later_ = edit_run_as_new;
    if (menu_item("Copy the command###config.copy_command"))
      ImGui::SetClipboardText(draft.command_line().c_str());
    if (menu_item("Copy as JSON###config.copy_json"))
      ImGui::SetClipboardText(config_file_text(draft.document()).c_str());
    if (!is_run) {
      if (menu_item("Revert all changes###config.revert_all", nullptr, !draft.changes().empty()))
        draft.revert_all();
      if (menu_item("Discard the draft###config.discard")) later_ = discard_draft;
    }
    if (config.previous.has_value() && menu_item("Bring back the draft before###config.previous"))
      later_ = bring_back_previous;
    gap(0.4F);
    draw_new_from(studio);
    gap(0.5F);
    draw_path(studio, draft);
    end_popover();
  }

  void draw_new_from(const Studio& studio) {
    ImGui::Indent(em(0.5F));
    text(Type::kCaption, theme().text3, "New draft from a preset");
    ImGui::Unindent(em(0.5F));
    const PanelBody body("###config.presets", {0.0F, em(7.5F)}, 0.0F, 0.2F);
    for (const SizedPreset& preset : studio.presets->presets) {
      if (menu_item((preset.card.name + "###config.from." + preset.card.name).c_str()))
        later_ = [name = preset.card.name](Studio& s) { customise_preset(s, name); };
    }
  }

  static void draw_path(Studio& studio, const ConfigDraft& draft) {
    ConfigState& config = studio.config;
    ImGui::Indent(em(0.5F));
    text(Type::kCaption, theme().text3, "Configuration file");
    gap(0.3F);
    FieldOptions field;
    field.is_mono = true;
    field.hint = "/home/you/my-run.json";
    field.width = em(20.5F) - browse_width();
    text_field("###config.path", &config.path, field);
    browse_button(studio, "config.path", FileKind::kConfig, &config.path);
    gap(0.5F);
    ButtonOptions options;
    options.is_small = true;
    if (config.path.empty()) options.disabled_reason = "type a path first";
    options.icon = Icon::kFolder;
    if (button("Open###config.open_file", options)) {
      studio.send(ConfigCommand(LoadConfigFile{config.path}));
      ImGui::CloseCurrentPopup();
    }
    ImGui::SameLine(0.0F, em(0.5F));
    options.icon = Icon::kSave;
    if (button("Save###config.save_file", options)) {
      studio.send(ConfigCommand(SaveConfigFile{config.path, config_file_text(draft.document())}));
      ImGui::CloseCurrentPopup();
    }
    ImGui::Unindent(em(0.5F));
    gap(0.3F);
  }

  // ---- rows ----

  [[nodiscard]] bool is_shown(const FormRow& row) const {
    if (!search_.empty()) return matches(row, search_);
    return row.is_changed || !row.problems.empty() || row.pointer == revealed_ ||
           static_cast<int>(row.level) <= level_;
  }

  [[nodiscard]] bool is_open_at_first(const FormSection& section) const {
    return section.id != "guard" && section.id != "log" && section.id != "checkpoint";
  }

  bool draw_section_head(Studio& studio, const FormSection& section) {
    auto [state, is_new] = is_open_.try_emplace(section.id, is_open_at_first(section));
    if (studio.config.wanted_section == section.id) {
      studio.config.wanted_section.clear();
      state->second = true;
      ImGui::SetScrollHereY(0.0F);
    }
    std::string trailing;
    if (section.num_changed > 0) trailing = std::to_string(section.num_changed) + " changed";
    if (section.num_problems > 0)
      trailing = std::to_string(section.num_problems) +
                 (section.num_problems == 1 ? " problem" : " problems");
    hairline();
    return section_header(
        (section.title + "###config.section." + section.id).c_str(), &state->second, trailing);
  }

  void draw_rows(Studio& studio, ConfigDraft& draft) {
    // Made anew between frames only.
    const std::vector<FormSection>& sections = studio.config.sections;
    bool is_found = false;
    for (const FormSection& section : sections) {
      const bool has_rows = !section.problems.empty() || section.layer_group >= 0 ||
                            std::any_of(section.rows.begin(),
                                        section.rows.end(),
                                        [&](const FormRow& row) { return is_shown(row); });
      const bool is_hidden_by_search =
          !search_.empty() && std::none_of(section.rows.begin(),
                                           section.rows.end(),
                                           [&](const FormRow& row) { return is_shown(row); });
      if (!has_rows || is_hidden_by_search) continue;
      is_found = true;
      const bool is_open =
          draw_section_head(studio, section) || !search_.empty() || section.num_problems > 0;
      if (is_open) draw_section(studio, draft, section);
    }
    if (!is_found) {
      gap(1.2F);
      note("No setting is called \"" + search_ + "\".");
    }
    if (search_.empty()) draw_costs_and_command(studio, draft);
    gap(0.8F);
  }

  void draw_section(Studio& studio, ConfigDraft& draft, const FormSection& section) {
    const bool is_run = is_run_shown(studio);
    ImGui::Indent(em(1.25F));
    for (const FormRow& row : section.rows) {
      if (!is_shown(row)) continue;
      if (wants_focus_ && row.pointer == revealed_) {
        wants_focus_ = false;
        ImGui::SetKeyboardFocusHere();
        ImGui::SetScrollHereY(0.3F);
      }
      const char* reason = is_run ? setting_obstacle(studio, *row.field) : nullptr;
      if (reason != nullptr) {
        draw_fixed_setting(row, reason);
      } else {
        draw_setting(studio, draft, row);
      }
    }
    // A run is what it is: its problems are told, not put right.
    draw_problems(draft, section.id, section.problems, is_run ? std::nullopt : section.fix);
    const bool has_tools = !is_run && section.layer_group >= 0 && search_.empty();
    if (has_tools) {
      draw_layer_tools(draft, section.layer_group);
      const auto last = static_cast<std::size_t>(section.layer_group) + 1;
      if (last == draft.num_layer_groups()) {
        ButtonOptions add;
        add.is_small = true;
        add.icon = Icon::kPlus;
        if (button("Add layers###config.layers.add", add)) draft.add_layer_group();
        gap(0.3F);
      }
    }
    ImGui::Unindent(em(1.25F));
    gap(0.4F);
  }

  void draw_costs_and_command(Studio& studio, ConfigDraft& draft) {
    hairline();
    if (section_header("Costs###config.section.costs", &is_costs_open_)) {
      ImGui::Indent(em(1.25F));
      draw_costs(studio, draft);
      ImGui::Unindent(em(1.25F));
      gap(0.5F);
    }
    hairline();
    if (!section_header("Command###config.section.command", &is_command_open_)) return;
    ImGui::Indent(em(1.25F));
    const std::string command = draft.command_line();
    text_wrapped(Type::kMono, theme().text2, command);
    gap(0.4F);
    ButtonOptions copy;
    copy.is_small = true;
    copy.icon = Icon::kCopy;
    if (button("Copy###config.command.copy", copy)) ImGui::SetClipboardText(command.c_str());
    ImGui::Unindent(em(1.25F));
  }

  std::function<void(Studio&)> later_;
  std::string search_;
  int level_ = 1;
  std::string revealed_;  ///< shown whatever its level
  bool wants_search_ = false, wants_focus_ = false;
  bool is_costs_open_ = false, is_command_open_ = false;
  std::map<std::string, bool> is_open_;
};

}  // namespace

std::unique_ptr<Panel> make_config_panel() {
  return std::make_unique<ConfigPanel>();
}

}  // namespace switchyard::ui
