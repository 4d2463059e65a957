#pragma once

#include "ui/model/studio.h"

namespace switchyard::ui {

/// The gallery: groups, recent runs and the machine at the left; cards of presets, each with its
/// Train button; details and the equivalent command of the selected one below. Covers the panels
/// while Studio::gallery.is_open.
void draw_start_screen(Studio& studio);

/// What stands in the panels' place when the folder cannot be shown as a run: what is wrong, and
/// what to do.
void draw_problem_page(Studio& studio);

}  // namespace switchyard::ui
