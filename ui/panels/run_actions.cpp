#include "ui/panels/run_actions.h"

#include <algorithm>
#include <utility>

#include "ui/panels/common.h"
#include "ui/panels/file_browser_view.h"
#include "ui/panels/fork_popover.h"
#include "ui/panels/run_row.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/overlays.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

/// The ticked runs when `root` is one of them, else it alone.
std::vector<std::string> concerned(const Studio& studio, const std::string& root) {
  const RunsState& state = studio.runs_state;
  return state.is_selected(root) ? state.selected : std::vector<std::string>{root};
}

std::string counted(const char* what, std::size_t count, const char* id) {
  return std::string(what) + (count > 1 ? " (" + std::to_string(count) + " runs)" : "") + "###" +
         id;
}

void draw_copy_items(const store::RunOverview& run) {
  if (menu_item("Copy path###runs.menu.copy_path")) ImGui::SetClipboardText(run.root.c_str());
  if (menu_item("Copy the command that repeats it###runs.menu.copy_command"))
    ImGui::SetClipboardText(
        ("switchyard-engine train --config " + store::RunPaths{run.root}.config()).c_str());
}

void draw_color_row(RunMark& mark, const std::string& name) {
  const ThemeTokens& t = theme();
  const int own = run_color_index(name);
  for (int i = 0; i < kNumRunColors; ++i) {
    if (i > 0) ImGui::SameLine(0.0F, em(0.35F));
    const std::string label = "###marks.color." + std::to_string(i);
    const ImVec2 min = ImGui::GetCursorScreenPos();
    const float side = em(1.5F);
    if (hit_area(label.c_str(), {side, side})) mark.color = i == own ? -1 : i;
    ImDrawList* list = ImGui::GetWindowDrawList();
    list->AddRectFilled(min, {min.x + side, min.y + side}, t.run(i), em(0.3F));
    if (i == (mark.color < 0 ? own : mark.color))
      draw_text_centred(list,
                        Type::kBody,
                        min,
                        {min.x + side, min.y + side},
                        readable_on(t.run(i)),
                        icon(Icon::kCheck));
    draw_focus_ring(min, {min.x + side, min.y + side}, em(0.3F), ImGui::GetItemID());
    tooltip(i == own ? "the run's own colour" : "colour of its lines and chips");
  }
}

/// Known tags as links behind the field: one click adds one.
void draw_tag_suggestions(const RunMarks& marks, RunMark& mark) {
  int shown = 0;
  const float right = ImGui::GetCursorScreenPos().x + ImGui::GetContentRegionAvail().x;
  for (const std::string& tag : marks.tags()) {
    if (std::find(mark.tags.begin(), mark.tags.end(), tag) != mark.tags.end()) continue;
    const float wanted = text_size(Type::kBody, "+ " + tag).x;
    if (shown > 0 && ImGui::GetItemRectMax().x + em(0.8F) + wanted < right)
      ImGui::SameLine(0.0F, em(0.8F));
    if (link(("+ " + tag + "###marks.add." + tag).c_str())) mark.tags.push_back(tag);
    if (++shown == 8) break;
  }
}

