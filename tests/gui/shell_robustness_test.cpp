// Files of garbage, runs from the future, a second window, a window that nobody sees.
#include <chrono>
#include <filesystem>
#include <thread>

#include <signal.h>

#include <SQLiteCpp/SQLiteCpp.h>

#include "engine/base/store/run_folder.h"
#include "tests/gui/app_driver.h"
#include "ui/client/launcher.h"

namespace switchyard::test {
namespace {

using ui::RunState;
using ui::Workspace;

class ShellRobustness : public GuiTest {
 protected:
  std::string finished_run(const std::string& name) {
    std::filesystem::create_directories(place.runs());
    const std::string root = place.runs() + "/" + name;
    auto engine = ui::launch_detached(
        {engine_program(), "train", "--preset", "tiny-dense", "--run", root}, root + ".log");
    EXPECT_TRUE(engine.ok());
    for (int i = 0; engine.ok() && i < 2400 && !engine.value().has_ended(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return root;
  }

  std::string state_file(const std::string& name) { return place.folder / ("state/" + name); }
};

TEST_F(ShellRobustness, SetsBrokenFilesAsideAndSaysSo) {
  const std::string names[] = {"layout.json", "session.json", "settings.json"};
  for (const std::string& name : names)
    write_text(state_file(name), "{\"version\": 2, \"ini\": \x01\xFF");
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("garbage", [](Hands& hands) {
      hands.frames(6);
      EXPECT_GE(hands.app().num_toasts(), 3U);
      hands.key(ImGuiMod_Ctrl | ImGuiKey_1);
      hands.frames(6);
      EXPECT_TRUE(hands.is_there("workspace.0"));
      hands.studio().prompt.draft = "still writable";
      hands.frames(2);
    }));
  }
  for (const std::string& name : names)
    EXPECT_TRUE(std::filesystem::exists(state_file(name + ".broken"))) << name;
  EXPECT_TRUE(parse_json(read_text(state_file("session.json")), "session.json").ok());
  EXPECT_TRUE(parse_json(read_text(state_file("layout.json")), "layout.json").ok());
}

TEST_F(ShellRobustness, SurvivesALayoutThatParsesButMeansNothing) {
  Json wide = Json::object({{"scale", -7.5}, {"built", Json::array({true, true, true, true})}});
  wide.set("slots", Json::object({{"0", 12345}, {"99", 1}, {"x", -4}}));
  wide.set("ini",
           "[Docking][Data]\nDockSpace ID=0x1 Pos=-5,-5 Size=99999,0\n  DockNode ID=0x2 Parent=0x9 "
           "SizeRef=-1,nan\n[Window][###train.plots]\nDockId=0xFFFFFFFF,77\nSize=-3,0\nnonsense\n");
  Json layout = Json::object({{"version", 2}, {"theme", "plaid"}, {"zoom", 1e9}, {"room", "wide"}});
  layout.set("arrangements", Json::object({{"wide", wide}}));
  layout.set("layouts", Json::object({{"mine", wide}}));
  write_text(state_file("layout.json"), layout.dump());
  DrivenApp driven;
  ASSERT_TRUE(driven.play("nonsense", [](Hands& hands) {
    for (int workspace = 0; workspace < 4; ++workspace) {
      hands.app().shell().set_workspace(static_cast<Workspace>(workspace));
      hands.studio().gallery.is_open = false;
      hands.frames(8);
    }
    EXPECT_LE(hands.app().shell().zoom(), 2.5F);
    hands.app().shell().set_zoom(1.0F);
    hands.app().shell().load_layout("mine");
    hands.frames(6);
    hands.app().shell().reset_layout();
    hands.frames(6);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_4);
    hands.frames(6);
    EXPECT_TRUE(hands.is_there("runs.filter"));
  }));
}

TEST_F(ShellRobustness, SaysThatARunComesFromANewerVersion) {
  const std::string root = finished_run("future-001");
  {
    SQLite::Database database(store::RunPaths{root}.database(), SQLite::OPEN_READWRITE);
    database.exec("PRAGMA user_version = 9999");
  }
  DrivenApp driven(root);
  ASSERT_TRUE(driven.play("newer", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return hands.run().problem.has_value(); }, 30));
    const std::string words = hands.run().problem->text();
    EXPECT_NE(words.find("newer"), std::string::npos) << words;
    EXPECT_FALSE(hands.run().problem->hint.empty()) << words;
    hands.key(ImGuiMod_Ctrl | ImGuiKey_4);
    hands.frames(4);
    EXPECT_TRUE(hands.is_there("runs.filter"));  // the rest of the window works
  }));
}

TEST_F(ShellRobustness, RemembersTheDraftWithoutACleanExit) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("draft", [this](Hands& hands) {
    hands.frames(4);
    hands.studio().prompt.draft = "to be, or not";
    ASSERT_TRUE(hands.wait(
        [&] {
          return read_text(state_file("session.json")).find("to be, or not") != std::string::npos;
        },
        10));
    EXPECT_FALSE(std::filesystem::exists(state_file("session.json.new")));
  }));
}

TEST_F(ShellRobustness, DrawsNothingWhileMinimisedAndLittleWhileUnfocused) {
  const std::string root = finished_run("quiet-001");
  DrivenApp driven(root);
  ASSERT_TRUE(driven.play("open", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kCompleted; }, 60));
  }));
  driven.idle(3.0);
  const auto frames_with_data = [&](double seconds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    const std::int64_t before = driven.app().loop().frames_drawn();
    while (std::chrono::steady_clock::now() < end) {
      driven.app().loop().notify_data();
      driven.idle(0.01);
    }
    return driven.app().loop().frames_drawn() - before;
  };
  ui::Window& window = driven.app().window();
  using ui::Attention;
  window.override_attention(Attention{true, false});
  EXPECT_LE(frames_with_data(2.0), 22);
  window.override_attention(Attention{false, false});
  EXPECT_LE(frames_with_data(2.0), 10);
  window.override_attention(Attention{true, true});
  EXPECT_EQ(frames_with_data(2.0), 0);
  window.override_attention(Attention{true, false});
  driven.app().studio().settings.is_eco = true;
  driven.idle(1.0);
  EXPECT_LE(frames_with_data(2.0), 6);
}

TEST_F(ShellRobustness, TwoWindowsShowOneRun) {
  if (window_program().empty()) GTEST_SKIP() << "no switchyard";
  place.set_default_steps(200'000);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("both", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().step > 10; }, 120));
    const std::string root = hands.run().root;
    auto other = ui::launch_detached({window_program(), root}, root + ".window.log");
    ASSERT_TRUE(other.ok());
    std::this_thread::sleep_for(std::chrono::seconds(4));
    EXPECT_FALSE(other.value().has_ended()) << ui::log_tail(root + ".window.log");
    const std::int64_t step = hands.run().step;
    ASSERT_TRUE(hands.wait([&] { return hands.run().step > step; }, 60));
    hands.click("run.pause");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kPaused; }, 60));
    kill(other.value().pid, SIGKILL);
    hands.click("run.resume");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kRunning; }, 60));
    EXPECT_TRUE(hands.run().is_engine_attached);
    hands.click("run.stop");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kStopped; }, 60));
  }));
}

}  // namespace
}  // namespace switchyard::test
