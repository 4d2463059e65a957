// The file browser: a run is opened with the mouse and by keys alone, a folder that vanishes is
// said, many names cost nothing, recent folders come back, and what is dropped is used.
#include <chrono>
#include <filesystem>
#include <set>

#include <GLFW/glfw3.h>
#include <imgui_internal.h>

#include "engine/base/core/file_system.h"
#include "tests/gui/app_driver.h"
#include "ui/widgets/focus.h"

namespace switchyard::test {
namespace {

using ui::RunState;
using ui::Workspace;

class FileBrowserTest : public GuiTest {
 protected:
  /// Records a short run and moves it out of the runs folder.
  void record_elsewhere(DrivenApp& driven, const std::string& target) {
    ASSERT_TRUE(driven.play("record", [](Hands& hands) {
      ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
      hands.click("preset.tiny-dense.train");
      ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kCompleted; }, 240));
      hands.studio().gallery.is_open = true;
      hands.frames(4);
    }));
    std::filesystem::create_directories(parent_directory(target));
    std::filesystem::copy(place.runs() + "/" + place.run_names().at(0),
                          target,
                          std::filesystem::copy_options::recursive);
  }
};

bool shows(Hands& hands, const std::string& folder) {
  return hands.wait(
      [&] {
        const ui::FileBrowser& files = hands.studio().files;
        return files.folder() == folder && files.listing() != nullptr;
      },
      20);
}

void double_click(Hands& hands, const std::string& row) {
  hands.context()->ItemDoubleClick(("//**/###files.row." + row).c_str());
  hands.frames(3);
}

void choose_in_palette(Hands& hands, const std::string& words) {
  hands.key(ImGuiMod_Ctrl | ImGuiKey_K);
  hands.context()->KeyChars(words.c_str());
  hands.frames(2);
  hands.key(ImGuiKey_Enter);
  hands.frames(4);
}

TEST_F(FileBrowserTest, OpensARunWithTheMouse) {
  DrivenApp driven;
  const std::string run = place.folder / "elsewhere/deep/old-run";
  record_elsewhere(driven, run);
  std::filesystem::create_directories(place.folder / "elsewhere/deep/plain");
  ASSERT_TRUE(driven.play("mouse", [&](Hands& hands) {
    hands.click("start.open_folder");
    hands.frames(4);
    hands.click("start.open_path.browse");
    ASSERT_TRUE(shows(hands, place.runs()));
    hands.click("files.place.Data");
    ASSERT_TRUE(shows(hands, place.folder / "data"));
    hands.click("files.place.Presets");
    ASSERT_TRUE(shows(hands, place.folder / "configs"));
    const int last =
        static_cast<int>(std::count(place.folder.path().begin(), place.folder.path().end(), '/'));
    hands.click("files.crumb." + std::to_string(last));
    ASSERT_TRUE(shows(hands, place.folder.path()));
    double_click(hands, "elsewhere");
    ASSERT_TRUE(shows(hands, place.folder / "elsewhere"));
    double_click(hands, "deep");
    ASSERT_TRUE(shows(hands, place.folder / "elsewhere/deep"));
    EXPECT_TRUE(hands.is_there("files.row.plain"));
    hands.click("files.row.plain");
    hands.frames(2);
    EXPECT_FALSE(hands.is_enabled("files.choose"));
    hands.click("files.row.old-run");
    hands.frames(2);
    EXPECT_TRUE(hands.is_enabled("files.choose"));
    hands.click("files.choose");
    ASSERT_TRUE(hands.wait([&] { return hands.run().root == run; }, 30));
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kCompleted; }, 30));
    EXPECT_FALSE(hands.is_there("files.choose"));
    EXPECT_EQ(hands.studio().files.field(), "");
    EXPECT_EQ(hands.studio().settings.recent_folders.front(), place.folder / "elsewhere/deep");
  }));
}

