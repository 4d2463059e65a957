#include "ui/panels/run_compare_panels.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ui/model/run_compare.h"
#include "ui/panels/common.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/panels/run_actions.h"
#include "ui/panels/run_row.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {

std::vector<ComparedRun> compared_runs(const Studio& studio) {
  std::vector<std::string> roots = studio.runs_state.selected;
  if (roots.empty() && !studio.run->root.empty()) roots.push_back(studio.run->root);
  std::vector<ComparedRun> runs;
  for (const std::string& root : roots) {
    ComparedRun run;
    run.root = root;
    const store::RunOverview* listed = studio.runs->find(root);
    run.name = listed != nullptr ? listed->name : studio.run->name;
    run.color = run_color(studio, root, run.name);
    if (root == studio.run->root) {
      run.view = studio.run;
    } else if (const auto found = studio.overlay.views.find(root);
               found != studio.overlay.views.end()) {
      run.view = found->second;
    }
    runs.push_back(std::move(run));
  }
  return runs;
}

namespace {

/// The keys in which the compared runs differ.
class RunDifferencePanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const std::vector<ComparedRun> runs = compared_runs(studio);
    refresh(runs);
    if (runs.size() < 2) {
      empty_state(Icon::kSliders,
                  "Nothing to compare",
                  "Tick two or more runs in the table: what differs between them stands here.");
      return;
    }
    draw_head();
    draw_table(runs);
  }

 private:
  void refresh(const std::vector<ComparedRun>& runs) {
    std::string key;
    for (const ComparedRun& run : runs)
      key += run.root + (run.view != nullptr && run.view->config.is_object() ? "+\n" : "-\n");
    if (key == key_) return;
    key_ = std::move(key);
    std::vector<Json> configs;
    for (const ComparedRun& run : runs)
      configs.push_back(run.view == nullptr ? Json() : run.view->config);
    difference_ = config_difference(configs);
  }

  void draw_head() {
    Toolbar bar("difference.toolbar");
    bar.next(em(1.1F));
    checkbox("Only differing keys###difference.only", &is_only_different_);
    const std::string count = std::to_string(difference_.num_different) + " of " +
                              std::to_string(difference_.rows.size()) + " differ";
    const float right = ImGui::GetWindowPos().x + ImGui::GetWindowSize().x - em(0.9F);
    const ImVec2 at = ImGui::GetItemRectMin();
    draw_text_right(ImGui::GetWindowDrawList(),
                    Type::kDigitsCaption,
                    {right, at.y + px(1)},
                    theme().text3,
                    count);
  }

  void draw_table(const std::vector<ComparedRun>& runs) {
    const WideBody wide("###difference.scroll");
    const float avail = ImGui::GetContentRegionAvail().x;
    const float key_width = std::clamp(avail * 0.32F, em(11), em(20));
    const float column =
        std::max(em(7.5F), (avail - key_width - em(1)) / static_cast<float>(runs.size()));
    const float width = std::max(avail, key_width + column * static_cast<float>(runs.size()));
    draw_names(runs, key_width, column, width);
    const PanelBody body("###difference.body", {width, 0.0F}, 0.0F, 0.0F);
    std::vector<const DifferenceRow*> shown;
    for (const DifferenceRow& row : difference_.rows) {
      if (row.is_different || !is_only_different_) shown.push_back(&row);
    }
    if (shown.empty()) {
      empty_state(Icon::kCheck, "No difference", "These runs have the same settings.");
      return;
    }
    ImGuiListClipper clipper;
    clipper.Begin(static_cast<int>(shown.size()), em(1.95F));
    while (clipper.Step()) {
      for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i)
        draw_row(*shown[static_cast<std::size_t>(i)], key_width, column, width);
    }
  }

  static void draw_names(const std::vector<ComparedRun>& runs,
                         float key_width,
                         float column,
                         float width) {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float height = em(2.0F);
    ImDrawList* list = ImGui::GetWindowDrawList();
    list->AddRectFilled(min, {min.x + width, min.y + height}, t.bg2);
    const float y = std::round(min.y + (height - line_height(Type::kCaption)) * 0.5F);
    draw_text(list, Type::kCaption, {min.x + em(0.9F), y}, t.text3, "Key");
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const float x = min.x + key_width + column * static_cast<float>(i);
      list->AddRectFilled(
          {x, min.y + em(0.55F)}, {x + px(3), min.y + height - em(0.55F)}, runs[i].color);
      draw_text(list, Type::kBody, {x + em(0.6F), y}, t.text1, runs[i].name, column - em(1.0F));
    }
    list->AddRectFilled({min.x, min.y + height - px(1)}, {min.x + width, min.y + height}, t.line);
    ImGui::Dummy({width, height});
  }

  static void draw_row(const DifferenceRow& row, float key_width, float column, float width) {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float height = em(1.95F);
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float y = std::round(min.y + (height - line_height(Type::kMono)) * 0.5F);
    draw_text(list, Type::kMono, {min.x + em(0.9F), y}, t.text2, row.key, key_width - em(1.4F));
    for (std::size_t i = 0; i < row.values.size(); ++i) {
      const float x = min.x + key_width + column * static_cast<float>(i);
      const std::string shown = fitted(Type::kDigits, row.values[i], column - em(1.2F));
      if (row.is_changed[i]) {
        const float top = std::round(min.y + em(0.28F));
        list->AddRectFilled({x - em(0.1F), top},
                            {x + text_size(Type::kDigits, shown).x + em(0.7F), top + em(1.4F)},
                            t.selection,
                            em(0.3F));
      }
      const Color color = row.is_changed[i] ? t.link : row.values[i] == "–" ? t.text3 : t.text1;
      draw_text(list, Type::kDigits, {x + em(0.3F), y}, color, shown);
    }
    list->AddRectFilled(
        {min.x, min.y + height - px(1)}, {min.x + width, min.y + height}, with_alpha(t.line, 0.6F));
    ImGui::Dummy({width, height});
    if (ImGui::IsItemHovered()) tooltip(row.key);
  }

  ConfigDifference difference_;
  std::string key_ = "-";
  bool is_only_different_ = true;
};

