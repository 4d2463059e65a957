#pragma once

#include "ui/model/studio.h"

namespace switchyard::ui {

/// The first-run tour: everything but one control is dimmed, a card beside it says what it is for.
/// Keys: Enter or → next, ← back, Esc ends it.
void draw_tour(Studio& studio);

}  // namespace switchyard::ui
