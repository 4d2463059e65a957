#pragma once

#include <imgui.h>

#include "ui/model/run_state.h"
#include "ui/model/studio.h"

namespace switchyard::ui {

// Parts of the run bar that open something or tell more than one number.

/// A chevron that lists the newest runs, to open another one.
void draw_run_switcher(Studio& studio, ImVec2 pos);

/// The most urgent note on the run's health, at most `width` pixels wide; nothing for a healthy
/// run. Returns the width drawn.
float draw_health(const Studio& studio, ImVec2 pos, float width);

/// Two ways to stop; discarding asks once more. The popover belongs to the last item.
void draw_stop_popover(Studio& studio, const char* id);

/// Memory with a bar where the total is known. Returns its width, 0 when nothing is recorded.
float draw_memory_figure(const Studio& studio, ImVec2 pos, bool is_measured_only = false);

}  // namespace switchyard::ui
