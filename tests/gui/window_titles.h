#pragma once

#include <string>

namespace switchyard::test {

/// Whether some window of the display in DISPLAY has this title: the studio shows the run's name
/// there once its snapshot is on the screen. (In a file of its own: X11's macros clash with
/// everything.)
bool has_window_titled(const std::string& title);

}  // namespace switchyard::test
