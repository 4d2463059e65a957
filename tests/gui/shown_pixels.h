#pragma once

#include "ui/shell/window.h"

namespace switchyard::test {

/// What the window system shows of the window, top row first; empty when it cannot be read. The
/// window lies within the screen. (In a file of its own: X11's macros clash with everything.)
ui::Picture shown_pixels(GLFWwindow* window);

}  // namespace switchyard::test
