// Keys, themes, palette, idleness: what the frame around the panels promises.
#include <filesystem>

#include <unistd.h>

#include "engine/base/store/run_folder.h"
#include "tests/gui/app_driver.h"
#include "ui/client/launcher.h"
#include "ui/shell/theme.h"

namespace switchyard::test {
namespace {

using ui::RunState;
using ui::ThemeKind;
using ui::Workspace;

class Shell : public GuiTest {
 protected:
  /// Trains the dense preset to its end without a window; its folder.
  std::string finished_run() {
    std::filesystem::create_directories(place.runs());
    const std::string root = place.runs() + "/done-001";
    auto engine = ui::launch_detached(
        {engine_program(), "train", "--preset", "tiny-dense", "--run", root}, root + ".log");
    EXPECT_TRUE(engine.ok());
    for (int i = 0; engine.ok() && i < 2400 && !engine.value().has_ended(); ++i) usleep(50'000);
    EXPECT_EQ(store::summarize_run(root).state, "completed") << ui::log_tail(root + ".log");
    return root;
  }
};

TEST_F(Shell, SwitchesWorkspacesByKeysAndRemembersThem) {
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("keys", [](Hands& hands) {
      ui::DockShell& shell = hands.app().shell();
      hands.frames(4);
      const std::pair<ImGuiKey, Workspace> keys[] = {{ImGuiKey_2, Workspace::kRouting},
                                                     {ImGuiKey_3, Workspace::kPrompt},
                                                     {ImGuiKey_4, Workspace::kRuns},
                                                     {ImGuiKey_1, Workspace::kTrain},
                                                     {ImGuiKey_4, Workspace::kRuns}};
      for (const auto& [key, workspace] : keys) {
        hands.key(ImGuiMod_Ctrl | key);
        EXPECT_EQ(shell.workspace(), workspace);
        EXPECT_FALSE(hands.studio().gallery.is_open);
      }
      hands.click("shell.theme");
      EXPECT_EQ(shell.theme_kind(), ThemeKind::kLight);
      EXPECT_EQ(ui::theme().kind, ThemeKind::kLight);
      hands.click("shell.theme");
      EXPECT_EQ(ui::theme().kind, ThemeKind::kContrast);
      hands.key(ImGuiMod_Ctrl | ImGuiKey_Equal);
      EXPECT_GT(shell.zoom(), 1.05F);
    }));
  }
  DrivenApp again;
  EXPECT_EQ(again.app().shell().workspace(), Workspace::kRuns);
  EXPECT_EQ(again.app().shell().theme_kind(), ThemeKind::kContrast);
  EXPECT_GT(again.app().shell().zoom(), 1.05F);
}

TEST_F(Shell, FindsActionsInThePalette) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("palette", [](Hands& hands) {
    hands.frames(4);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_K);
    hands.context()->KeyChars("theme light");
    hands.frames(2);
    hands.key(ImGuiKey_Enter);
    EXPECT_EQ(ui::theme().kind, ThemeKind::kLight);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_K);
    hands.context()->KeyChars("go to runs");
    hands.frames(2);
    hands.key(ImGuiKey_Enter);
    EXPECT_EQ(hands.app().shell().workspace(), Workspace::kRuns);
    hands.key(ImGuiKey_F1);
    EXPECT_NE(hands.context()->WindowInfo("//###shell.shortcuts", ImGuiTestOpFlags_NoError).ID, 0U);
    hands.key(ImGuiKey_Escape);
  }));
}

TEST_F(Shell, DrawsNothingWhenNothingHappens) {
  const std::string root = finished_run();
  DrivenApp driven(root);
  ASSERT_TRUE(driven.play("open", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kCompleted; }, 60));
    hands.frames(10);
  }));
  driven.idle(4.0);  // the tooltip frames, the saved layout and the fps read-out settle
  EXPECT_EQ(driven.idle(5.0), 0);
}

TEST_F(Shell, OpensRunsFromTheListAndByPath) {
  const std::string root = finished_run();
  DrivenApp driven;
  ASSERT_TRUE(driven.play("open", [&](Hands& hands) {
    hands.click("workspace.3");
    ASSERT_TRUE(hands.wait([&] { return hands.is_there("runs.row.done-001"); }, 60));
    hands.click("runs.row.done-001");
    hands.key(ImGuiKey_Enter);
    ASSERT_TRUE(hands.wait([&] { return hands.run().root == root; }, 30));
    hands.click("runs.more");
    hands.type_into("runs.path", place.folder / "elsewhere");
    hands.click("runs.open");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kDamaged; }, 30));
    hands.type_into("runs.path", root);
    hands.click("runs.open");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kCompleted; }, 30));
    EXPECT_FALSE(hands.studio().config.sections.empty());
  }));
}

}  // namespace
}  // namespace switchyard::test
