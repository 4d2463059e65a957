// Renders the kit to PNG: every theme at 1x and 2x. Needs a display (Xvfb will do).
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include <imgui.h>

#include "tests/gallery/pages.h"
#include "ui/model/studio.h"
#include "ui/shell/dock_shell.h"
#include "ui/shell/fonts.h"
#include "ui/shell/theme.h"
#include "ui/shell/window.h"

namespace {

using switchyard::ui::DockShell;
using switchyard::ui::Picture;
using switchyard::ui::ShellParts;
using switchyard::ui::Studio;
using switchyard::ui::ThemeKind;
using switchyard::ui::Window;

constexpr int kWidth = 1440;
constexpr int kHeight = 900;

bool save(const Picture& picture, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  file << picture.png();
  return static_cast<bool>(file.flush());
}

/// "1.25", "2".
std::string text_of(float scale) {
  char text[16];
  std::snprintf(text, sizeof text, "%g", static_cast<double>(scale));
  return text;
}

/// Draws a few frames so that sizes settle, then keeps the last.
Picture render(Window& window,
               const std::function<void()>& before,
               const std::function<void()>& frame) {
  Picture picture;
  for (int i = 0; i < 8; ++i) {
    before();
    window.begin_frame();
    frame();
    picture = window.end_frame_to_picture();
  }
  return picture;
}

bool render_theme(Window& window, ThemeKind kind, float scale, const std::string& folder) {
  const std::string suffix = std::string(switchyard::ui::theme_name(kind)) +
                             (scale > 1.0F ? "@" + text_of(scale) + "x.png" : std::string(".png"));
  window.override_size(static_cast<int>(kWidth * scale), static_cast<int>(kHeight * scale));
  const Picture kit = render(
      window,
      [&] { switchyard::ui::apply_theme(kind, scale); },
      [] { switchyard::ui::draw_kit_page(); });
  bool is_saved = save(kit, folder + "/components-" + suffix);
  const Picture overlays = render(
      window,
      [&] { switchyard::ui::apply_theme(kind, scale); },
      [] { switchyard::ui::draw_overlay_page(); });
  is_saved = save(overlays, folder + "/overlays-" + suffix) && is_saved;
  Studio studio;
  DockShell shell(switchyard::ui::plot_page_panels(), nullptr);
  shell.set_theme(kind);
  ShellParts parts;
  parts.run_bar = &switchyard::ui::draw_sample_run_bar;
  parts.status_strip = &switchyard::ui::draw_sample_status;
  parts.open_palette = [] {};
  const auto frame = [&] {
    if (ImGui::GetFrameCount() % 8 == 0) ImGui::GetIO().AddMousePosEvent(690 * scale, 300 * scale);
    shell.draw(studio, parts);
  };
  const Picture plots = render(
      window,
      [&] {
        shell.before_frame(scale);
        ImGui::GetIO().AddMousePosEvent(690 * scale, 300 * scale);
      },
      frame);
  is_saved = save(plots, folder + "/plots-" + suffix) && is_saved;
  return is_saved;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "gallery";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  switchyard::ui::WindowOptions options;
  options.is_visible = false;
  auto window = Window::create(options);
  if (!window.ok()) {
    std::fprintf(stderr, "%s\n", window.error().text().c_str());
    return 1;
  }
  for (const ThemeKind kind : {ThemeKind::kDark, ThemeKind::kLight, ThemeKind::kContrast}) {
    for (const float scale : {1.0F, 1.25F, 1.5F, 2.0F}) {
      if (!render_theme(**window, kind, scale, folder)) {
        std::fprintf(stderr, "cannot write to %s\n", folder.c_str());
        return 1;
      }
    }
  }
  return 0;
}
