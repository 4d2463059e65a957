#pragma once

#include <string>

#include "ui/model/studio.h"
#include "ui/shell/dock_shell.h"

namespace switchyard::ui {

/// Where the window keeps things, for people who look for them.
struct FilePlaces {
  std::string runs;
  std::string state;  ///< settings, layout, session
  std::string data;
};

/// The gear and what it opens: theme, text size, motion, redraw, notifications, units, layouts,
/// resets, places.
class SettingsButton {
 public:
  void draw(Studio& studio, DockShell& shell, const FilePlaces& places);

 private:
  void draw_page(Studio& studio, DockShell& shell, const FilePlaces& places);
  void draw_layouts(Studio& studio, DockShell& shell);
  void draw_saved(DockShell& shell);

  std::string layout_name_;
  int layout_ = 0;
};

}  // namespace switchyard::ui
