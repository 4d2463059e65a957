#pragma once

#include <string>
#include <vector>

#include "ui/model/studio.h"

namespace switchyard::ui {

/// What a run's menu leaves to its panel.
enum class RunMenuChoice { kNone, kMarks };

/// The context menu of the focused run; opened with ImGui::OpenPopup(id). What concerns folders
/// acts on all ticked runs when the focused one is among them.
RunMenuChoice draw_run_menu(Studio& studio, const char* id);

/// Tags, notes and colour of the focused run.
void draw_marks_popover(Studio& studio, const char* id);

/// The same fields, wherever they stand. `width` in pixels.
void draw_marks_fields(Studio& studio, const std::string& root, float notes_height);

/// Open a run elsewhere, import one, trash. Drawn where the popup was opened.
void draw_folder_popover(Studio& studio);

/// Moves the run, or all ticked ones when it is among them, to the trash.
void trash_runs(Studio& studio, const std::string& root);

/// Ticks exactly these runs and draws them over the open one.
void select_runs_for_plots(Studio& studio, std::vector<std::string> roots);

/// The run that notes and menus speak of: the focused one, else the only ticked one, else the open
/// one; empty when there is none.
std::string subject_run(const Studio& studio);

}  // namespace switchyard::ui
