// The drawer, notices, settings, tour, glossary and palette: what stands around the panels.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>

#include <unistd.h>

#include <imgui_internal.h>

#include "engine/base/store/run_folder.h"
#include "tests/gui/app_driver.h"
#include "ui/plot/ticks.h"
#include "ui/shell/theme.h"

namespace switchyard::test {
namespace {

using ui::DrawerTab;
using ui::RunState;
using ui::ThemeKind;

class ShellDrawer : public GuiTest {
 protected:
  static void record(Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-dense.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kCompleted; }, 240));
  }
};

TEST_F(ShellDrawer, FollowsTheLogFiltersAndCopiesIt) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("log", [](Hands& hands) {
    record(hands);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_GraveAccent);
    ASSERT_TRUE(hands.studio().drawer.is_open);
    const ui::DrawerState& drawer = hands.studio().drawer;
    const std::string log = store::RunPaths{hands.run().root}.log();
    ASSERT_TRUE(hands.wait([&] { return drawer.log->root == hands.run().root; }, 20));
    const std::size_t before = drawer.log->size();
    {
      std::ofstream file(log, std::ios::app);
      file << R"({"time":1700000000.0,"level":"error","message":"made up failure","step":7})"
           << "\n"
           << R"({"time":1700000001.0,"level":"info","message":"cut he)";
    }
    ASSERT_TRUE(hands.wait([&] { return drawer.log->size() == before + 1; }, 20));
    EXPECT_EQ(drawer.log->chunks.back()->back().message, "made up failure");
    hands.type_into("log.search", "failure made");
    hands.frames(4);
    hands.click("log.copy");
    EXPECT_NE(std::string(ImGui::GetClipboardText()).find("made up failure  step=7"),
              std::string::npos);
    hands.click("log.line.0");
    hands.frames(2);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_C);
    const std::string one = ImGui::GetClipboardText();
    EXPECT_EQ(std::count(one.begin(), one.end(), '\n'), 1) << one;
    hands.key(ImGuiMod_Ctrl | ImGuiKey_GraveAccent);
    EXPECT_FALSE(drawer.is_open);
  }));
}

TEST_F(ShellDrawer, KeysWalkSelectAndCopyTheLog) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("keys", [](Hands& hands) {
    record(hands);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_GraveAccent);
    const ui::DrawerState& drawer = hands.studio().drawer;
    {
      std::ofstream file(store::RunPaths{hands.run().root}.log(), std::ios::app);
      for (int i = 0; i < 20; ++i)
        file << R"({"time":1700000000.0,"level":"info","message":"made up"})"
             << "\n";
    }
    ASSERT_TRUE(hands.wait([&] { return drawer.log->size() >= 20; }, 20));
    ASSERT_TRUE(drawer.is_following);
    const auto focused_line = [&] {
      const ImGuiTestItemInfo item =
          hands.context()->ItemInfo(ImGui::GetCurrentContext()->NavId, ImGuiTestOpFlags_NoError);
      int line = -1;
      std::sscanf(item.DebugLabel, "###log.line.%d", &line);
      return line;
    };
    hands.click("log.search");
    ASSERT_TRUE(hands.tab_to("log.list"));
    hands.save_picture("drawer-log-keyboard-dark");
    hands.key(ImGuiKey_DownArrow);
    const int first = focused_line();
    ASSERT_GE(first, 0) << "the arrows do not get to the lines";
    hands.key(ImGuiKey_DownArrow);
    ASSERT_EQ(focused_line(), first + 1);
    hands.key(ImGuiMod_Shift | ImGuiKey_UpArrow);
    EXPECT_EQ(focused_line(), first);
    EXPECT_FALSE(drawer.is_following) << "the end of the log would pull the lines away";
    hands.key(ImGuiMod_Ctrl | ImGuiKey_C);
    const std::string copied = ImGui::GetClipboardText();
    EXPECT_EQ(std::count(copied.begin(), copied.end(), '\n'), 2) << copied;
  }));
}

TEST_F(ShellDrawer, JumpsFromAnEventToItsLine) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("jump", [](Hands& hands) {
    record(hands);
    hands.click("status.events");
    ASSERT_TRUE(hands.studio().drawer.shows(DrawerTab::kEvents));
    ASSERT_FALSE(hands.run().events.empty());
    const std::int64_t last = hands.run().events.back().sequence;
    hands.context()->ItemClick(
        ("//###shell.drawer/**/###events.row." + std::to_string(last)).c_str());
    ASSERT_TRUE(hands.wait([&] { return hands.studio().drawer.jump_time == 0.0; }, 10));
    EXPECT_TRUE(hands.studio().drawer.shows(DrawerTab::kLog));
    EXPECT_FALSE(hands.studio().drawer.is_following);
  }));
}

