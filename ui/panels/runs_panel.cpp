#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <imgui_internal.h>

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
namespace {

/// All runs of the runs folder: found, sorted, grouped, ticked for comparison.
class RunsPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    follow_overlay(studio);
    studio.overlay.begin_frame();
    refresh(studio);
    draw_toolbar(studio);
    const RunIndex& index = *studio.runs;
    if (!index.is_scanned) {
      loading_state("Runs", -1.0F);
    } else if (index.runs.empty()) {
      if (empty_state(Icon::kRuns,
                      "No runs yet",
                      "Runs are kept in " + index.directory + ".",
                      "Pick a preset###runs.empty_new",
                      Icon::kPlus))
        studio.gallery.is_open = true;
    } else if (table_.rows.empty()) {
      draw_nothing_found(studio);
    } else {
      draw_table(studio);
    }
    draw_popups(studio);
  }

 private:
  /// Runs that were added to the plots or removed from them elsewhere are ticked accordingly.
  static void follow_overlay(Studio& studio) {
    RunsState& state = studio.runs_state;
    const RunOverlay& overlay = studio.overlay;
    if (overlay.runs.size() >= RunOverlay::kMaxRuns) return;  // not every ticked run is drawn
    std::erase_if(state.selected, [&](const std::string& root) { return !overlay.contains(root); });
    for (const OverlayRun& run : overlay.runs) {
      if (!state.is_selected(run.root)) state.selected.push_back(run.root);
    }
  }

  /// Builds the table again when something that it shows changed.
  void refresh(Studio& studio) {
    RunsState& state = studio.runs_state;
    std::string key = std::to_string(studio.runs->revision) + " " +
                      std::to_string(studio.marks.revision()) + " " + state.filter + " " +
                      json_from_runs_state(state).dump();
    if (key == key_) return;
    key_ = std::move(key);
    table_ = build_run_table(*studio.runs, studio.marks, state);
    if (!studio.runs->is_scanned) return;
    std::erase_if(state.selected,
                  [&](const std::string& root) { return studio.runs->find(root) == nullptr; });
  }

  void draw_toolbar(Studio& studio) {
    RunsState& state = studio.runs_state;
    Toolbar bar("runs.toolbar");
    bar.next(em(1.85F));
    draw_search(state, studio.runs->runs.size());
    bar.label("Group by");
    bar.next(em(1.7F));
    draw_group_choice(state);
    bar.next(button_height(true));
    ButtonOptions plain;
    plain.is_small = true;
    plain.kind = ButtonKind::kGhost;
    plain.icon = Icon::kSliders;
    if (button("Columns###runs.columns", plain)) open_popover("runs.columns_popup");
    draw_columns_popup(state);
    draw_right_buttons(studio, bar);
  }

  void draw_search(RunsState& state, std::size_t total) {
    search_field("###runs.filter", &state.filter, "word, tag:x, steps>5k, loss<3.2", "F", em(24));
    if (ImGui::Shortcut(ImGuiKey_F) && !ImGui::GetIO().WantTextInput)
      ImGui::SetKeyboardFocusHere(-1);
    const ImVec2 min = ImGui::GetItemRectMin(), max = ImGui::GetItemRectMax();
    if (!table_.error.empty())
      ImGui::GetWindowDrawList()->AddRect(min, max, theme().failure, em(0.38F), px(1), 0);
    tooltip(table_.error.empty()
                ? "Words, or column:text and column<number: tag, data, state, preset, name, notes, "
                  "parent, device; steps, loss, train, ppl, bpb, toks, params, active, tokens, "
                  "time. A minus before a term turns it round; is:archived shows the archive."
                : table_.error);
    if (state.filter.empty()) return;
    const std::string count = std::to_string(table_.num_runs) + " of " + std::to_string(total);
    draw_text_right(ImGui::GetWindowDrawList(),
                    Type::kDigitsCaption,
                    {max.x - em(0.7F), (min.y + max.y - line_height(Type::kDigitsCaption)) * 0.5F},
                    table_.error.empty() ? theme().text3 : theme().failure,
                    table_.error.empty() ? count : "not understood");
  }

  static void draw_group_choice(RunsState& state) {
    static constexpr const char* kGroups[] = {"none", "preset", "data", "state", "tag", "parent"};
    int group = static_cast<int>(state.group);
    FieldOptions options;
    options.width = em(7.2F);
    if (combo("###runs.group", kGroups, &group, options))
      state.group = static_cast<RunGroup>(group);
  }

  static void draw_columns_popup(RunsState& state) {
    if (!begin_popover("runs.columns_popup", 15.0F)) return;
    for (const RunColumnInfo& info : run_columns()) {
      bool is_shown = state.is_shown(info.column);
      const std::string label = std::string(info.title) + "###runs.column." + std::string(info.key);
      const char* fixed =
          info.column == RunColumn::kName ? "a row has to be called something" : nullptr;
      if (checkbox(label.c_str(), &is_shown, fixed)) state.toggle_column(info.column);
    }
    if (link("Default columns###runs.column_defaults")) state.columns.clear();
    end_popover();
  }

  void draw_right_buttons(Studio& studio, Toolbar& bar) {
    const RunsState& state = studio.runs_state;
    ButtonOptions plain, fresh;
    plain.is_small = fresh.is_small = true;
    fresh.icon = Icon::kPlus;
    fresh.kind = ButtonKind::kPrimary;
    plain.icon = Icon::kExport;
    const std::string count = std::to_string(state.selected.size()) + " selected";
    const float wanted = text_size(Type::kCaption, count).x + em(3.2F) +
                         button_width("Export", plain) + button_height(true) +
                         button_width("New run", fresh);
    bar.next(line_height(Type::kCaption), 1.4F);
    const float right = ImGui::GetWindowPos().x + ImGui::GetWindowSize().x - em(0.9F);
    const ImVec2 at = ImGui::GetCursorScreenPos();
    ImGui::SetCursorScreenPos({std::max(at.x, right - wanted), at.y});
    text(Type::kCaption, state.selected.empty() ? theme().text3 : theme().text2, count);
    if (!state.selected.empty() && ImGui::IsItemClicked()) select_runs_for_plots(studio, {});
    tooltip("Ticked runs are compared below and drawn over the open run. Click: none.");
    bar.next(button_height(true));
    if (button("Export###runs.export", plain)) open_popover("runs.export_popup");
    draw_export_popup(studio);
    bar.next(button_height(true), 0.5F);
    if (icon_button("More###runs.more", Icon::kMore, "Open, import, trash", plain))
      open_popover("runs.more_popup");
    draw_folder_popover(studio);
    bar.next(button_height(true), 0.5F);
    if (button("New run###runs.new", fresh)) studio.gallery.is_open = true;
  }

  void draw_export_popup(Studio& studio) {
    if (!begin_popover("runs.export_popup", 17.0F)) return;
    const auto table = [&] {
      return runs_csv(*studio.runs, studio.marks, table_, studio.runs_state);
    };
    if (menu_item("Copy the table as CSV###runs.export_copy"))
      ImGui::SetClipboardText(table().c_str());
    if (menu_item("Save it in the runs folder###runs.export_save"))
      studio.send(RunsOrder(SaveTable{"runs.csv", table()}));
    end_popover();
  }

  void draw_nothing_found(Studio& studio) {
    const std::string words =
        !table_.error.empty() ? table_.error
        : studio.runs_state.filter.empty() && table_.num_archived > 0
            ? "All " + std::to_string(table_.num_archived) + " runs are in the archive."
            : "No run has all of this: " + studio.runs_state.filter;
    if (empty_state(Icon::kFilter, "Nothing found", words, "Show all###runs.show_all"))
      studio.runs_state.filter = studio.runs_state.filter.empty() ? "is:archived" : "";
  }

  void draw_table(Studio& studio) {
    const RunRowLayout layout = run_row_layout(studio.runs_state);
    const WideBody wide("###runs.scroll");
    draw_run_header(studio.runs_state, layout);
    {
      const PanelBody body("###runs.body", {layout.width, 0.0F}, 0.0F, 0.0F);
      ImGuiListClipper clipper;
      clipper.Begin(static_cast<int>(table_.rows.size()), em(kRunRowEm));
      if (wants_row_focus_) include_focused(studio, clipper);
      has_row_focus_ = false;
      while (clipper.Step()) {
        for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i)
          draw_row(studio, table_.rows[static_cast<std::size_t>(i)], layout);
      }
    }
    handle_keys(studio);
  }

  void draw_row(Studio& studio, const RunTableRow& row, const RunRowLayout& layout) {
    if (row.is_group) {
      draw_run_group(row, layout);
      return;
    }
    const store::RunOverview& run = studio.runs->runs[row.index];
    const RunRowResult result = draw_run_row(studio, run, table_.best_root == run.root, layout);
    if (wants_row_focus_ && run.root == studio.runs_state.focused) {
      wants_row_focus_ = false;
      focus_run_row(run);
    }
    has_row_focus_ = has_row_focus_ || result.is_focused;
    if (result.is_hovered && studio.runs_state.is_selected(run.root))
      studio.overlay.hovered_root = run.root;
    if (result.is_ticked) tick(studio, run.root, ImGui::GetIO().KeyShift);
    if (result.is_pressed) press(studio, run.root);
    if (result.is_opened) studio.send(OpenRun{run.root});
    if (result.is_focused && studio.runs_state.focused != run.root) {
      studio.runs_state.focused = run.root;
      if (ImGui::GetIO().KeyShift) tick(studio, run.root, true);
    }
    if (result.wants_menu) {
      studio.runs_state.focused = run.root;
      ImGui::OpenPopup(menu_id_);
    }
  }

  /// A click with Ctrl or Shift ticks; a plain click only goes there. Keys: handle_keys.
  void press(Studio& studio, const std::string& root) {
    const ImGuiIO& io = ImGui::GetIO();
    if (ImGui::IsKeyPressed(ImGuiKey_Enter, false) || ImGui::IsKeyPressed(ImGuiKey_Space, false))
      return;
    studio.runs_state.focused = root;
    wants_row_focus_ = true;  // the keyboard goes on from here
    if (io.KeyCtrl || io.KeyShift) tick(studio, root, io.KeyShift);
  }

  /// The focused row is drawn even where it is scrolled out of sight.
  void include_focused(const Studio& studio, ImGuiListClipper& clipper) {
    for (std::size_t i = 0; i < table_.rows.size(); ++i) {
      const RunTableRow& row = table_.rows[i];
      if (row.is_group || studio.runs->runs[row.index].root != studio.runs_state.focused) continue;
      clipper.IncludeItemByIndex(static_cast<int>(i));
      return;
    }
    wants_row_focus_ = false;
  }

  void tick(Studio& studio, const std::string& root, bool is_range) {
    RunsState& state = studio.runs_state;
    if (is_range && state.anchor.empty()) state.anchor = root;
    toggle_selection(state, *studio.runs, table_, root, is_range);
    select_runs_for_plots(studio, state.selected);
  }

  void handle_keys(Studio& studio) {
    const ImGuiIO& io = ImGui::GetIO();
    if (!ImGui::IsWindowFocused(ImGuiFocusedFlags_ChildWindows) || io.WantTextInput) return;
    const std::string root = studio.runs_state.focused;
    if (studio.runs->find(root) == nullptr) return;
    // A title or another control may be in focus: its keys are its own.
    if (io.NavVisible && !has_row_focus_) return;
    if (ImGui::IsKeyPressed(ImGuiKey_Space, false)) {
      tick(studio, root, io.KeyShift);
      // Elsewhere the same key pauses the run.
      ImGui::SetKeyOwner(ImGuiKey_Space, menu_id_, ImGuiInputFlags_LockThisFrame);
    }
    if (ImGui::IsKeyPressed(ImGuiKey_Enter, false)) studio.send(OpenRun{root});
    const int distance = ImGui::IsKeyPressed(ImGuiKey_DownArrow) ? 1
                         : ImGui::IsKeyPressed(ImGuiKey_UpArrow) ? -1
                                                                 : 0;
    if (distance != 0 && !has_row_focus_ &&
        move_focus(studio.runs_state, *studio.runs, table_, distance)) {
      wants_row_focus_ = true;
      if (io.KeyShift) tick(studio, studio.runs_state.focused, true);
    }
    if (ImGui::IsKeyPressed(ImGuiKey_F2, false)) wants_marks_ = true;
    if (ImGui::IsKeyPressed(ImGuiKey_Delete, false)) trash_runs(studio, root);
    if (ImGui::IsKeyPressed(ImGuiKey_Menu, false) ||
        ImGui::IsKeyChordPressed(ImGuiMod_Shift | ImGuiKey_F10))
      ImGui::OpenPopup(menu_id_);
  }

  void draw_popups(Studio& studio) {
    menu_id_ = ImGui::GetID("runs.row_menu");
    switch (draw_run_menu(studio, "runs.row_menu")) {
      case RunMenuChoice::kMarks:
        wants_marks_ = true;
        break;
      case RunMenuChoice::kNone:
        break;
    }
    if (std::exchange(wants_marks_, false)) ImGui::OpenPopup("runs.marks_popup");
    draw_marks_popover(studio, "runs.marks_popup");
  }

  RunTable table_;
  std::string key_;
  ImGuiID menu_id_ = 0;
  bool wants_marks_ = false;
  bool wants_row_focus_ = false;  ///< the keyboard is to go to the focused run's row
  bool has_row_focus_ = false;    ///< it is at a row
};

}  // namespace

std::unique_ptr<Panel> make_runs_panel() {
  return std::make_unique<RunsPanel>();
}

}  // namespace switchyard::ui
