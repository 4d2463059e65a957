// The configuration form, by mouse and by keyboard, with the real engine.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <imgui_internal.h>

#include "engine/base/config/presets.h"
#include "engine/base/core/json.h"
#include "engine/base/store/run_folder.h"
#include "engine/base/store/run_queue.h"
#include "tests/gui/app_driver.h"
#include "tests/support/shell_words.h"
#include "ui/client/launcher.h"

namespace switchyard::test {
namespace {

using ui::RunState;

constexpr const char* kRate = "/optimizer/learning_rate";
constexpr const char* kTopK = "/model/layers/0/feed_forward/router/top_k";
constexpr const char* kTopKField = "config.model.layers.0.feed_forward.router.top_k";
constexpr const char* kRateField = "config.optimizer.learning_rate";

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

class ConfigForm : public GuiTest {
 protected:
  /// Opens the form on a preset, as a person does: the button on its card.
  static void customise(Hands& hands, const std::string& preset = "tiny-moe") {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.frames(4);
    hands.click("preset." + preset + ".edit");
    ASSERT_TRUE(hands.wait([&] { return hands.studio().config.draft.has_value(); }, 10));
    ASSERT_TRUE(hands.wait([&] { return hands.studio().config.figures.params_total > 0; }, 20));
    hands.frames(6);
  }

  static ui::ConfigDraft& draft(Hands& hands) { return *hands.studio().config.draft; }

  /// The scrolling list of settings.
  static ImGuiWindow* rows() {
    for (ImGuiWindow* window : ImGui::GetCurrentContext()->Windows) {
      if (window->WasActive &&
          std::string(window->Name).find("###config.rows") != std::string::npos)
        return window;
    }
    return nullptr;
  }

  /// The id of an item in the list of settings, in view or not.
  static ImGuiID id_of(const std::string& name) {
    ImGuiWindow* window = rows();
    return window == nullptr ? 0 : window->GetID(("###" + name).c_str());
  }

  static bool has(Hands& hands, const std::string& name) {
    const ImGuiID id = id_of(name);
    return id != 0 && hands.context()->ItemInfo(id, ImGuiTestOpFlags_NoError).ID != 0;
  }

  /// Clicks an item of the list; the Test Engine scrolls to it.
  static void press(Hands& hands, const std::string& name) {
    ASSERT_TRUE(has(hands, name)) << name;
    hands.context()->ItemClick(id_of(name));
    hands.frames(3);
  }

  static void type(Hands& hands, const std::string& name, const std::string& text) {
    press(hands, name);
    hands.context()->KeyPress(ImGuiMod_Ctrl | ImGuiKey_A);
    hands.context()->KeyPress(ImGuiKey_Delete);
    hands.context()->KeyChars(text.c_str());
    hands.frames(2);
  }

