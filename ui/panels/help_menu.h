#pragma once

#include "ui/model/studio.h"

namespace switchyard::ui {

/// The question mark and its menu. True in *shows_shortcuts when the list of keys was asked for.
void draw_help_button(Studio& studio, bool* shows_shortcuts);

}  // namespace switchyard::ui
