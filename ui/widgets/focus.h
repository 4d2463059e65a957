#pragma once

#include <imgui.h>

namespace switchyard::ui {

/// Shape of the ring around the item with keyboard focus, where it is not the item's whole box (a
/// checkbox without its label). Ignored for all other items. With `is_forced` the ring is drawn at
/// once, for pictures of the kit.
void draw_focus_ring(ImVec2 min, ImVec2 max, float rounding, unsigned id, bool is_forced = false);

/// Draws the ring around whichever item has keyboard focus, 2 px outside, on top of everything in
/// its window. Once, at the end of a frame.
void draw_keyboard_focus();

/// The item whose ring was drawn by the last frame; 0: none.
unsigned ringed_item();

}  // namespace switchyard::ui