TEST_F(FileBrowserTest, OpensARunByKeysAlone) {
  DrivenApp driven;
  const std::string run = place.folder / "elsewhere/old-run";
  record_elsewhere(driven, run);
  std::filesystem::create_directories(place.folder / "elsewhere/another");
  ASSERT_TRUE(driven.play("keys", [&](Hands& hands) {
    choose_in_palette(hands, "open run folder");
    ASSERT_TRUE(shows(hands, place.runs()));
    hands.frames(4);
    hands.key(ImGuiKey_Backspace);  // up, where "runs" is selected
    ASSERT_TRUE(shows(hands, place.folder.path()));
    hands.frames(4);
    hands.context()->KeyChars("elsew");  // searches
    hands.frames(4);
    EXPECT_EQ(hands.studio().files.rows().size(), 1U);
    hands.key(ImGuiKey_Enter);
    ASSERT_TRUE(shows(hands, place.folder / "elsewhere"));
    hands.frames(4);
    EXPECT_EQ(hands.studio().files.selected(), 0);
    hands.key(ImGuiKey_DownArrow);
    EXPECT_EQ(hands.studio().files.selected(), 1);
    hands.key(ImGuiKey_Enter);
    ASSERT_TRUE(hands.wait([&] { return hands.run().root == run; }, 30));
    EXPECT_FALSE(hands.is_there("files.choose"));
  }));
  ASSERT_TRUE(driven.play("typed", [&](Hands& hands) {
    hands.studio().gallery.is_open = true;
    choose_in_palette(hands, "open run folder");
    ASSERT_TRUE(shows(hands, place.folder / "elsewhere"));  // where the last one was
    hands.type_into("files.path", place.folder / "elsewhere/old");
    hands.key(ImGuiKey_Tab);
    EXPECT_EQ(hands.studio().files.typed(), place.folder / "elsewhere/old-run/");
    ASSERT_TRUE(shows(hands, run));
    hands.key(ImGuiKey_Enter);
    ASSERT_TRUE(hands.wait([&] { return hands.studio().files.field().empty(); }, 10));
    EXPECT_FALSE(hands.studio().gallery.is_open);
    choose_in_palette(hands, "open run folder");
    ASSERT_TRUE(hands.is_there("files.choose"));
    hands.key(ImGuiKey_Escape);
    EXPECT_FALSE(hands.is_there("files.choose"));
  }));
}

/// Tab meets every control of the browser once and shows where it stands; of the rows, one.
TEST_F(FileBrowserTest, TabReachesEveryControl) {
  DrivenApp driven;
  std::filesystem::create_directories(place.folder / "plots/a");
  std::filesystem::create_directories(place.folder / "plots/b");
  ASSERT_TRUE(driven.play("walk", [&](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.studio().settings.recent_folders = {place.folder / "plots"};
    hands.studio().wants_run_folder = true;
    ASSERT_TRUE(shows(hands, place.folder / "plots"));
    hands.frames(6);
    std::set<ImGuiID> wanted;
    for (const char* id : {"files.path",
                           "files.crumb.0",
                           "files.place.Home",
                           "files.place.Runs",
                           "files.recent.0",
                           "files.sort.0",
                           "files.sort.1",
                           "files.sort.2",
                           "files.row.a",
                           "files.hidden",
                           "files.cancel"})
      wanted.insert(hands.context()->ItemInfo((std::string("//**/###") + id).c_str()).ID);
    for (int i = 0; i < 40; ++i) {
      hands.key(ImGuiKey_Tab);
      const ImGuiContext& g = *ImGui::GetCurrentContext();
      EXPECT_TRUE(g.ActiveId == g.NavId || ui::ringed_item() == g.NavId);
      wanted.erase(g.NavId);
    }
    EXPECT_TRUE(wanted.empty()) << wanted.size() << " are not reached";
    EXPECT_TRUE(hands.is_there("files.choose"));
  }));
}

TEST_F(FileBrowserTest, SaysThatAFolderVanishedAndGoesOn) {
  DrivenApp driven;
  std::filesystem::create_directories(place.folder / "short/lived");
  ASSERT_TRUE(driven.play("vanish", [&](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.studio().settings.recent_folders = {place.folder / "short/lived"};
    hands.studio().wants_run_folder = true;
    ASSERT_TRUE(shows(hands, place.folder / "short/lived"));
    std::filesystem::remove_all(place.folder / "short");
    ASSERT_TRUE(hands.wait(
        [&] {
          const ui::FolderListing* listing = hands.studio().files.listing();
          return listing != nullptr && !listing->problem.empty();
        },
        10));
    hands.save_picture("files-vanished");
    EXPECT_FALSE(hands.is_enabled("files.choose"));
    hands.key(ImGuiKey_Backspace);
    hands.key(ImGuiKey_Backspace);
    ASSERT_TRUE(shows(hands, place.folder.path()));
    EXPECT_TRUE(hands.wait([&] { return hands.is_there("files.row.configs"); }, 5));
  }));
}