/// Who was forked from whom, and where.
class RunLineagePanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    refresh(studio);
    if (rows_.empty()) {
      empty_state(
          Icon::kFork, "No run chosen", "Tick a run: its parents and its forks stand here.");
      return;
    }
    const PanelBody body("###lineage.body", {0.0F, 0.0F}, 0.0F, 0.4F);
    for (std::size_t i = 0; i < rows_.size(); ++i) draw_row(studio, rows_[i], i);
    if (rows_.size() == 1) {
      const PanelBody words("###lineage.note", {0.0F, em(4)}, 0.9F, 0.6F, false);
      note(
          "It was not forked, and nothing was forked from it. Fork in the run bar starts a child "
          "from a checkpoint.");
    }
  }

 private:
  void refresh(const Studio& studio) {
    std::vector<std::string> roots;
    for (const ComparedRun& run : compared_runs(studio)) roots.push_back(run.root);
    std::string key = std::to_string(studio.runs->revision);
    for (const std::string& root : roots) key += "\n" + root;
    if (key == key_) return;
    key_ = std::move(key);
    rows_ = lineage_of(studio.runs->runs, roots);
  }

  void draw_row(Studio& studio, const LineageRow& row, std::size_t index) const {
    const ThemeTokens& t = theme();
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x, height = em(2.3F);
    const std::string label = row.name + "###lineage." + row.name;
    if (list_row(label.c_str(), row.is_selected, 2.3F) && !row.root.empty())
      studio.send(OpenRun{row.root});
    ImDrawList* list = ImGui::GetWindowDrawList();
    const float middle = std::round(min.y + height * 0.5F), indent = em(1.5F);
    float x = min.x + em(1.2F);
    // A vertical line for each ancestor that has more children below.
    for (int depth = 1; depth <= row.depth; ++depth, x += indent) {
      const bool is_own = depth == row.depth;
      if (is_own || continues(index, depth))
        list->AddLine(
            {x, min.y}, {x, is_own && row.is_last ? middle : min.y + height}, t.line2, px(1.5F));
      if (is_own) list->AddLine({x, middle}, {x + indent * 0.6F, middle}, t.line2, px(1.5F));
    }
    const Color color = row.root.empty() ? t.text3 : run_color(studio, row.root, row.name);
    list->AddCircleFilled({x + em(0.3F), middle}, em(0.32F), color);
    const float y = std::round(min.y + (height - line_height(Type::kBody)) * 0.5F);
    const std::string where = row.root.empty() ? "not here any more"
                              : row.fork_step >= 0
                                  ? "forked at step " + grouped_number(row.fork_step) + ", now " +
                                        grouped_number(row.step)
                                  : grouped_number(row.step) + " steps";
    const float where_width = text_size(Type::kDigitsCaption, where).x;
    const float loss_width = em(4.2F);
    draw_text(list,
              row.is_selected ? Type::kBodyStrong : Type::kBody,
              {x + em(1.0F), y},
              row.root.empty() ? t.text3 : t.text1,
              row.name,
              width - (x - min.x) - where_width - loss_width - em(3.0F));
    draw_text_right(list,
                    Type::kDigitsCaption,
                    {min.x + width - loss_width - em(0.9F), y + px(1)},
                    t.text3,
                    where);
    if (std::isfinite(row.val_loss) && !row.root.empty())
      draw_text_right(list,
                      Type::kDigits,
                      {min.x + width - em(0.9F), y},
                      t.text1,
                      plain_number(row.val_loss, 4));
    ImGui::SetCursorScreenPos(min);
    ImGui::Dummy({width, height});
  }

  /// Whether an ancestor at this depth has another child further down.
  [[nodiscard]] bool continues(std::size_t index, int depth) const {
    for (std::size_t i = index + 1; i < rows_.size() && rows_[i].depth >= depth; ++i) {
      if (rows_[i].depth == depth) return true;
    }
    return false;
  }

  std::vector<LineageRow> rows_;
  std::string key_ = "-";
};

/// What a person wrote about the run.
class RunNotesPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    const std::string root = subject_run(studio);
    const store::RunOverview* run = studio.runs->find(root);
    if (run == nullptr) {
      empty_state(Icon::kDraft, "No run chosen", "Go to a run in the table to write about it.");
      return;
    }
    const PanelBody body("###notes.body");
    panel_title(run->name, "kept with the window, not in the run");
    gap(0.3F);
    const float room = ImGui::GetContentRegionAvail().y - em(11.5F);
    draw_marks_fields(studio, root, std::max(em(5), room));
  }
};

}  // namespace

std::unique_ptr<Panel> make_run_difference_panel() {
  return std::make_unique<RunDifferencePanel>();
}

std::unique_ptr<Panel> make_run_lineage_panel() {
  return std::make_unique<RunLineagePanel>();
}

std::unique_ptr<Panel> make_run_notes_panel() {
  return std::make_unique<RunNotesPanel>();
}

}  // namespace switchyard::ui
