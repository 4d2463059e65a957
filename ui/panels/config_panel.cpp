#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>

#include "ui/model/preset_list.h"
#include "ui/panels/common.h"
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

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

/// The resolved configuration of the open run, row by row, with what differs from its preset.
class ConfigPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const RunView& run = *studio.run;
    if (run.config_rows == nullptr || run.config_rows->empty()) {
      empty_state(
          Icon::kSliders, "No configuration", "A run that is open shows its settings here.");
      return;
    }
    const float foot = em(7.9F);
    ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(0.0F, 0.0F));
    const float height = ImGui::GetContentRegionAvail().y;
    draw_head(studio);
    {
      const float room = height - (ImGui::GetCursorPosY() - ImGui::GetCursorStartPos().y) - foot;
      const PanelBody body("###config.rows", {0.0F, std::max(em(4), room)}, 0.0F, 0.0F);
      draw_rows(*run.config_rows);
    }
    draw_foot(studio, foot);
    ImGui::PopStyleVar();
  }

 private:
  void draw_head(Studio& studio) {
    const ThemeTokens& t = theme();
    const RunView& run = *studio.run;
    const PanelBody body("###config.head", {0.0F, em(10.4F)}, 0.95F, 0.9F, false);
    const auto changed = std::count_if(run.config_rows->begin(),
                                       run.config_rows->end(),
                                       [](const ConfigRow& row) { return row.is_changed; });
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x;
    const ImVec2 max = {min.x + width, min.y + em(3.35F)};
    ImDrawList* list = ImGui::GetWindowDrawList();
    list->AddRectFilled(min, max, t.bg3, em(0.46F));
    list->AddRect(min, max, t.line2, em(0.46F), px(1), 0);
    const float text_x = min.x + em(3.1F), room = max.x - text_x - em(0.8F);
    draw_text(
        list, Type::kControl, {min.x + em(1.0F), min.y + em(1.05F)}, t.accent, icon(Icon::kLayers));
    draw_text(list,
              Type::kBodyStrong,
              {text_x, min.y + em(0.55F)},
              t.text1,
              run.config["name"].as_string(),
              room);
    const std::string words =
        studio.presets->find(run.config["name"].as_string()) == nullptr
            ? "own configuration"
            : (changed == 0 ? "preset, nothing changed"
                            : "preset, " + std::to_string(changed) +
                                  (changed == 1 ? " setting changed" : " settings changed"));
    draw_text(list, Type::kCaption, {text_x, min.y + em(1.85F)}, t.text3, words, room);
    ImGui::Dummy({width, em(3.35F)});
    gap(0.7F);
    search_field("###config.search",
                 &search_,
                 ("Find in " + std::to_string(run.config_rows->size()) + " settings").c_str());
    gap(0.65F);
    static constexpr const char* kLevels[] = {"Essentials", "Common", "All"};
    segmented("config.level", kLevels, &level_);
  }

  [[nodiscard]] bool is_shown(const ConfigRow& row) const {
    if (!search_.empty()) {
      const std::string wanted = lower(search_);
      return lower(row.label).find(wanted) != std::string::npos ||
             lower(row.pointer).find(wanted) != std::string::npos;
    }
    return row.is_changed || static_cast<int>(row.level) <= level_;
  }

  void draw_rows(const std::vector<ConfigRow>& rows) {
    std::string section;
    bool is_open = true;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const ConfigRow& row = rows[i];
      if (!is_shown(row)) continue;
      if (row.section != section) {
        section = row.section;
        is_open = draw_section(rows, section);
      }
      if (is_open || !search_.empty()) draw_row(row);
    }
  }

  bool draw_section(const std::vector<ConfigRow>& rows, const std::string& section) {
    const auto changed = std::count_if(rows.begin(), rows.end(), [&](const ConfigRow& row) {
      return row.section == section && row.is_changed;
    });
    auto [state, is_new] = is_open_.try_emplace(section, true);
    hairline();
    ImGui::Indent(em(0.95F));
    const bool is_open = section_header((section + "###config.section." + section).c_str(),
                                        &state->second,
                                        changed == 0 ? "" : std::to_string(changed) + " changed  ");
    ImGui::Unindent(em(0.95F));
    return is_open;
  }

  static void draw_row(const ConfigRow& row) {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x, height = em(1.8F);
    hit_area(("###config.row." + row.pointer).c_str(), {width, height});
    const bool is_hovered = ImGui::IsItemHovered();
    ImDrawList* list = ImGui::GetWindowDrawList();
    if (is_hovered) list->AddRectFilled(min, {min.x + width, min.y + height}, t.hover);
    if (row.is_changed) list->AddRectFilled(min, {min.x + px(2), min.y + height}, t.accent);
    const float y = std::round(min.y + (height - line_height(Type::kBody)) * 0.5F);
    float right = min.x + width - em(1.1F);
    if (!row.unit.empty()) {
      draw_text_right(list, Type::kCaption, {right, y + px(1)}, t.text3, row.unit);
      right -= text_size(Type::kCaption, row.unit).x + em(0.4F);
    }
    const float label_width = draw_text(list,
                                        Type::kBody,
                                        {min.x + em(2.2F), y},
                                        row.is_changed ? t.text1 : t.text2,
                                        row.label,
                                        width * 0.55F);
    const float room = right - (min.x + em(2.9F) + label_width);
    draw_text_right(
        list, Type::kDigits, {right, y}, t.text1, fitted(Type::kDigits, row.value, room));
    if (!is_hovered) return;
    std::string help = row.help;
    if (row.is_changed)
      help += (help.empty() ? "" : "\n") + std::string("Preset: ") + row.preset_value;
    help_tooltip(row.label, help, row.pointer);
  }

  static void draw_foot(const Studio& studio, float height) {
    const ThemeTokens& t = theme();
    const RunView& run = *studio.run;
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x;
    ImDrawList* list = ImGui::GetWindowDrawList();
    list->AddRectFilled(min, {min.x + width, min.y + height + em(2)}, t.bg2);
    list->AddRectFilled(min, {min.x + width, min.y + px(1)}, t.line);
    const PanelBody body("###config.foot", {0.0F, height}, 1.0F, 0.8F, false);
    const ModelFacts facts = model_facts(run.config);
    panel_title("Model", facts.num_experts > 0 ? facts.router : "dense");
    gap(0.35F);
    const ImVec2 at = ImGui::GetCursorScreenPos();
    const float third = (width - em(2.0F)) / 3.0F;
    const auto figure = [&](int column, const char* label, const std::string& value) {
      ImGui::SetCursorScreenPos({at.x + third * static_cast<float>(column), at.y});
      key_figure(label, value, "", 0, Type::kDigitsCard);
    };
    const auto count = [](std::int64_t n) {
      return n > 0 ? short_number(static_cast<double>(n)) : std::string("–");
    };
    figure(0, "Parameters", count(run.params_total));
    figure(1, "Active", count(run.params_active));
    figure(2,
           "Experts",
           facts.num_experts > 0
               ? std::to_string(facts.top_k) + " of " + std::to_string(facts.num_experts)
               : "none");
    ImGui::SetCursorScreenPos({at.x, at.y + em(3.2F)});
    text_ellipsis(Type::kMono, t.text3, run.root);
  }

  std::string search_;
  int level_ = 1;
  std::map<std::string, bool> is_open_;
};

}  // namespace

std::unique_ptr<Panel> make_config_panel() {
  return std::make_unique<ConfigPanel>();
}

}  // namespace switchyard::ui