TEST_F(FileBrowserTest, DrawsThousandsOfNamesAsFastAsAFew) {
  std::filesystem::create_directories(place.folder / "many");
  std::filesystem::create_directories(place.folder / "few/one");
  for (int i = 0; i < 4'000; ++i)
    std::filesystem::create_directory(place.folder / ("many/folder-" + std::to_string(i)));
  DrivenApp driven;
  ASSERT_TRUE(driven.play("many", [&](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.studio().settings.recent_folders = {place.folder / "few"};
    hands.studio().wants_run_folder = true;
    ASSERT_TRUE(shows(hands, place.folder / "few"));
    hands.frames(6);
    const int few = ImGui::GetIO().MetricsRenderVertices;
    hands.studio().files.go_to(place.folder / "many");
    ASSERT_TRUE(shows(hands, place.folder / "many"));
    hands.frames(6);
    EXPECT_EQ(hands.studio().files.rows().size(), 4'000U);
    EXPECT_LT(ImGui::GetIO().MetricsRenderVertices, few + 8000) << "only what is seen is drawn";
    hands.key(ImGuiKey_End);
    hands.frames(4);
    hands.context()->KeyChars("3999");
    hands.frames(4);
    EXPECT_EQ(hands.studio().files.rows().size(), 1U);
    EXPECT_TRUE(hands.is_there("files.row.folder-3999"));
  }));
}

TEST_F(FileBrowserTest, RemembersFoldersAfterARestart) {
  std::filesystem::create_directories(place.folder / "plots-here");
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("choose", [&](Hands& hands) {
      ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
      hands.click("preset.tiny-dense.train");
      ASSERT_TRUE(hands.wait([&] { return hands.run().step > 10; }, 120));
      hands.click("plots.export");
      hands.frames(4);
      hands.type_into("plots.export_folder", place.folder / "plots-here");
      hands.click("plots.export_folder.browse");
      ASSERT_TRUE(shows(hands, place.folder / "plots-here"));
      hands.type_into("files.path", place.folder / "plots-here/new");
      EXPECT_EQ(hands.studio().files.choice(), place.folder / "plots-here/new");
      hands.click("files.choose");
      hands.frames(2);
      EXPECT_EQ(hands.studio().plots.export_folder, place.folder / "plots-here/new");
      EXPECT_TRUE(hands.is_there("plots.export_folder")) << "the popover that asked stays open";
    }));
    driven.idle(1.5);
  }
  DrivenApp driven;
  ASSERT_TRUE(driven.play("again", [&](Hands& hands) {
    hands.studio().wants_run_folder = true;
    // The folder was named, not made: the nearest one that is there is shown.
    ASSERT_TRUE(shows(hands, place.folder / "plots-here"));
    EXPECT_TRUE(hands.is_there("files.recent.0"));
  }));
}