TEST_F(ShellDrawer, MeasuresTheMachineOnlyWhileSomebodyLooks) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("hardware", [](Hands& hands) {
    const ui::DrawerState& drawer = hands.studio().drawer;
    hands.frames(60);
    EXPECT_TRUE(drawer.hardware->samples.empty());
    hands.click("status.hardware");
    ASSERT_TRUE(hands.wait([&] { return drawer.hardware->samples.size() >= 3; }, 20));
    const ui::HardwareSample& sample = drawer.hardware->samples.back();
    EXPECT_EQ(static_cast<long>(sample.core_load_frac.size()), sysconf(_SC_NPROCESSORS_ONLN));
    EXPECT_GT(sample.memory_used_bytes, 0.0);
    EXPECT_GT(sample.memory_total_bytes, sample.memory_used_bytes);
    EXPECT_GT(sample.disk_free_bytes, 0.0);
    EXPECT_TRUE(!sample.gpus.empty() || !drawer.hardware->gpu_note.empty());
    hands.click("status.hardware");
    EXPECT_FALSE(drawer.is_open);
    hands.frames(10);
    const std::int64_t revision = drawer.hardware->revision;
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    hands.frames(4);
    EXPECT_LE(drawer.hardware->revision, revision + 1);
  }));
}

TEST_F(ShellDrawer, KeepsWhatWasSaidBehindTheBell) {
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("said", [](Hands& hands) {
      hands.frames(4);
      hands.studio().notices.push_back({ui::NoticeKind::kFailure, "Disk full", "free some"});
      hands.frames(4);
      EXPECT_EQ(hands.studio().past_notices.num_unread(), 1U);
      hands.click("toast.close");
      hands.frames(2);
      EXPECT_EQ(hands.app().num_toasts(), 0U);
      hands.click("shell.notices");
      hands.frames(10);
      EXPECT_EQ(hands.studio().past_notices.num_unread(), 0U);
      EXPECT_TRUE(hands.is_there("notices.item.0"));
      hands.key(ImGuiKey_Escape);
    }));
  }
  DrivenApp again;
  ASSERT_EQ(again.app().studio().past_notices.items().size(), 1U);
  EXPECT_EQ(again.app().studio().past_notices.items()[0].notice.title, "Disk full");
}

TEST_F(ShellDrawer, ToastsLeaveTheRunBarAlone) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("toasts", [](Hands& hands) {
    hands.app().shell().set_workspace(ui::Workspace::kTrain);
    hands.app().shell().set_zoom(2.0F);
    hands.studio().drawer.is_open = true;
    hands.studio().gallery.is_open = false;
    for (int i = 0; i < 12; ++i)
      hands.studio().notices.push_back(
          {ui::NoticeKind::kFailure, "Failure " + std::to_string(i), "with details"});
    hands.frames(6);
    const ImGuiWindow* bar = ImGui::FindWindowByName("###shell.run_bar");
    ASSERT_NE(bar, nullptr);
    int num_toasts = 0;
    for (const ImGuiWindow* window : ImGui::GetCurrentContext()->Windows) {
      if (!std::string_view(window->Name).starts_with("###toast") || !window->Active) continue;
      ++num_toasts;
      EXPECT_GE(window->Pos.y, bar->Pos.y + bar->Size.y);
    }
    EXPECT_GE(num_toasts, 1);
    EXPECT_EQ(hands.studio().past_notices.items().size(), 12U);
  }));
}

