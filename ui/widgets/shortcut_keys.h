#pragma once

#include "ui/model/shortcuts.h"

namespace switchyard::ui {

/// Whether the keys of a line of the table were pressed in this frame, wherever the focus is. With
/// `is_repeating` a held key counts again and again.
bool is_pressed(Shortcut id, bool is_repeating = false);

}  // namespace switchyard::ui
