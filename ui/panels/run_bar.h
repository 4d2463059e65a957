#pragma once

#include "ui/model/studio.h"

namespace switchyard::ui {

/// Name, state, progress, the six figures and the buttons of the open run. What buttons there are
/// follows from the engine's state alone (ui/model/run_state.h).
void draw_run_bar(Studio& studio);

/// One line at the window's foot: what the drawer can show, how fresh the data is, the machine.
void draw_status_strip(Studio& studio);

}  // namespace switchyard::ui