  /// Presses Tab until the item has the keyboard; false after a whole round.
  static bool tab_to(Hands& hands, ImGuiID id) {
    for (int i = 0; i < 150; ++i) {
      hands.key(ImGuiKey_Tab);
      if (id == ImGui::GetCurrentContext()->NavId) return true;
    }
    return false;
  }
};

TEST_F(ConfigForm, EditsByMouseWithUndoRevertAndFix) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("mouse", [](Hands& hands) {
    customise(hands);
    if (HasFailure()) return;
    EXPECT_FALSE(hands.studio().gallery.is_open);
    const std::int64_t params = hands.studio().config.figures.params_total;
    type(hands, kTopKField, "9");
    EXPECT_EQ(draft(hands).value(kTopK).as_integer(), 9) << "while it is typed";
    hands.key(ImGuiKey_Enter);
    ASSERT_FALSE(draft(hands).is_valid());
    EXPECT_FALSE(hands.is_enabled("config.train"));
    EXPECT_FALSE(hands.is_enabled("config.queue"));
    EXPECT_FALSE(hands.is_enabled("config.probe"));
    press(hands, "config.fix.model.layers.0.feed_forward.router.top_k");
    hands.frames(3);
    EXPECT_EQ(draft(hands).value(kTopK).as_integer(), 8);
    EXPECT_TRUE(draft(hands).is_valid());
    EXPECT_TRUE(hands.is_enabled("config.train"));
    EXPECT_GT(hands.studio().config.figures.params_active, 0);
    EXPECT_EQ(hands.studio().config.figures.params_total, params);
    hands.click("config.undo");
    hands.click("config.undo");
    EXPECT_EQ(draft(hands).value(kTopK).as_integer(), 2);
    EXPECT_FALSE(hands.is_enabled("config.undo"));
    hands.click("config.redo");
    EXPECT_EQ(draft(hands).value(kTopK).as_integer(), 9);
    press(hands, "config.model.layers.0.feed_forward.router.top_k.revert");
    hands.frames(3);
    EXPECT_EQ(draft(hands).value(kTopK).as_integer(), 2);
    press(hands, "config.layers.0.duplicate");
    hands.frames(3);
    EXPECT_EQ(draft(hands).num_layer_groups(), 2U);
    EXPECT_EQ(hands.studio().config.architecture.groups.size(), 2U);
    EXPECT_GT(hands.studio().config.figures.params_total, params);
    press(hands, "config.layers.1.remove");
    EXPECT_EQ(draft(hands).num_layer_groups(), 1U);
    draft(hands).set(kRate, Json(1e-3));
    hands.click("config.source");
    hands.frames(3);
    hands.click("config.revert_all");
    hands.frames(3);
    EXPECT_TRUE(draft(hands).changes().empty());
    hands.click("config.source");
    hands.frames(3);
    hands.click("config.discard");
    hands.frames(3);
    EXPECT_FALSE(hands.studio().config.draft.has_value());
    EXPECT_TRUE(hands.studio().config.previous.has_value());
  }));
}

TEST_F(ConfigForm, IsUsedByKeyboardAlone) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("keyboard", [](Hands& hands) {
    customise(hands);
    if (HasFailure()) return;
    hands.key(ImGuiMod_Ctrl | ImGuiKey_F);
    hands.frames(3);
    hands.context()->KeyChars("active per");
    hands.frames(3);
    EXPECT_TRUE(has(hands, kTopKField));
    EXPECT_FALSE(has(hands, kRateField)) << "the search leaves what fits";
    ASSERT_TRUE(tab_to(hands, id_of(kTopKField)));
    hands.context()->KeyPress(ImGuiMod_Ctrl | ImGuiKey_A);
    hands.context()->KeyChars("3");
    hands.key(ImGuiKey_Enter);
    EXPECT_EQ(draft(hands).value(kTopK).as_integer(), 3);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_Z);
    EXPECT_EQ(draft(hands).value(kTopK).as_integer(), 2);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_Y);
    EXPECT_EQ(draft(hands).value(kTopK).as_integer(), 3);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_F);
    hands.context()->KeyPress(ImGuiMod_Ctrl | ImGuiKey_A);
    hands.context()->KeyPress(ImGuiKey_Delete);
    hands.frames(3);
    // Every row of the level is reached, one Tab after the other.
    std::vector<std::string> ids;
    for (const ui::FormSection& section : hands.studio().config.sections) {
      for (const ui::FormRow& row : section.rows) {
        const std::string id = "config." + ui::dotted_path(row.pointer);
        if (row.level == config::Level::kEssential) ids.push_back(id);
      }
    }
    ASSERT_GT(ids.size(), 10U);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_F);
    for (const std::string& id : ids) ASSERT_TRUE(tab_to(hands, id_of(id))) << id;
    const ImGuiTestItemInfo undo = hands.context()->ItemInfo("//**/###config.undo");
    ASSERT_TRUE(tab_to(hands, undo.ID));
    hands.key(ImGuiKey_Space);
    EXPECT_EQ(draft(hands).value(kTopK).as_integer(), 2);
  }));
}

TEST_F(ConfigForm, ThePaletteFindsEverySetting) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("palette", [](Hands& hands) {
    customise(hands);
    if (HasFailure()) return;
    EXPECT_FALSE(has(hands, "config.optimizer.eps")) << "of the third level";
    hands.app().shell().set_workspace(ui::Workspace::kPrompt);
    hands.frames(4);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_K);
    hands.context()->KeyChars("optimizer eps");
    hands.key(ImGuiKey_Enter);
    hands.frames(6);
    EXPECT_EQ(hands.app().shell().workspace(), ui::Workspace::kTrain);
    EXPECT_TRUE(hands.is_there("config.optimizer.eps")) << "in view without scrolling";
  }));
}

