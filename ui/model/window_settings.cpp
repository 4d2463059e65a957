#include "ui/model/window_settings.h"

#include <utility>

#include "ui/model/file_browser.h"

namespace switchyard::ui {

Json json_from(const WindowSettings& settings) {
  Json recent = Json::array();
  for (const std::string& folder : settings.recent_folders) recent.push_back(folder);
  return Json::object({{"schema", "switchyard.settings"},
                       {"version", 1},
                       {"follows_system_theme", settings.follows_system_theme},
                       {"has_reduced_motion", settings.has_reduced_motion},
                       {"is_eco", settings.is_eco},
                       {"has_desktop_notices", settings.has_desktop_notices},
                       {"use_binary_units", settings.use_binary_units},
                       {"has_seen_tour", settings.has_seen_tour},
                       {"recent_folders", std::move(recent)}});
}

WindowSettings window_settings_from(const Json& json) {
  WindowSettings settings;
  settings.follows_system_theme = json["follows_system_theme"].as_bool(false);
  settings.has_reduced_motion = json["has_reduced_motion"].as_bool(false);
  settings.is_eco = json["is_eco"].as_bool(false);
  settings.has_desktop_notices = json["has_desktop_notices"].as_bool(false);
  settings.use_binary_units = json["use_binary_units"].as_bool(false);
  settings.has_seen_tour = json["has_seen_tour"].as_bool(false);
  for (const Json& folder : json["recent_folders"].items()) {
    if (folder.as_string().starts_with('/') && settings.recent_folders.size() < kMostRecentFolders)
      settings.recent_folders.push_back(folder.as_string());
  }
  return settings;
}

}  // namespace switchyard::ui
