// What the window shows after frames that drew only what changed is what a whole frame shows.
#include <GLFW/glfw3.h>

#include "tests/gui/app_driver.h"
#include "tests/gui/shown_pixels.h"
#include "ui/shell/theme.h"

namespace switchyard::test {
namespace {

class PartialRedraw : public GuiTest {
 protected:
  static void expect_whole(Hands& hands, const std::string& where) {
    hands.frames(8);
    const Hands::Difference found = hands.difference_from_whole();
    if (found.num_pixels == 0) return;
    ADD_FAILURE() << where << ": " << found.num_pixels << " pixels differ between " << found.left
                  << ", " << found.top << " and " << found.right << ", " << found.bottom;
  }
};

TEST_F(PartialRedraw, ShowsWhatAWholeFrameShowsWhileARunTrains) {
  place.set_default_steps(100'000);
  DrivenApp driven;
  driven.app().studio().settings.has_reduced_motion = true;
  ASSERT_TRUE(driven.play("live", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().step >= 4; }, 240));
    for (int workspace = 1; workspace <= 4; ++workspace) {
      hands.key(ImGuiMod_Ctrl | static_cast<ImGuiKey>(ImGuiKey_0 + workspace));
      for (int moment = 1; moment <= 4; ++moment) {
        const std::int64_t goal = hands.run().step + 12;
        ASSERT_TRUE(hands.wait([&] { return hands.run().step >= goal; }, 60));
        ASSERT_EQ(hands.run().state, ui::RunState::kRunning);
        expect_whole(hands,
                     "workspace " + std::to_string(workspace) + " at step " +
                         std::to_string(hands.run().step));
      }
    }
  }));
}

TEST_F(PartialRedraw, ShowsWhatAWholeFrameShows) {
  place.set_default_steps(100'000);
  DrivenApp driven;
  driven.app().studio().settings.has_reduced_motion = true;
  ASSERT_TRUE(driven.play("watch", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    expect_whole(hands, "the start screen");
    hands.click("preset.tiny-moe.train");
    for (int pause = 1; pause <= 3; ++pause) {
      const std::int64_t goal = hands.run().step + 20;
      ASSERT_TRUE(hands.wait([&] { return hands.run().step >= goal; }, 240));
      hands.click("run.pause");
      ASSERT_TRUE(hands.wait([&] { return hands.run().state == ui::RunState::kPaused; }));
      expect_whole(hands, "the run paused for the " + std::to_string(pause) + ". time");
      if (pause == 3) break;
      hands.click("run.resume");
      ASSERT_TRUE(hands.wait([&] { return hands.run().state == ui::RunState::kRunning; }));
    }
    for (int workspace = 4; workspace >= 1; --workspace) {
      hands.key(ImGuiMod_Ctrl | static_cast<ImGuiKey>(ImGuiKey_0 + workspace));
      expect_whole(hands, "workspace " + std::to_string(workspace));
    }
    hands.key(ImGuiMod_Ctrl | ImGuiKey_K);
    expect_whole(hands, "the palette");
    hands.key(ImGuiKey_Escape);
    expect_whole(hands, "the palette closed");
    hands.key(ImGuiMod_Ctrl | ImGuiKey_Comma);
    expect_whole(hands, "the settings");
    hands.key(ImGuiKey_Escape);
    hands.context()->MouseMove("//**/###run.resume");
    hands.context()->SleepNoSkip(1.0F, 1.0F / 30.0F);
    expect_whole(hands, "a tooltip");
    for (const ui::ThemeKind kind : {ui::ThemeKind::kLight, ui::ThemeKind::kContrast}) {
      hands.app().shell().set_theme(kind);
      expect_whole(hands, "another theme");
    }
    GLFWwindow* window = hands.app().window().handle();
    glfwSetWindowSize(window, 1280, 720);
    expect_whole(hands, "a smaller window");
    glfwSetWindowSize(window, 1440, 900);
    expect_whole(hands, "a larger window");
  }));
}

}  // namespace
}  // namespace switchyard::test
