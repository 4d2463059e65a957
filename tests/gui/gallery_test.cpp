// Pictures of every workspace in every theme and scale, from a real run, for people to look at.
#include <string>

#include "tests/gui/app_driver.h"

namespace switchyard::test {
namespace {

using ui::ThemeKind;
using ui::Workspace;

/// Trains the default preset a while and asks one question, so that every panel has content.
void prepare(Hands& hands) {
  ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
  hands.click("preset.tiny-moe.train");
  ASSERT_TRUE(hands.wait([&] { return hands.run().step >= 300; }, 240));
  hands.app().shell().set_workspace(Workspace::kPrompt);
  hands.frames(3);
  hands.studio().prompt.settings.max_tokens = 160;
  hands.type_into("prompt.text", "the king ");
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
  }
  for (const auto& [kind, name] :
       {std::pair{ThemeKind::kDark, "dark@2x"}, std::pair{ThemeKind::kLight, "light@2x"}}) {
    DrivenApp driven("", 2.0F);
    driven.app().shell().set_theme(kind);
    ASSERT_TRUE(driven.play("reopen", [](Hands& hands) {
      ASSERT_TRUE(hands.wait([&] { return hands.run().step > 0; }, 30));
    }));
    take_pictures(driven, name, 2880, 1800);
  }
}

}  // namespace
}  // namespace switchyard::test
