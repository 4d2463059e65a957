#include "ui/model/system_theme.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "ui/model/words.h"

namespace switchyard::ui {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream content;
  if (file) content << file.rdbuf();
  return std::move(content).str();
}

/// The value of "key=value" in an ini file, lower case, without blanks; empty when absent.
std::string value_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string line = lower_case(text.substr(0, end));
    std::erase_if(line, [](char c) { return c == ' ' || c == '\r' || c == '\t'; });
    if (line.starts_with(std::string(key) + "=")) return line.substr(key.size() + 1);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return {};
}

bool has_dark(const std::string& name) {
  return lower_case(name).find("dark") != std::string::npos;
}

}  // namespace

std::optional<bool> prefers_dark(const DesktopTexts& texts) {
  if (!texts.gtk_theme.empty()) return has_dark(texts.gtk_theme);
  const std::string prefers = value_of(texts.gtk_settings, "gtk-application-prefer-dark-theme");
  if (!prefers.empty()) return prefers == "1" || prefers == "true";
  const std::string theme = value_of(texts.gtk_settings, "gtk-theme-name");
  if (!theme.empty()) return has_dark(theme);
  const std::string scheme = value_of(texts.kde_globals, "colorscheme");
  if (!scheme.empty()) return has_dark(scheme);
  return std::nullopt;
}

DesktopTexts read_desktop_texts() {
  std::string config = environment("XDG_CONFIG_HOME");
  if (config.empty()) config = environment("HOME") + "/.config";
  DesktopTexts texts;
  texts.gtk_theme = environment("GTK_THEME");
  texts.gtk_settings = content_of(config + "/gtk-4.0/settings.ini");
  if (texts.gtk_settings.empty()) texts.gtk_settings = content_of(config + "/gtk-3.0/settings.ini");
  texts.kde_globals = content_of(config + "/kdeglobals");
  return texts;
}

}  // namespace switchyard::ui
