#pragma once

#include <optional>
#include <string>

namespace switchyard::ui {

/// Texts in which desktops say whether a person wants dark windows; empty where there is none.
struct DesktopTexts {
  std::string gtk_theme = {};     ///< $GTK_THEME
  std::string gtk_settings = {};  ///< gtk-4.0/settings.ini or gtk-3.0/settings.ini
  std::string kde_globals = {};   ///< kdeglobals
};

/// Whether the desktop is set to dark; nothing when it does not say.
std::optional<bool> prefers_dark(const DesktopTexts& texts);

/// Reads those texts. Touches the disk: worker thread only.
DesktopTexts read_desktop_texts();

}  // namespace switchyard::ui
