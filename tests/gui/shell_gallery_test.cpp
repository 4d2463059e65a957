// Pictures of what stands around the panels: drawer, popovers, palette, tour, small windows.
#include <string>

#include <GLFW/glfw3.h>

#include "engine/base/core/clock.h"
#include "tests/gui/app_driver.h"
#include "ui/model/run_state.h"

namespace switchyard::test {
namespace {

using ui::DrawerTab;
using ui::ThemeKind;
using ui::Workspace;

class ShellGallery : public GuiTest {};

void train(Hands& hands) {
  ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
  hands.click("preset.tiny-moe.train");
  ASSERT_TRUE(hands.wait([&] { return hands.run().step >= 150; }, 240));
}

void take_drawers(DrivenApp& driven, const std::string& suffix, int width, int height) {
  ui::Studio& studio = driven.app().studio();
  constexpr const char* kNames[] = {"log", "events", "hardware", "glossary"};
  for (int tab = 0; tab < 4; ++tab) {
    studio.drawer.show(static_cast<DrawerTab>(tab));
    const double opened = system_clock().monotonic_seconds();
    ASSERT_TRUE(driven.play("drawer", [&](Hands& hands) {
      // Loads lie between two readings: the first one since the drawer was opened has none.
      const auto has_read = [&] {
        const ui::HardwareView& view = *studio.drawer.hardware;
        return view.samples.size() > 4 && view.newest()->monotonic_seconds >= opened &&
               !view.newest()->core_load_frac.empty();
      };
      hands.wait([&] { return has_read() || tab != 2; }, 12);
      hands.wait([&] { return studio.drawer.log->size() > 0 || tab != 0; }, 12);
    }));
    driven.save_picture(std::string("drawer-") + kNames[tab] + "-" + suffix, width, height);
  }
  studio.drawer.is_open = false;
}

void take_popovers(DrivenApp& driven, const std::string& suffix, int width, int height) {
  ui::Studio& studio = driven.app().studio();
  const auto shot = [&](const std::string& name, const std::function<void(Hands&)>& open) {
    // Inside the script: a popover closes when the window changes under it.
    glfwSetWindowSize(driven.app().window().handle(), width, height);
    ASSERT_TRUE(driven.play(name, [&](Hands& hands) {
      hands.frames(4);
      open(hands);
      hands.save_picture(name + "-" + suffix);
    }));
    ASSERT_TRUE(driven.play("close", [](Hands& hands) { hands.key(ImGuiKey_Escape); }));
  };
  shot("settings", [](Hands& hands) { hands.key(ImGuiMod_Ctrl | ImGuiKey_Comma); });
  shot("shortcuts", [](Hands& hands) { hands.key(ImGuiMod_Shift | ImGuiKey_Slash); });
  shot("palette", [](Hands& hands) { hands.key(ImGuiMod_Ctrl | ImGuiKey_K); });
  studio.notices.push_back({ui::NoticeKind::kAttention, "Layer 1: 2 experts dead", "step 120"});
  studio.notices.push_back({ui::NoticeKind::kOk, "Checkpoint saved", "tiny-moe-001, step 100"});
  studio.notices.push_back({ui::NoticeKind::kFailure, "Disk full", "Free 2 GB, then press Save."});
  shot("toasts", [](Hands& hands) { hands.frames(4); });
  shot("notices", [](Hands& hands) {
    hands.click("shell.notices");
    hands.frames(8);
  });
  studio.gallery.is_open = true;
  studio.tour.start();
  shot("tour", [](Hands& hands) { hands.frames(6); });
  studio.gallery.is_open = false;
}

TEST_F(ShellGallery, ShowsDrawerAndPopoversInEveryTheme) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("train", train));
  const std::pair<ThemeKind, const char*> themes[] = {
      {ThemeKind::kDark, "dark"}, {ThemeKind::kLight, "light"}, {ThemeKind::kContrast, "contrast"}};
  for (const auto& [kind, name] : themes) {
    driven.app().shell().set_theme(kind);
    take_drawers(driven, name, 1440, 900);
    take_popovers(driven, name, 1440, 900);
  }
  driven.app().shell().set_theme(ThemeKind::kDark);
  for (const float zoom : {1.0F, 2.0F}) {
    driven.app().shell().set_zoom(zoom);
    const std::string suffix = "small@" + std::to_string(static_cast<int>(zoom)) + "x";
    for (const auto& [workspace, name] : {std::pair{Workspace::kTrain, "train-"},
                                          std::pair{Workspace::kRouting, "routing-"},
                                          std::pair{Workspace::kPrompt, "prompt-"},
                                          std::pair{Workspace::kRuns, "runs-"}}) {
      driven.app().shell().set_workspace(workspace);
      driven.app().studio().gallery.is_open = false;
      driven.app().picture(1024, 640, 8);
      driven.save_picture(name + suffix, 1024, 640);
    }
    take_drawers(driven, suffix, 1024, 640);
    take_popovers(driven, suffix, 1024, 640);
  }
}

}  // namespace
}  // namespace switchyard::test