void draw_trash(Studio& studio) {
  const RunsFeed& feed = *studio.runs_feed;
  text(Type::kBodyStrong,
       theme().text1,
       feed.trash.empty() ? "Trash" : "Trash " + std::to_string(feed.trash.size()));
  if (feed.trash.empty()) {
    note("The trash is empty.");
    return;
  }
  constexpr std::size_t kMostRows = 8;
  for (std::size_t i = 0; i < std::min(feed.trash.size(), kMostRows); ++i) {
    const TrashedRun& run = feed.trash[i];
    const float right = ImGui::GetCursorScreenPos().x + ImGui::GetContentRegionAvail().x;
    text_ellipsis(Type::kBody, theme().text2, run.name, ImGui::GetContentRegionAvail().x - em(6));
    ImGui::SameLine();
    const float width = text_size(Type::kBody, "Restore").x;
    ImGui::SetCursorScreenPos({right - width - em(0.4F), ImGui::GetCursorScreenPos().y});
    if (link(("Restore###runs.restore." + run.name).c_str()))
      studio.send(RunsOrder(RestoreRuns{{run.path}}));
  }
  if (feed.trash.size() > kMostRows)
    note("and " + std::to_string(feed.trash.size() - kMostRows) + " more");
  bool& is_sure = studio.runs_state.is_emptying_trash;
  if (ImGui::IsWindowAppearing()) is_sure = false;
  ButtonOptions danger;
  danger.kind = ButtonKind::kDanger;
  danger.is_small = true;
  danger.icon = Icon::kTrash;
  if (!is_sure) {
    danger.kind = ButtonKind::kSecondary;
    if (button("Empty the trash…###runs.empty_trash", danger)) is_sure = true;
    return;
  }
  note("Deletes " + std::to_string(feed.trash.size()) +
       (feed.trash.size() == 1 ? " run" : " runs") + " with checkpoints and curves, for good.");
  if (button("Delete for good###runs.empty_trash_sure", danger)) {
    studio.send(RunsOrder(EmptyTrash{}));
    is_sure = false;
  }
  ImGui::SameLine();
  ButtonOptions plain;
  plain.is_small = true;
  if (button("Keep###runs.empty_trash_keep", plain)) is_sure = false;
}

}  // namespace

std::string subject_run(const Studio& studio) {
  const RunsState& state = studio.runs_state;
  if (studio.runs->find(state.focused) != nullptr) return state.focused;
  if (state.selected.size() == 1) return state.selected.front();
  return studio.run->root;
}

void select_runs_for_plots(Studio& studio, std::vector<std::string> roots) {
  RunOverlay& overlay = studio.overlay;
  const std::vector<OverlayRun> before = overlay.runs;
  for (const OverlayRun& run : before) {
    if (std::find(roots.begin(), roots.end(), run.root) == roots.end()) overlay.remove(run.root);
  }
  for (const std::string& root : roots) {
    if (!overlay.contains(root)) overlay.add(root);
  }
  studio.runs_state.selected = std::move(roots);
}

void trash_runs(Studio& studio, const std::string& root) {
  TrashRuns order{concerned(studio, root)};
  RunsState& state = studio.runs_state;
  for (const std::string& gone : order.roots) std::erase(state.selected, gone);
  select_runs_for_plots(studio, state.selected);
  studio.send(RunsOrder(std::move(order)));
}

RunMenuChoice draw_run_menu(Studio& studio, const char* id) {
  if (!begin_popover(id, 21.0F)) return RunMenuChoice::kNone;
  RunMenuChoice choice = RunMenuChoice::kNone;
  const std::string root = studio.runs_state.focused;
  const store::RunOverview* run = studio.runs->find(root);
  if (run == nullptr) {
    ImGui::CloseCurrentPopup();
    end_popover();
    return choice;
  }
  const std::vector<std::string> roots = concerned(studio, root);
  if (menu_item("Open###runs.menu.open", "Enter")) studio.send(OpenRun{root});
  if (menu_item("Tags, notes, colour###runs.menu.marks", "F2")) choice = RunMenuChoice::kMarks;
  if (studio.runs_feed->can_open_folders && menu_item("Open folder###runs.menu.folder"))
    studio.send(RunsOrder(OpenFolder{root}));
  draw_copy_items(*run);
  if (menu_item("Fork…###runs.menu.fork")) ask_to_fork(studio, root);
  const bool is_archived = studio.marks.of(root).is_archived;
  if (menu_item(counted(is_archived ? "Take out of the archive" : "Archive",
                        roots.size(),
                        "runs.menu.archive")
                    .c_str())) {
    for (const std::string& one : roots) {
      RunMark mark = studio.marks.of(one);
      mark.is_archived = !is_archived;
      studio.marks.set(one, std::move(mark));
    }
  }
  if (menu_item(counted("Move to trash", roots.size(), "runs.menu.trash").c_str(), "Del"))
    trash_runs(studio, root);
  end_popover();
  return choice;
}

