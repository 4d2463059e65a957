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
  std::string group;  ///< "action", "preset", "run"
  std::function<void(Studio&, DockShell&)> act;
};

/// Everything that can be done now: what the run bar offers, workspaces, themes, presets, runs.
std::vector<PaletteEntry> palette_entries(const Studio& studio);

/// Indices of the entries whose title has every word of `filter`, any case; earlier hits first.
std::vector<std::size_t> palette_matches(const std::vector<PaletteEntry>& entries,
                                         const std::string& filter);

/// Ctrl+K: type, choose with the arrows, Enter.
class Palette {
 public:
  void open();
  void draw(Studio& studio, DockShell& shell);

  [[nodiscard]] bool is_open() const { return is_open_; }

 private:
  void draw_list(Studio& studio, DockShell& shell);

  bool is_open_ = false;
  bool wants_focus_ = false;
  std::string filter_;
  int selected_ = 0;
};

}  // namespace switchyard::ui
