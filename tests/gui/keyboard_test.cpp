// Everything is reached and used without a mouse: Tab walks through every control of every panel,
// shows where it stands, and the main jobs are done by keys alone.
#include <map>
#include <set>
#include <string>

#include <imgui_internal.h>

#include "tests/gui/app_driver.h"
#include "ui/model/run_state.h"
#include "ui/widgets/focus.h"

namespace switchyard::test {
namespace {

using ui::RunState;
using ui::Workspace;

class Keyboard : public GuiTest {};

struct Control {
  std::string label;
  bool is_reached = false;
  bool has_ring = false;
};

using Controls = std::map<ImGuiID, Control>;

/// What a person may press in the windows that Tab walks through. A control with a stable id that
/// shuts out the keyboard is listed too, so that the walk misses it.
Controls gather(Hands& hands) {
  Controls controls;
  const std::vector<std::string> areas = hands.app().shell().focus_areas();
  for (const std::string& area : areas) {
    ImGuiTestItemList items;
    hands.context()->GatherItems(&items, ("//" + area).c_str(), -1);
    for (int i = 0; i < items.GetSize(); ++i) {
      const ImGuiTestItemInfo& item = *items.GetByIndex(i);
      const std::string label = item.DebugLabel;
      const bool is_off = (item.ItemFlags & ImGuiItemFlags_Disabled) != 0;
      if (is_off || label.find("###") == std::string::npos) continue;
      if (label.find("drawer.edge") != std::string::npos) continue;  // dragging only saves space
      // The arrows enter the lines of the log: ShellDrawer.KeysWalkSelectAndCopyTheLog.
      if (label.find("log.line.") != std::string::npos) continue;
      // Tab stops at the row of a run, Space ticks it: see the tests of the runs table.
      if (label.find("runs.check.") != std::string::npos) continue;
      const bool is_picture = (item.ItemFlags & ImGuiItemFlags_NoNav) != 0 &&
                              (label.starts_with("###train.plots") ||
                               label.starts_with("###routing") || label.starts_with("###drawer.h"));
      if (!is_picture) controls[item.ID] = {area + " " + label};
    }
  }
  return controls;
}

/// Presses Tab until the walk is back where it began, and notes what it met.
void walk(Hands& hands, Controls& controls, int limit) {
  const ImGuiContext& g = *ImGui::GetCurrentContext();
  ImGuiID first = 0;
  for (int i = 0; i < limit; ++i) {
    hands.context()->KeyPress(ImGuiKey_Tab);
    hands.frames(2);
    const ImGuiID id = g.NavId;
    if (id != 0 && id == first) return;
    const auto found = controls.find(id);
    if (found == controls.end()) continue;
    if (first == 0) first = id;
    found->second.is_reached = true;
    const bool is_edited = g.ActiveId == id;  // a field shows its own accent frame
    found->second.has_ring = found->second.has_ring || is_edited || ui::ringed_item() == id;
  }
}

void check(Hands& hands, const std::string& place) {
  hands.frames(6);
  Controls controls = gather(hands);
  EXPECT_GT(controls.size(), 5U) << place;
  walk(hands, controls, 60 + 2 * static_cast<int>(controls.size()));
  const Controls after = gather(hands);
  for (const auto& [id, control] : controls) {
    if (!after.contains(id)) continue;  // it went away by itself
    EXPECT_TRUE(control.is_reached) << place << ": " << control.label << " is not reached";
    EXPECT_TRUE(!control.is_reached || control.has_ring)
        << place << ": " << control.label << " shows no focus";
  }
}

void record(Hands& hands) {
  hands.click("preset.tiny-dense.train");
  ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kCompleted; }, 240));
}

/// Types into the palette and takes the first hit.
void choose(Hands& hands, const std::string& words) {
  hands.key(ImGuiMod_Ctrl | ImGuiKey_K);
  hands.context()->KeyChars(words.c_str());
  hands.frames(2);
  hands.key(ImGuiKey_Enter);
  hands.frames(2);
}

TEST_F(Keyboard, TabReachesEveryControlAndShowsIt) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("start", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    check(hands, "start screen");
    record(hands);
  }));
  ASSERT_TRUE(driven.play("panels", [](Hands& hands) {
    std::set<std::string> walked;  // panels beside another one are met by the same walk
    for (const ui::PanelEntry& panel : hands.app().shell().panels()) {
      if (walked.contains(std::string(panel.title) + "###" + std::string(panel.id))) continue;
      hands.app().shell().focus_panel(panel.id);
      hands.studio().gallery.is_open = false;
      check(hands, std::string(panel.id));
      const std::vector<std::string> areas = hands.app().shell().focus_areas();
      walked.insert(areas.begin(), areas.end());
    }
    hands.app().shell().set_workspace(Workspace::kPrompt);
    hands.studio().drawer.glossary_search = "loss";
    for (int tab = 0; tab < 4; ++tab) {
      hands.studio().drawer.show(static_cast<ui::DrawerTab>(tab));
      hands.frames(30);
      check(hands, "drawer " + std::to_string(tab));
    }
  }));
}