TEST_F(ConfigForm, LevelsShowMoreAndVariantsSwitch) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("levels", [](Hands& hands) {
    customise(hands);
    if (HasFailure()) return;
    hands.click("config.level.0");
    hands.frames(3);
    EXPECT_TRUE(has(hands, kRateField));
    EXPECT_FALSE(has(hands, "config.optimizer.weight_decay"));
    EXPECT_FALSE(has(hands, "config.optimizer.eps"));
    hands.click("config.level.2");
    hands.frames(3);
    EXPECT_TRUE(has(hands, "config.optimizer.weight_decay"));
    EXPECT_TRUE(has(hands, "config.optimizer.eps"));
    press(hands, "config.model.layers.0.feed_forward");
    hands.frames(2);
    hands.context()->ItemClick("//$FOCUSED/###0");
    hands.frames(3);
    EXPECT_EQ(draft(hands).value("/model/layers/0/feed_forward/type").as_string(), "dense");
    EXPECT_FALSE(has(hands, kTopKField));
    EXPECT_FALSE(has(hands, "config.optimizer.momentum"));
    press(hands, "config.optimizer");
    hands.frames(2);
    hands.context()->ItemClick("//$FOCUSED/###1");
    hands.frames(3);
    EXPECT_EQ(draft(hands).value("/optimizer/type").as_string(), "muon");
    EXPECT_TRUE(has(hands, "config.optimizer.momentum"));
    hands.save_picture("config-optimizer-dark");
  }));
}

TEST_F(ConfigForm, TrainsTheDraftAndItsCommandSaysTheSame) {
  DrivenApp driven;
  std::string root, command;
  ASSERT_TRUE(driven.play("train", [&](Hands& hands) {
    customise(hands);
    if (HasFailure()) return;
    type(hands, "config.name", "my-draft");
    type(hands, kTopKField, "3");
    type(hands, kRateField, "2e-3");
    type(hands, "config.train.max_steps", "60");
    type(hands, "config.schedule.decay_steps", "60");
    hands.key(ImGuiKey_Enter);
    ASSERT_TRUE(draft(hands).is_valid());
    const Json wanted = draft(hands).resolved();
    command = draft(hands).command_line();
    hands.click("config.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kCompleted; }, 240));
    root = hands.run().root;
    EXPECT_EQ(std::filesystem::path(root).filename(), "my-draft-001");
    EXPECT_EQ(hands.run().config, wanted);
    EXPECT_TRUE(ui::is_run_shown(hands.studio())) << "the run takes the draft's place";
    EXPECT_TRUE(hands.studio().config.draft.has_value());
  }));
  if (HasFailure()) return;
  const std::string again = place.folder / "again";
  std::vector<std::string> words = shell_words(command);
  words[0] = engine_program();
  words.insert(words.end(), {"--run", again});
  const auto child = ui::start_piped(words);
  ASSERT_TRUE(child.ok());
  const ui::ChildOutput output = ui::read_to_end(child.value());
  ASSERT_EQ(output.exit_code, 0) << output.errors;
  const auto first = store::read_run_config(root), second = store::read_run_config(again);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first.value(), second.value());
}

TEST_F(ConfigForm, QueuesTheDraft) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("queue", [this](Hands& hands) {
    customise(hands);
    if (HasFailure()) return;
    type(hands, "config.name", "my-draft");
    type(hands, "config.train.max_steps", "60");
    type(hands, "config.schedule.decay_steps", "60");
    hands.key(ImGuiKey_Enter);
    ASSERT_TRUE(draft(hands).is_valid());
    const Json wanted = draft(hands).resolved();
    hands.click("config.queue");
    ASSERT_TRUE(hands.wait([&] { return store::list_queue(place.runs()).size() == 1; }, 20));
    EXPECT_EQ(store::list_queue(place.runs()).front().name, "my-draft");
    EXPECT_FALSE(ui::is_run_shown(hands.studio())) << "the draft stays";
    const auto ended = [&] { return store::list_queue_outcomes(place.runs()); };
    ASSERT_TRUE(hands.wait([&] { return ended().size() == 1; }, 240));
    EXPECT_EQ(ended().front().state, "completed") << ended().front().message;
    const auto trained = store::read_run_config(ended().front().run);
    ASSERT_TRUE(trained.ok());
    EXPECT_EQ(trained.value(), wanted);
  }));
}

