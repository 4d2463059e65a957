#include "engine/base/core/assets.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace switchyard {
namespace {

/// The value of an environment variable, or "" when it is unset or empty.
std::string environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string executable_directory() {
  std::error_code problem;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", problem);
  return problem ? "." : self.parent_path().string();
}

std::string shared_directory(const char* variable, const std::string& name) {
  if (std::string chosen = environment(variable); !chosen.empty()) return chosen;
  const std::filesystem::path installed =
      std::filesystem::path(executable_directory()).parent_path() / "share" / "switchyard" / name;
  std::error_code problem;
  if (std::filesystem::is_directory(installed, problem)) return installed.string();
  return std::string(SY_SOURCE_TREE) + "/" + name;
}

std::string assets_directory() {
  return shared_directory("SWITCHYARD_ASSETS", "assets");
}

std::string user_directory(const char* variable,
                           const char* xdg_variable,
                           const std::string& fallback,
                           const std::string& name) {
  if (std::string chosen = environment(variable); !chosen.empty()) return chosen;
  std::string base = environment(xdg_variable);
  if (base.empty()) {
    const std::string home = environment("HOME");
    base = (home.empty() ? "." : home) + "/" + fallback;
  }
  return base + "/switchyard/" + name;
}

}  // namespace switchyard