TEST_F(Keyboard, DoesTheMainJobsWithoutTheMouse) {
  place.set_default_steps(4000);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("jobs", [this](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    ASSERT_TRUE(hands.tab_to("preset.tiny-dense.train"));
    hands.key(ImGuiKey_Enter);
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kCompleted; }, 240));
    const std::string first = hands.run().root;
    hands.key(ImGuiMod_Ctrl | ImGuiKey_N);
    ASSERT_TRUE(hands.studio().gallery.is_open);
    ASSERT_TRUE(hands.tab_to("preset.tiny-moe.train"));
    hands.key(ImGuiKey_Space);
    ASSERT_TRUE(
        hands.wait([&] { return hands.run().root != first && hands.run().step > 20; }, 120));
    const std::string second = hands.run().root;
    ASSERT_TRUE(hands.tab_to("run.pause"));
    hands.key(ImGuiKey_Enter);
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kPaused; }, 60));
    const std::int64_t saved = hands.run().num_checkpoints;
    hands.key(ImGuiMod_Ctrl | ImGuiKey_S);
    ASSERT_TRUE(hands.wait([&] { return hands.run().num_checkpoints > saved; }, 60));
    hands.key(ImGuiMod_Ctrl | ImGuiKey_3);
    ASSERT_TRUE(hands.tab_to("prompt.text"));
    hands.context()->KeyChars("the king ");
    hands.frames(2);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_Enter);
    ASSERT_TRUE(hands.wait(
        [&] {
          const ui::Answer* answer = hands.studio().prompt.newest();
          return answer != nullptr && !answer->is_open() && !answer->tokens.empty();
        },
        120));
    hands.key(ImGuiMod_Ctrl | ImGuiKey_4);
    ASSERT_TRUE(hands.wait([&] { return hands.studio().runs->runs.size() == 2; }, 30));
    ASSERT_TRUE(hands.tab_to("runs.row." + first.substr(first.rfind('/') + 1)));
    hands.key(ImGuiKey_Enter);
    ASSERT_TRUE(hands.wait([&] { return hands.run().root == first; }, 30));
    choose(hands, "open " + second.substr(second.rfind('/') + 1));
    ASSERT_TRUE(hands.wait([&] { return hands.run().root == second; }, 30));
    ASSERT_TRUE(hands.wait([&] { return ui::run_buttons(hands.run()).stop.is_enabled; }, 30));
    choose(hands, "stop and save");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kStopped; }, 60));
    EXPECT_EQ(place.engine_of(second), 0);
  }));
}

TEST_F(Keyboard, F6JumpsFromPanelToPanelAndBack) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("jump", [](Hands& hands) {
    hands.key(ImGuiMod_Ctrl | ImGuiKey_4);
    hands.frames(6);
    const auto window = [] {
      const ImGuiWindow* focused = ImGui::GetCurrentContext()->NavWindow;
      return focused == nullptr ? std::string() : std::string(focused->RootWindow->Name);
    };
    std::set<std::string> seen;
    const std::size_t count = hands.app().shell().focus_areas().size();
    for (std::size_t i = 0; i < count; ++i) {
      hands.key(ImGuiKey_F6);
      hands.frames(2);
      seen.insert(window());
    }
    EXPECT_GE(seen.size(), 4U);
    EXPECT_TRUE(seen.contains("###shell.top"));
    EXPECT_TRUE(seen.contains("###shell.status"));
    const std::string here = window();
    hands.key(ImGuiKey_F6);
    hands.key(ImGuiMod_Shift | ImGuiKey_F6);
    hands.frames(2);
    EXPECT_EQ(window(), here);
  }));
}

TEST_F(Keyboard, F6PassesPanelsWithNothingToFocusInBothDirections) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("pass", [](Hands& hands) {
    hands.key(ImGuiMod_Ctrl | ImGuiKey_4);  // without runs there is nothing to compare
    hands.frames(6);
    const std::size_t num_areas = hands.app().shell().focus_areas().size();
    const auto jump = [&](ImGuiKeyChord keys) {
      hands.key(keys);
      hands.frames(static_cast<int>(2 * num_areas));
      const ImGuiContext& g = *ImGui::GetCurrentContext();
      EXPECT_NE(g.NavId, 0U) << "nothing has the focus in "
                             << (g.NavWindow == nullptr ? "no window" : g.NavWindow->Name);
      return g.NavWindow == nullptr ? std::string() : std::string(g.NavWindow->RootWindow->Name);
    };
    std::vector<std::string> round = {jump(ImGuiKey_F6)};
    while (round.size() <= num_areas) {
      const std::string next = jump(ImGuiKey_F6);
      if (next == round.front()) break;
      round.push_back(next);
    }
    ASSERT_GE(round.size(), 3U);
    ASSERT_LT(round.size(), num_areas) << "every panel holds something: nothing is passed over";
    for (std::size_t i = round.size(); i-- > 0;)
      EXPECT_EQ(jump(ImGuiMod_Shift | ImGuiKey_F6), round[i]);
  }));
}

}  // namespace
}  // namespace switchyard::test