TEST_F(FileBrowserTest, ChoosesTheDataOfADraft) {
  write_text(place.folder / "texts/mine.txt", made_text(30'000));
  write_text(place.folder / "texts/notes.md", "x");
  DrivenApp driven;
  ASSERT_TRUE(driven.play("data", [&](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    ui::customise_preset(hands.studio(), "tiny-dense");
    hands.frames(6);
    hands.studio().config.wanted_setting = "/data/text_file";
    hands.frames(6);
    hands.click("config.data.text_file.browse");
    ASSERT_TRUE(shows(hands, place.folder.path()));
    EXPECT_EQ(hands.studio().files.choice(), place.folder / "text.txt");  // what stands there now
    double_click(hands, "texts");
    ASSERT_TRUE(shows(hands, place.folder / "texts"));
    EXPECT_FALSE(hands.is_there("files.row.notes.md"));
    hands.click("files.kind.1");
    hands.frames(3);
    EXPECT_TRUE(hands.is_there("files.row.notes.md"));
    double_click(hands, "mine.txt");
    const auto file = [&] {
      return hands.studio().config.draft->value("/data/text_file").as_string();
    };
    EXPECT_EQ(file(), place.folder / "texts/mine.txt");
    EXPECT_TRUE(hands.studio().config.draft->can_undo());
    hands.studio().config.draft->undo();
    EXPECT_EQ(file(), place.folder / "text.txt");
  }));
}

/// What GLFW calls when the window system hands something over.
void drop(Hands& hands, const std::vector<std::string>& paths) {
  std::vector<const char*> list;
  for (const std::string& path : paths) list.push_back(path.c_str());
  GLFWwindow* window = hands.app().window().handle();
  const GLFWdropfun callback = glfwSetDropCallback(window, nullptr);
  glfwSetDropCallback(window, callback);
  ASSERT_NE(callback, nullptr);
  callback(window, static_cast<int>(list.size()), list.data());
  hands.frames(3);
}

TEST_F(FileBrowserTest, UsesWhatIsDroppedOntoTheWindow) {
  write_text(place.folder / "mine.txt", made_text(30'000));
  write_text(place.folder / "picture.png", "x");
  write_text(place.folder / "own.json",
             test_preset("own", place.folder / "text.txt", false, 50).dump());
  DrivenApp driven;
  const std::string run = place.folder / "elsewhere/old-run";
  record_elsewhere(driven, run);
  ASSERT_TRUE(driven.play("drop", [&](Hands& hands) {
    drop(hands, {run});
    ASSERT_TRUE(hands.wait([&] { return hands.run().root == run; }, 30));
    EXPECT_FALSE(hands.studio().gallery.is_open);

    drop(hands, {place.folder / "own.json"});
    ASSERT_TRUE(hands.wait([&] { return hands.studio().config.draft.has_value(); }, 20));
    EXPECT_EQ(hands.studio().config.draft->value("/name").as_string(), "own");

    hands.app().shell().set_workspace(Workspace::kTrain);
    hands.frames(3);
    drop(hands, {place.folder / "mine.txt"});
    ASSERT_TRUE(hands.wait(
        [&] {
          return hands.studio().config.draft->value("/data/text_file").as_string() ==
                 place.folder / "mine.txt";
        },
        20));

    hands.app().shell().set_workspace(Workspace::kPrompt);
    hands.frames(3);
    drop(hands, {place.folder / "mine.txt"});
    ASSERT_TRUE(hands.wait([&] { return hands.studio().prompt.score.text.size() >= 30'000; }, 20));
    EXPECT_TRUE(hands.is_there("score.clear") || hands.is_there("score.text"));

    const std::size_t before = hands.studio().past_notices.items().size();
    drop(hands, {place.folder / "picture.png", place.folder / "mine.txt"});
    ASSERT_TRUE(
        hands.wait([&] { return hands.studio().past_notices.items().size() >= before + 2; }, 20));
  }));
}

TEST_F(FileBrowserTest, IsPictured) {
  for (const char* name : {"small-moe-001", "small-moe-002", "tiny-dense-001"})
    write_text(place.folder / ("archive/" + std::string(name) + "/run.db"), "x");
  std::filesystem::create_directories(place.folder / "archive/plots");
  std::filesystem::create_directories(place.folder / "archive/a folder with quite a long name");
  write_text(place.folder / "archive/shakespeare.txt", made_text(300'000));
  write_text(place.folder / "archive/notes.txt", "x");
  for (const float scale : {1.0F, 2.0F}) {
    DrivenApp driven("", scale);
    const std::string suffix = scale > 1.0F ? "-2x" : "";
    ASSERT_TRUE(driven.play("pictures", [&](Hands& hands) {
      ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
      hands.studio().settings.recent_folders = {place.folder / "archive", place.runs()};
      for (const auto& [kind, theme] :
           {std::pair{ui::ThemeKind::kDark, "dark"}, std::pair{ui::ThemeKind::kLight, "light"}}) {
        hands.app().shell().set_theme(kind);
        hands.studio().wants_run_folder = true;
        ASSERT_TRUE(shows(hands, place.folder / "archive"));
        hands.save_picture(std::string("files-runs-") + theme + suffix);
        hands.key(ImGuiKey_Escape);
      }
      if (scale > 1.0F) return;  // the form is no tab in front in so small a window
      ui::customise_preset(hands.studio(), "tiny-dense");
      hands.frames(6);
      hands.studio().config.wanted_setting = "/data/text_file";
      hands.frames(6);
      hands.click("config.data.text_file.browse");
      hands.studio().files.go_to(place.folder / "archive");
      ASSERT_TRUE(shows(hands, place.folder / "archive"));
      hands.save_picture("files-texts-light");
    }));
  }
}

}  // namespace
}  // namespace switchyard::test