TEST_F(ConfigForm, ShowsWhatTheEngineRefuses) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("refuse", [this](Hands& hands) {
    customise(hands);
    if (HasFailure()) return;
    // The form cannot know: the text goes away between check and training.
    std::filesystem::remove(place.folder / "text.txt");
    hands.click("config.train");
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().config.train_problems.empty(); }, 60));
    EXPECT_NE(hands.studio().config.train_problems.front().find("text.txt"), std::string::npos);
    EXPECT_TRUE(place.run_names().empty()) << "no folder for a run that cannot be";
    EXPECT_TRUE(hands.is_enabled("config.train"));
    EXPECT_FALSE(ui::is_run_shown(hands.studio()));
  }));
}

TEST_F(ConfigForm, ProbesAndCancels) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("probe", [](Hands& hands) {
    customise(hands);
    if (HasFailure()) return;
    hands.click("config.probe");
    ASSERT_TRUE(hands.wait([&] { return hands.studio().config.probe.has_value(); }, 120));
    const ui::ProbeReport& probe = *hands.studio().config.probe;
    ASSERT_TRUE(probe.problem.empty()) << probe.problem;
    EXPECT_GT(probe.peak_bytes, 1e6);
    EXPECT_GT(probe.tokens_per_second, 0.0);
    EXPECT_NE(ui::probe_of(hands.studio().config, draft(hands).resolved()), nullptr);
    hands.click("config.probe");
    hands.frames(2);
    ASSERT_TRUE(hands.studio().config.is_probing);
    hands.click("config.probe");
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().config.is_probing; }, 30));
    EXPECT_TRUE(hands.studio().config.probe->is_cancelled);
  }));
}

TEST_F(ConfigForm, ComesBackAfterTheWindowDied) {
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("edit", [](Hands& hands) {
      customise(hands);
      if (HasFailure()) return;
      type(hands, kRateField, "7e-4");
      hands.key(ImGuiKey_Enter);
      // On disk while the window lives: what a crash would leave.
      const std::string file = std::string(std::getenv("SWITCHYARD_STATE")) + "/draft.json";
      ASSERT_TRUE(hands.wait([&] { return text_of(file).find("7e-04") != std::string::npos; }, 20));
    }));
  }
  if (HasFailure()) return;
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("back", [](Hands& hands) {
      ASSERT_TRUE(hands.wait([&] { return hands.studio().config.draft.has_value(); }, 20));
      EXPECT_DOUBLE_EQ(draft(hands).value(kRate).as_number(), 7e-4);
      EXPECT_EQ(draft(hands).origin().name, "tiny-moe");
      EXPECT_TRUE(hands.wait([&] { return hands.app().num_toasts() > 0; }, 5));
    }));
  }
  write_text(place.folder / "state/draft.json", "{\"schema\": \"swi");
  DrivenApp driven;
  ASSERT_TRUE(driven.play("broken", [this](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }, 20));
    hands.frames(5);
    EXPECT_FALSE(hands.studio().config.draft.has_value());
    EXPECT_TRUE(std::filesystem::exists(place.folder / "state/draft.json.broken"));
  }));
}

TEST_F(ConfigForm, ChangesTheLearningRateOfALivingRun) {
  place.set_default_steps(100'000);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("live", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait(
        [&] { return hands.run().state == RunState::kRunning && hands.run().step >= 10; }, 120));
    hands.frames(6);
    ASSERT_TRUE(ui::is_run_shown(hands.studio()));
    type(hands, kRateField, "5e-4");
    hands.key(ImGuiKey_Enter);
    ASSERT_EQ(ui::pending_settings(hands.studio()).size(), 1U);
    hands.click("config.keep.optimizer.learning_rate");
    hands.frames(4);
    EXPECT_TRUE(ui::pending_settings(hands.studio()).empty());
    type(hands, kRateField, "5e-4");
    hands.key(ImGuiKey_Enter);
    hands.click("config.confirm.optimizer.learning_rate");
    ASSERT_TRUE(hands.wait(
        [&] {
          const auto& events = hands.run().events;
          return std::any_of(events.begin(), events.end(), [](const store::Event& event) {
            return event.kind == "setting" && event.detail["pointer"].as_string() == kRate;
          });
        },
        60));
    hands.frames(4);
    EXPECT_DOUBLE_EQ(ui::shown_draft(hands.studio())->value(kRate).as_number(), 5e-4);
    hands.click("config.edit");
    hands.frames(4);
    ASSERT_TRUE(hands.studio().config.draft.has_value());
    EXPECT_DOUBLE_EQ(draft(hands).value(kRate).as_number(), 5e-4);
  }));
}

