#pragma once

#include <cstdint>

#include "ui/panels/hardware_view.h"
#include "ui/panels/log_view.h"

namespace switchyard::ui {

/// The drawer above the status strip: log, events, hardware, glossary. Drawn into the strip that
/// the shell opens for it.
class Drawer {
 public:
  /// Height that the shell should give it, in pixels; 0 while it is closed. `room` is the height of
  /// the window.
  static float height(const Studio& studio, float room);

  void draw(Studio& studio);

 private:
  void follow_event(Studio& studio);
  void draw_controls(Studio& studio, float right, float top, float height);

  LogPage log_;
  HardwarePage hardware_;
  std::int64_t seen_event_ = -1;
};

}  // namespace switchyard::ui
