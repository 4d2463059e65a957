#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ui/model/studio.h"
#include "ui/shell/dock_shell.h"
#include "ui/shell/fonts.h"

namespace switchyard::ui {

/// One thing that can be done from the palette.
struct PaletteEntry {
  Icon icon = Icon::kInfo;
  std::string title;
  std::string group;  ///< "action", "panel", "preset", "run", "setting", "plot"
  std::string keys;   ///< shortcut that does the same; may be empty
  std::function<void(Studio&, DockShell&)> act;
};

/// Everything that can be done now: what the run bar offers, workspaces, panels, themes, presets,
/// runs, settings of the open run, recorded series.
std::vector<PaletteEntry> palette_entries(const Studio& studio, const DockShell& shell);

/// Indices of the entries that fit, best first (fuzzy_score of title and group). Without a filter:
/// those that were used last come first.
std::vector<std::size_t> palette_matches(const std::vector<PaletteEntry>& entries,
                                         const std::string& filter,
                                         const std::vector<std::string>& recent);

/// Ctrl+K: type, choose with the arrows, Enter.
class CommandPalette {
 public:
  void open();
  void draw(Studio& studio, DockShell& shell);

  [[nodiscard]] bool is_open() const { return is_open_; }

 private:
  void draw_list(Studio& studio, DockShell& shell);
  void move_selection(int count, int rows);
  bool draw_entry(const PaletteEntry& entry, int row, bool is_recent);

  bool is_open_ = false;
  bool wants_focus_ = false;
  std::string filter_;
  std::string shown_filter_;
  int selected_ = 0;
  int first_ = 0;  ///< the row at the top
};

}  // namespace switchyard::ui
