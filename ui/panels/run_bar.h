#pragma once

#include "ui/model/studio.h"

namespace switchyard::ui {

/// Name, state, progress, the six figures and the buttons of the open run. What buttons there are
/// follows from the engine's state alone (ui/model/run_state.h).
void draw_run_bar(Studio& studio);

/// One line at the window's foot: what goes on without the window, how fresh the data is.
void draw_status_strip(const Studio& studio);

}  // namespace switchyard::ui