void draw_marks_fields(Studio& studio, const std::string& root, float notes_height) {
  // The text being typed belongs to one run at a time; it is read again when that changes.
  std::string& tags = studio.runs_state.tags_text;
  RunMark mark = studio.marks.of(root);
  if (studio.runs_state.tags_root != root || tags_from_text(tags) != mark.tags) {
    studio.runs_state.tags_root = root;
    tags = text_from_tags(mark.tags);
  }
  text(Type::kCaption, theme().text3, "Tags, with commas between");
  FieldOptions field;
  field.hint = "baseline, lr sweep";
  if (text_field("###marks.tags", &tags, field)) mark.tags = tags_from_text(tags);
  draw_tag_suggestions(studio.marks, mark);
  gap(0.5F);
  text(Type::kCaption, theme().text3, "Notes");
  FieldOptions area;
  area.hint = "What was tried, and what came of it";
  text_area("###marks.notes", &mark.notes, notes_height, area);
  gap(0.5F);
  text(Type::kCaption, theme().text3, "Colour");
  const store::RunOverview* run = studio.runs->find(root);
  draw_color_row(mark, run != nullptr ? run->name : studio.run->name);
  studio.marks.set(root, std::move(mark));
}

void draw_marks_popover(Studio& studio, const char* id) {
  if (!begin_popover(id, 24.0F)) return;
  const std::string root = studio.runs_state.focused;
  if (const store::RunOverview* run = studio.runs->find(root); run != nullptr) {
    text_ellipsis(Type::kBodyStrong, theme().text1, run->name);
    if (ImGui::IsWindowAppearing()) ImGui::SetKeyboardFocusHere();
    draw_marks_fields(studio, root, em(5.5F));
    ButtonOptions done;
    done.is_small = true;
    done.kind = ButtonKind::kPrimary;
    gap(0.4F);
    if (button("Done###marks.done", done) || ImGui::IsKeyPressed(ImGuiKey_Escape, false))
      ImGui::CloseCurrentPopup();
  }
  end_popover();
}

void draw_folder_popover(Studio& studio) {
  if (!begin_popover("runs.more_popup", 29.0F)) return;
  RunsState& state = studio.runs_state;
  text(Type::kBodyStrong, theme().text1, "A run that stands elsewhere");
  FieldOptions path;
  path.is_mono = true;
  path.hint = "path of a run folder";
  path.width = ImGui::GetContentRegionAvail().x - browse_width();
  text_field("###runs.path", &state.path, path);
  browse_button(studio, "runs.path", FileKind::kRunFolder, &state.path);
  gap(0.4F);
  ButtonOptions open;
  open.is_small = true;
  open.icon = Icon::kFolder;
  if (state.path.empty()) open.disabled_reason = "type a path first";
  if (button("Open it there###runs.open", open)) studio.send(OpenRun{state.path});
  ImGui::SameLine(0.0F, em(0.6F));
  ButtonOptions import = open;
  import.icon = Icon::kExport;
  const ImportProgress& progress = studio.runs_feed->import;
  if (progress.is_active) import.disabled_reason = "another import goes on";
  if (button("Import a copy###runs.import", import)) studio.send(RunsOrder(ImportRun{state.path}));
  if (progress.is_active) {
    gap(0.4F);
    text_ellipsis(Type::kCaption, theme().text3, "Importing " + progress.path);
    progress_bar(static_cast<float>(progress.fraction));
  }
  note("An import verifies the run first and leaves the original where it is.");
  gap(0.8F);
  draw_trash(studio);
  end_popover();
}

}  // namespace switchyard::ui
