#pragma once

#include <string>
#include <vector>

#include "engine/base/core/json.h"

namespace switchyard::ui {

/// What a person set once for all runs. Theme and zoom stand with the layout.
struct WindowSettings {
  bool follows_system_theme = false;
  bool has_reduced_motion = false;
  bool is_eco = false;  ///< new data is drawn twice a second instead of ten times
  bool has_desktop_notices = false;
  bool use_binary_units = false;  ///< GiB instead of GB
  bool has_seen_tour = false;
  std::vector<std::string> recent_folders;  ///< of the file browser, newest first

  friend bool operator==(const WindowSettings&, const WindowSettings&) = default;
};

Json json_from(const WindowSettings& settings);

/// What is missing or wrong keeps its default.
WindowSettings window_settings_from(const Json& json);

}  // namespace switchyard::ui
