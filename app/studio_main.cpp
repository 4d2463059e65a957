// switchyard [RUN_DIR]: the window. Training belongs to switchyard-engine; closing this harms
// nothing.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

#include "app/exit_codes.h"
#include "ui/panels/studio_app.h"

namespace {

constexpr const char* kUsage =
    "usage: switchyard [RUN_DIR]\n"
    "Opens the studio, on RUN_DIR if given. Without a display use switchyard-engine:\n"
    "  switchyard-engine train --preset shakespeare-char-moe-cpu\n";

constexpr const char* kInTheTerminal =
    "train in the terminal: switchyard-engine train --preset shakespeare-char-moe-cpu";

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

std::string absolute_path(const char* path) {
  std::error_code problem;
  const std::filesystem::path absolute = std::filesystem::absolute(path, problem);
  return problem ? std::string(path) : absolute.lexically_normal().string();
}

}  // namespace

int main(int argc, char** argv) {
  switchyard::ui::StudioApp::Options options;
  if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
    const bool is_help =
        argc == 2 && (std::strcmp(argv[1], "--help") == 0 || std::strcmp(argv[1], "-h") == 0);
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
      std::printf("switchyard %s\n", SY_VERSION);
      return 0;
    }
    std::fputs(kUsage, is_help ? stdout : stderr);
    return is_help ? 0 : 2;
  }
  if (argc == 2) options.run = absolute_path(argv[1]);
  if (!is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY")) {
    std::fprintf(stderr, "switchyard: no display to open a window on; %s\n", kInTheTerminal);
    return switchyard::exit_code_from(switchyard::ErrorCode::kUnavailable);
  }
  auto app = switchyard::ui::StudioApp::create(options);
  if (!app.ok()) {
    std::fprintf(stderr, "switchyard: %s; or %s\n", app.error().text().c_str(), kInTheTerminal);
    return switchyard::exit_code_from(app.error().code);
  }
  app.value()->run();
  return 0;
}
