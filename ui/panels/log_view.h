#pragma once

#include <memory>
#include <vector>

#include <imgui.h>

#include "ui/model/studio.h"

namespace switchyard::ui {

/// The log of the open run: severity, search, selectable lines, follow.
class LogPage {
 public:
  /// Controls in the title row of the drawer, ending at `right`.
  void draw_controls(Studio& studio, float right, float top, float height);
  void draw(Studio& studio);

 private:
  void refresh(const DrawerState& drawer);
  void copy(bool copies_all);
  void draw_lines(Studio& studio);
  void draw_line(const LogEntry& entry, int index);

  std::shared_ptr<const LogView> view_;  ///< keeps the lines alive
  LogFilter filter_;
  std::vector<const LogEntry*> lines_;
  ImGuiSelectionBasicStorage selection_;
  int scroll_to_ = -1;
  int marked_ = -1;  ///< the line that an event pointed at
};

}  // namespace switchyard::ui
