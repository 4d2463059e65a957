#pragma once

#include <cstdint>
#include <string>

#include "ui/model/studio.h"

namespace switchyard::ui {

/// Asks for the popover that forks a run, near `step` (−1: from the last checkpoint). Any
/// panel may: a context menu of a plot, the run bar, the palette.
void ask_to_fork(Studio& studio, const std::string& root, std::int64_t step = -1);

/// Checkpoint, changed settings, start. Draw once a frame, below the item that it belongs to.
void draw_fork_popover(Studio& studio);

}  // namespace switchyard::ui
