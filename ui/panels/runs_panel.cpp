#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/panels/common.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

struct ColumnSpec {
  RunColumn column;
  const char* title;
  float width_em;
  bool is_number;
};

constexpr std::array kColumns = {
    ColumnSpec{RunColumn::kName, "Run", 20.0F, false},
    ColumnSpec{RunColumn::kState, "State", 8.5F, false},
    ColumnSpec{RunColumn::kPreset, "Preset", 17.0F, false},
    ColumnSpec{RunColumn::kStep, "Progress", 11.5F, false},
    ColumnSpec{RunColumn::kTrainLoss, "Train loss", 7.0F, true},
    ColumnSpec{RunColumn::kValLoss, "Val loss", 7.0F, true},
    ColumnSpec{RunColumn::kModified, "Changed", 8.5F, true},
};

float total_em() {
  float total = 0.0F;
  for (const ColumnSpec& column : kColumns) total += column.width_em;
  return total;
}

/// All runs of the runs folder; a click opens one.
class RunsPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    draw_toolbar(studio);
    const RunIndex& index = *studio.runs;
    if (!index.is_scanned) {
      loading_state("Runs", -1.0F);
      return;
    }
    if (index.runs.empty()) {
      if (empty_state(Icon::kRuns,
                      "No runs yet",
                      "Runs are kept in " + index.directory + ".",
                      "Pick a preset###runs.empty_new",
                      Icon::kPlus))
        studio.gallery.is_open = true;
      return;
    }
    draw_header(studio.runs_state.order);
    const PanelBody body("###runs.body", {0.0F, 0.0F}, 0.0F, 0.0F);
    for (const std::size_t i :
         select_runs(index.runs, studio.runs_state.filter, studio.runs_state.order))
      draw_run(studio, index.runs[i]);
  }

 private:
  static void draw_toolbar(Studio& studio) {
    RunsState& state = studio.runs_state;
    Toolbar bar("runs.toolbar");
    bar.next(em(1.7F));
    search_field("###runs.filter", &state.filter, "Filter by name, preset, state", nullptr, em(22));
    bar.next(em(1.7F));
    FieldOptions path;
    path.width = em(24);
    path.is_mono = true;
    path.hint = "or the path of a run folder";
    text_field("###runs.path", &state.path, path);
    bar.next(button_height(true), 0.5F);
    ButtonOptions open;
    open.is_small = true;
    open.icon = Icon::kFolder;
    if (state.path.empty()) open.disabled_reason = "type a path first";
    if (button("Open###runs.open", open)) studio.send(OpenRun{state.path});
    ButtonOptions fresh;
    fresh.is_small = true;
    fresh.icon = Icon::kPlus;
    fresh.kind = ButtonKind::kPrimary;
    const char* label = "New run###runs.new";
    const float right = ImGui::GetWindowPos().x + ImGui::GetWindowSize().x - em(0.9F);
    const float x = right - button_width(label, fresh);
    bar.next(button_height(true));
    ImGui::SetCursorScreenPos(
        {std::max(x, ImGui::GetCursorScreenPos().x), ImGui::GetCursorScreenPos().y});
    if (button(label, fresh)) studio.gallery.is_open = true;
  }

  static float stretch() {
    return std::clamp((ImGui::GetWindowSize().x - em(2.6F)) / em(total_em()), 0.55F, 1.35F);
  }

  static void draw_header(RunOrder& order) {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetWindowSize().x, height = em(2.3F), scale = stretch();
    ImDrawList* list = ImGui::GetWindowDrawList();
    list->AddRectFilled(
        {ImGui::GetWindowPos().x, min.y}, {ImGui::GetWindowPos().x + width, min.y + height}, t.bg2);
    float x = min.x + em(1.3F);
    for (const ColumnSpec& column : kColumns) {
      const float cell = em(column.width_em) * scale;
      ImGui::SetCursorScreenPos({x, min.y});
      const std::string label = std::string(column.title) + "###runs.sort." +
                                std::to_string(static_cast<int>(column.column));
      if (ImGui::InvisibleButton(label.c_str(), {cell - em(0.4F), height})) {
        if (order.column == column.column)
          order.is_descending = !order.is_descending;
        else
          order = {column.column, column.is_number};
      }
      const bool is_sorted = order.column == column.column;
      const Color color = is_sorted || ImGui::IsItemHovered() ? t.text1 : t.text3;
      std::string title = column.title;
      if (is_sorted) title += order.is_descending ? " ↓" : " ↑";
      const float y = std::round(min.y + (height - line_height(Type::kCaption)) * 0.5F);
      if (column.is_number)
        draw_text_right(list, Type::kCaption, {x + cell - em(0.9F), y}, color, title);
      else
        draw_text(list, Type::kCaption, {x, y}, color, title, cell - em(0.6F));
      x += cell;
    }
    list->AddRectFilled({ImGui::GetWindowPos().x, min.y + height - px(1)},
                        {ImGui::GetWindowPos().x + width, min.y + height},
                        t.line);
    ImGui::SetCursorScreenPos({min.x, min.y + height});
  }

  static void draw_progress_cell(const store::RunSummary& run,
                                 RunState state,
                                 ImVec2 at,
                                 float cell) {
    const ThemeTokens& t = theme();
    ImDrawList* list = ImGui::GetWindowDrawList();
    const double part = run.max_steps > 0
                            ? static_cast<double>(run.step) / static_cast<double>(run.max_steps)
                            : 0.0;
    const float track = std::min(em(4.2F), cell * 0.45F), bar_y = std::round(at.y + em(0.42F));
    const Tone tone = tone_of(run_state_tone(state));
    const bool is_plain = tone == Tone::kNeutral || state == RunState::kCompleted;
    list->AddRectFilled({at.x, bar_y}, {at.x + track, bar_y + em(0.4F)}, t.active, em(0.2F));
    if (part > 0.0)
      list->AddRectFilled({at.x, bar_y},
                          {at.x + std::max(px(2), track * static_cast<float>(std::min(1.0, part))),
                           bar_y + em(0.4F)},
                          is_plain ? t.text3 : tone_color(tone),
                          em(0.2F));
    draw_text(list,
              Type::kDigits,
              {at.x + track + em(0.7F), at.y},
              t.text2,
              grouped_number(run.step),
              cell - track - em(1));
  }

  static void draw_run(Studio& studio, const store::RunSummary& run) {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x, height = em(2.4F), scale = stretch();
    const bool is_open = run.root == studio.run->root;
    if (list_row((run.name + "###runs.row." + run.name).c_str(), is_open, 2.4F))
      studio.send(OpenRun{run.root});
    ImDrawList* list = ImGui::GetWindowDrawList();
    const RunState state = run_state_from_word(run.state);
    const float y = std::round(min.y + (height - line_height(Type::kDigits)) * 0.5F);
    float x = min.x + em(1.3F);
    list->AddRectFilled(
        {x, min.y + em(0.6F)}, {x + px(3), min.y + height - em(0.6F)}, run_color(run.name));
    for (const ColumnSpec& column : kColumns) {
      const float cell = em(column.width_em) * scale;
      const auto right = [&](const std::string& words, Color color) {
        draw_text_right(list, Type::kDigits, {x + cell - em(0.9F), y}, color, words);
      };
      const auto loss = [&](double value) {
        const std::string words = std::isfinite(value) ? plain_number(value, 4) : std::string("–");
        right(words, std::isfinite(value) ? t.text1 : t.text3);
      };
      switch (column.column) {
        case RunColumn::kName:
          draw_text(list,
                    is_open ? Type::kBodyStrong : Type::kBody,
                    {x + em(0.9F), y},
                    t.text1,
                    run.name,
                    cell - em(1.6F));
          break;
        case RunColumn::kState:
          draw_state(list, {x, y}, state, Type::kBody);
          break;
        case RunColumn::kPreset:
          draw_text(list, Type::kBody, {x, y}, t.text2, run.preset, cell - em(0.8F));
          break;
        case RunColumn::kStep:
          draw_progress_cell(run, state, {x, y}, cell);
          break;
        case RunColumn::kTrainLoss:
          loss(run.train_loss);
          break;
        case RunColumn::kValLoss:
          loss(run.val_loss);
          break;
        case RunColumn::kModified:
          right(age_text(studio.wall_now - run.modified_wall_time), t.text3);
          break;
      }
      x += cell;
    }
    list->AddRectFilled(
        {min.x, min.y + height - px(1)}, {min.x + width, min.y + height}, with_alpha(t.line, 0.6F));
    ImGui::SetCursorScreenPos(min);
    ImGui::Dummy({width, height});
  }
};

}  // namespace

std::unique_ptr<Panel> make_runs_panel() {
  return std::make_unique<RunsPanel>();
}

}  // namespace switchyard::ui
