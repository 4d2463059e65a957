#pragma once

#include <string>
#include <vector>

namespace switchyard::ui {

/// Lets Tab and Shift+Tab walk through the whole window instead of round in one panel, and F6 jump
/// from panel to panel. Dear ImGui wraps at the ends of a window; here the next one takes over.
///
/// Threads: main thread.
class KeyboardFocus {
 public:
  /// At the start of a frame, before any window: continues a walk that left the last window.
  void begin_frame();

  /// At the end of a frame: `areas` are the windows in the order of the walk. Popups keep the walk
  /// to themselves.
  void end_frame(const std::vector<std::string>& areas);

 private:
  std::string next_area_;
  int direction_ = 0;
  int jumped_ = 0;  ///< direction of the jump of the frame before
};

}  // namespace switchyard::ui