TEST_F(ShellDrawer, SettingsTakeEffectAndAreRemembered) {
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("settings", [](Hands& hands) {
      hands.frames(4);
      hands.key(ImGuiMod_Ctrl | ImGuiKey_Comma);
      hands.frames(10);
      hands.click("settings.theme.1");
      EXPECT_EQ(hands.app().shell().theme_kind(), ThemeKind::kLight);
      hands.click("settings.larger");
      EXPECT_GT(hands.app().shell().zoom(), 1.05F);
      hands.click("settings.eco");
      hands.click("settings.reduced_motion");
      hands.click("settings.units.1");
      hands.frames(2);
      EXPECT_EQ(ui::bytes_text(1024.0 * 1024.0 * 1024.0), "1.0\xE2\x80\x89GiB");
      hands.type_into("settings.layout_name", "two plots");
      hands.click("settings.save_layout");
      hands.frames(3);
      ASSERT_EQ(hands.app().shell().layout_names().size(), 1U);
      hands.key(ImGuiKey_Escape);
    }));
  }
  DrivenApp again;
  ASSERT_TRUE(again.play("remembered", [](Hands& hands) {
    hands.frames(4);
    EXPECT_TRUE(hands.studio().settings.is_eco);
    EXPECT_TRUE(hands.studio().settings.has_reduced_motion);
    EXPECT_EQ(hands.app().shell().theme_kind(), ThemeKind::kLight);
    ASSERT_EQ(hands.app().shell().layout_names().size(), 1U);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_Comma);
    hands.frames(4);
    hands.click("settings.load_layout");
    hands.frames(4);
    hands.click("settings.delete_layout");
    EXPECT_TRUE(hands.app().shell().layout_names().empty());
    hands.click("settings.reset");
    hands.frames(3);
    EXPECT_FALSE(hands.studio().settings.is_eco);
    EXPECT_EQ(hands.app().shell().theme_kind(), ThemeKind::kDark);
    EXPECT_EQ(ui::bytes_text(1e9), "1.0\xE2\x80\x89GB");
  }));
}

TEST_F(ShellDrawer, TheTourRunsOnceByKeysAndAgainFromHelp) {
  const ScopedEnvironment wanted("SWITCHYARD_TOUR", "1");
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("tour", [](Hands& hands) {
      ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
      hands.frames(6);
      ASSERT_TRUE(hands.studio().tour.is_on());
      for (int step = 0; step < 5; ++step) {
        EXPECT_EQ(hands.studio().tour.step(), step);
        EXPECT_TRUE(hands.is_there("tour.next"));
        hands.key(ImGuiKey_RightArrow);
        hands.frames(3);
      }
      EXPECT_FALSE(hands.studio().tour.is_on());
      EXPECT_TRUE(hands.studio().settings.has_seen_tour);
    }));
  }
  DrivenApp again;
  ASSERT_TRUE(again.play("again", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.frames(6);
    EXPECT_FALSE(hands.studio().tour.is_on());
    hands.click("shell.help");
    hands.frames(10);
    hands.click("help.tour");
    hands.frames(4);
    EXPECT_TRUE(hands.studio().tour.is_on());
    hands.key(ImGuiKey_Escape);
    hands.frames(3);
    EXPECT_FALSE(hands.studio().tour.is_on());
  }));
}

TEST_F(ShellDrawer, F1ExplainsWhatIsUnderTheMouse) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("help", [](Hands& hands) {
    record(hands);
    hands.app().shell().set_workspace(ui::Workspace::kTrain);
    hands.frames(10);
    hands.context()->MouseMove("//###shell.run_bar/###figure.Loss");
    hands.frames(30);
    hands.key(ImGuiKey_F1);
    EXPECT_TRUE(hands.studio().drawer.shows(DrawerTab::kGlossary));
    EXPECT_EQ(hands.studio().drawer.glossary_term, "train_loss");
    hands.context()->MouseMove("//###shell.top/###shell.help");
    hands.frames(4);
    hands.key(ImGuiMod_Shift | ImGuiKey_Slash);
    hands.frames(3);
    EXPECT_NE(hands.context()->WindowInfo("//###shell.shortcuts", ImGuiTestOpFlags_NoError).ID, 0U);
  }));
}

TEST_F(ShellDrawer, ThePaletteFindsPlotsAndPutsRecentOnesFirst) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("palette", [](Hands& hands) {
    record(hands);
    const auto choose = [&](const char* words) {
      hands.key(ImGuiMod_Ctrl | ImGuiKey_K);
      hands.context()->KeyChars(words);
      hands.frames(2);
      hands.key(ImGuiKey_Enter);
      hands.frames(2);
    };
    choose("grad_norm plot");
    EXPECT_EQ(hands.studio().selection.series, "grad_norm");
    choose("hardw");
    EXPECT_TRUE(hands.studio().drawer.shows(DrawerTab::kHardware));
    ASSERT_GE(hands.studio().recent_actions.size(), 2U);
    EXPECT_EQ(hands.studio().recent_actions[0], "Show the hardware");
    hands.studio().drawer.is_open = false;
    choose("");  // without a word: the last one again
    EXPECT_TRUE(hands.studio().drawer.is_open);
  }));
}

}  // namespace
}  // namespace switchyard::test
