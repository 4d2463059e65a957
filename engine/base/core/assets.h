#pragma once

#include <string>

namespace switchyard {

/// Where files that come with the program lie: the environment variable `variable` if set, else
/// ../share/switchyard/<name> beside the executable if that is a folder, else <name> in the source
/// tree recorded at build time.
std::string shared_directory(const char* variable, const std::string& name);

/// Icons, manifests, shaders: shared_directory("SWITCHYARD_ASSETS", "assets").
std::string assets_directory();

/// The folder of the running executable.
std::string executable_directory();

/// The environment variable `variable`, else $<xdg_variable>/switchyard/<name>, else
/// ~/<fallback>/switchyard/<name>.
std::string user_directory(const char* variable,
                           const char* xdg_variable,
                           const std::string& fallback,
                           const std::string& name);

}  // namespace switchyard
