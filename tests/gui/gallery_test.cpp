// Pictures of every workspace in every theme and scale, from a real run, for people to look at.
#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/gui/app_driver.h"
#include "ui/model/run_state.h"

namespace switchyard::test {
namespace {

using ui::ThemeKind;
using ui::Workspace;

void ask(Hands& hands, const std::string& prompt = "the king ") {
  hands.app().shell().focus_panel("prompt.input");  // small windows keep it behind a tab
  hands.frames(6);
  hands.studio().prompt.settings.max_tokens = 160;
  hands.type_into("prompt.text", prompt);
  hands.click("prompt.generate");
  ASSERT_TRUE(hands.wait(
      [&] {
        const ui::Answer* answer = hands.studio().prompt.newest();
        return answer != nullptr && !answer->is_open() && !answer->tokens.empty();
      },
      120));
  hands.studio().selection.token = 24;
  hands.studio().selection.expert = 3;
}

/// Trains the default preset a while and asks one question, so that every panel has content.
void prepare(Hands& hands) {
  ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
  hands.click("preset.tiny-moe.train");
  ASSERT_TRUE(hands.wait([&] { return hands.run().step >= 300; }, 240));
  ask(hands);
}

/// A second run and one that failed to begin, for the list.
void train_another(Hands& hands) {
  hands.studio().gallery.is_open = true;
  hands.frames(4);
  hands.click("preset.tiny-dense.train");
  ASSERT_TRUE(hands.wait([&] { return hands.run().state == ui::RunState::kCompleted; }, 240));
}

void take_pictures(DrivenApp& driven, const std::string& suffix, int width, int height) {
  ui::StudioApp& app = driven.app();
  app.studio().gallery.is_open = true;
  driven.save_picture("start-" + suffix, width, height);
  app.studio().gallery.is_open = false;
  const std::pair<Workspace, const char*> pages[] = {{Workspace::kTrain, "train"},
                                                     {Workspace::kRouting, "routing"},
                                                     {Workspace::kPrompt, "prompt"},
                                                     {Workspace::kRuns, "runs"}};
  for (const auto& [workspace, name] : pages) {
    app.shell().set_workspace(workspace);
    app.studio().gallery.is_open = false;
    app.picture(width, height, 6);  // the dock builder needs frames
    app.studio().gallery.is_open = false;
    driven.save_picture(std::string(name) + "-" + suffix, width, height);
  }
}

class Gallery : public GuiTest {};

TEST_F(Gallery, ShowsEveryWorkspaceInEveryThemeAndScale) {
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("prepare", prepare));
    const std::pair<ThemeKind, const char*> themes[] = {{ThemeKind::kDark, "dark"},
                                                        {ThemeKind::kLight, "light"},
                                                        {ThemeKind::kContrast, "contrast"}};
    for (const auto& [kind, name] : themes) {
      driven.app().shell().set_theme(kind);
      take_pictures(driven, name, 1440, 900);
    }
    driven.app().studio().send(ui::EngineOrder{ui::EngineOrder::Kind::kStopAndSave});
    ASSERT_TRUE(driven.play("stop", [](Hands& hands) {
      ASSERT_TRUE(hands.wait([&] { return !ui::is_training(hands.run().state); }, 120));
    }));
  }
  for (const auto& [kind, name] :
       {std::pair{ThemeKind::kDark, "dark@2x"}, std::pair{ThemeKind::kLight, "light@2x"}}) {
    DrivenApp driven("", 2.0F);
    driven.app().shell().set_theme(kind);
    ASSERT_TRUE(driven.play("reopen", [](Hands& hands) {
      ASSERT_TRUE(hands.wait([&] { return hands.run().step > 0; }, 30));
      ask(hands);
    }));
    take_pictures(driven, name, 2880, 1800);
  }
}

TEST_F(Gallery, ShowsThePlacesBetweenTheWorkspaces) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("runs", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    train_another(hands);
    train_another(hands);
    hands.app().shell().set_workspace(Workspace::kRuns);
    ASSERT_TRUE(hands.wait([&] { return hands.studio().runs->runs.size() == 2; }, 30));
    hands.frames(4);
  }));
  driven.save_picture("runs-two-dark");
  ASSERT_TRUE(driven.play("dense", [](Hands& hands) {
    hands.app().shell().set_workspace(Workspace::kTrain);
    hands.frames(8);
  }));
  driven.save_picture("train-dense-dark");
  ASSERT_TRUE(driven.play("palette", [](Hands& hands) { hands.key(ImGuiMod_Ctrl | ImGuiKey_K); }));
  driven.save_picture("palette-dark");
  ASSERT_TRUE(driven.play("keys", [](Hands& hands) {
    hands.key(ImGuiKey_Escape);
    hands.key(ImGuiKey_F1);
  }));
  driven.save_picture("shortcuts-dark");
  write_text(place.folder / "foreign/holiday.txt", "sun");
  driven.app().studio().send(ui::OpenRun{place.folder / "foreign"});
  ASSERT_TRUE(driven.play("problem", [](Hands& hands) {
    hands.key(ImGuiKey_Escape);
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == ui::RunState::kDamaged; }, 20));
  }));
  driven.save_picture("problem-dark");
}

TEST_F(Gallery, ShowsThePresetsOfTheHouse) {
  const ScopedEnvironment configs("SWITCHYARD_CONFIGS", std::string(SY_SOURCE_DIR) + "/configs");
  write_text(place.folder / "data/texts/shakespeare.txt", "");
  DrivenApp driven;
  ASSERT_TRUE(driven.play("presets", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    ASSERT_TRUE(hands.tab_to("group." + hands.studio().presets->groups().back()));
    hands.save_picture("start-house-keyboard-dark");
  }));
  driven.save_picture("start-house-dark");
  driven.app().shell().set_theme(ThemeKind::kLight);
  driven.app().studio().gallery.group = driven.app().studio().presets->groups().back();
  driven.save_picture("start-house-second-light");
}

/// Pictures of a run of one's own, e.g. for the front page: SWITCHYARD_GALLERY_RUN names its
/// folder.
TEST_F(Gallery, ShowsTheRunNamedByTheEnvironment) {
  const char* source = std::getenv("SWITCHYARD_GALLERY_RUN");
  if (source == nullptr || *source == '\0') GTEST_SKIP() << "SWITCHYARD_GALLERY_RUN is not set";
  const std::string root =
      place.runs() + "/" + std::filesystem::path(source).lexically_normal().filename().string();
  std::filesystem::create_directories(place.runs());
  std::filesystem::copy(source, root, std::filesystem::copy_options::recursive);
  DrivenApp driven(root);
  ASSERT_TRUE(driven.play("ask", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return hands.run().step > 0; }, 30));
    hands.app().shell().set_workspace(Workspace::kTrain);
    ASSERT_TRUE(hands.wait([&] { return hands.run().scalar("train_loss") != nullptr; }, 30));
    ask(hands, "ROMEO:");
  }));
  driven.app().shell().set_theme(ThemeKind::kDark);
  take_pictures(driven, "own-dark", 1440, 900);
  driven.app().shell().set_theme(ThemeKind::kLight);
  take_pictures(driven, "own-light", 1440, 900);
}

}  // namespace
}  // namespace switchyard::test
