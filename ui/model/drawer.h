#pragma once

#include <memory>
#include <string>

#include "ui/model/hardware.h"
#include "ui/model/log_lines.h"

namespace switchyard::ui {

enum class DrawerTab { kLog, kEvents, kHardware, kGlossary };

/// The drawer at the bottom: what it shows, and what the client's threads found for it.
struct DrawerState {
  static constexpr float kLeastEm = 9.0F;
  static constexpr float kMostEm = 40.0F;

  bool is_open = false;
  DrawerTab tab = DrawerTab::kLog;
  float height_em = 17.0F;
  LogFilter filter;
  bool is_following = true;  ///< the newest line stays in sight
  double jump_time = 0.0;    ///< wall time of the line to show next; 0: none
  bool has_evaluations = true;
  std::string glossary_search;
  std::string glossary_term;  ///< to be brought into sight; empty: none
  bool wants_search = false;  ///< the search field takes the keyboard

  std::shared_ptr<const LogView> log = std::make_shared<const LogView>();
  std::shared_ptr<const HardwareView> hardware = std::make_shared<const HardwareView>();

  void show(DrawerTab wanted) {
    is_open = true;
    tab = wanted;
  }

  /// The button of a tab opens it, or closes the drawer when it is in front.
  void toggle(DrawerTab wanted) {
    is_open = !(is_open && tab == wanted);
    tab = wanted;
  }

  /// Shows the line of the log that was written at that time.
  void show_log_at(double wall_time) {
    show(DrawerTab::kLog);
    jump_time = wall_time;
  }

  [[nodiscard]] bool shows(DrawerTab wanted) const { return is_open && tab == wanted; }
};

}  // namespace switchyard::ui
