#pragma once

namespace switchyard::ui {

/// The list of keys, as a card in the middle of the window; Escape or a click beside it closes it.
void draw_shortcuts(bool* is_open);

}  // namespace switchyard::ui