TEST_F(ConfigForm, TheDrawingLeadsToItsSettings) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("drawing", [](Hands& hands) {
    customise(hands);
    if (HasFailure()) return;
    press(hands, "config.section.layers.0");  // closed
    hands.frames(3);
    EXPECT_FALSE(has(hands, kTopKField));
    hands.context()->ItemClick("//**/###train.architecture");
    hands.frames(4);
    hands.click("architecture.block.2");
    hands.frames(4);
    EXPECT_TRUE(has(hands, kTopKField));
    hands.context()->ItemClick("//**/###train.data");
    hands.frames(4);
    ASSERT_NE(hands.studio().config.data, nullptr);
    EXPECT_GT(hands.studio().config.data->tokens.size(), 100U);
  }));
}

void take(DrivenApp& driven, const std::string& name, int width, int height) {
  driven.app().picture(width, height, 6);
  driven.save_picture(name, width, height);
}

TEST_F(ConfigForm, IsShownInEveryThemeScaleAndSize) {
  const auto prepare = [](Hands& hands) {
    customise(hands);
    if (HasFailure()) return;
    draft(hands).set("/model/layers/0/feed_forward/num_experts", Json(16));
    draft(hands).set(kRate, Json(6e-4));
    hands.frames(10);
  };
  const auto tab = [](DrivenApp& driven, const char* id) {
    EXPECT_TRUE(driven.play("tab", [id](Hands& hands) {
      hands.context()->ItemClick((std::string("//**/###") + id).c_str());
      hands.frames(6);
    }));
  };
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("prepare", prepare));
    ASSERT_TRUE(driven.play("probe", [](Hands& hands) {
      hands.click("config.probe");
      ASSERT_TRUE(hands.wait([&] { return hands.studio().config.probe.has_value(); }, 120));
      hands.frames(4);
    }));
    const std::pair<ui::ThemeKind, const char*> themes[] = {{ui::ThemeKind::kDark, "dark"},
                                                            {ui::ThemeKind::kLight, "light"},
                                                            {ui::ThemeKind::kContrast, "contrast"}};
    for (const auto& [kind, name] : themes) {
      driven.app().shell().set_theme(kind);
      tab(driven, "train.architecture");
      take(driven, std::string("config-architecture-") + name, 1440, 900);
      tab(driven, "train.data");
      take(driven, std::string("config-data-") + name, 1440, 900);
    }
    driven.app().shell().set_theme(ui::ThemeKind::kDark);
    tab(driven, "train.architecture");
    take(driven, "config-small-dark", 1024, 640);
    ASSERT_TRUE(driven.play("break", [](Hands& hands) {
      draft(hands).set(kTopK, Json(40));
      draft(hands).duplicate_layer_group(0);
      draft(hands).set_variant("/model/layers/1/feed_forward", "dense");
      hands.frames(6);
      hands.click("config.source");
      hands.frames(4);
      hands.save_picture("config-menu-dark");
    }));
    ASSERT_TRUE(driven.play("close", [](Hands& hands) {
      hands.key(ImGuiKey_Escape);
      press(hands, kTopKField);
      hands.key(ImGuiKey_Enter);
    }));
    take(driven, "config-problem-dark", 1440, 900);
  }
  DrivenApp driven("", 2.0F);
  driven.app().shell().set_theme(ui::ThemeKind::kLight);
  ASSERT_TRUE(driven.play("again", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return hands.studio().config.draft.has_value(); }, 20));
    hands.studio().gallery.is_open = false;
    hands.app().shell().set_workspace(ui::Workspace::kTrain);
    hands.frames(10);
  }));
  tab(driven, "train.architecture");
  take(driven, "config-architecture-light@2x", 2880, 1800);
  take(driven, "config-small@2x", 1024, 640);
}

}  // namespace
}  // namespace switchyard::test
