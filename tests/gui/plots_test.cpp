// The plots of Train: the board and its cards, runs over runs, axes and keys, marks, export.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include <imgui_internal.h>

#include "engine/base/store/run_folder.h"
#include "tests/gui/app_driver.h"
#include "ui/client/launcher.h"
#include "ui/model/run_state.h"
#include "ui/panels/plots_parts.h"
#include "ui/shell/theme.h"

namespace switchyard::test {
namespace {

using ui::CardSize;
using ui::PlotCard;
using ui::Workspace;
using ui::XAxis;
using ui::YScaleKind;

class Plots : public GuiTest {
 protected:
  void SetUp() override {
    GuiTest::SetUp();
    if (IsSkipped()) return;
    place.set_default_steps(160);
  }

  /// Trains a run to its end before the window opens.
  std::string train(const std::string& name, const std::string& preset, int seed) {
    const std::string root = place.runs() + "/" + name;
    std::filesystem::create_directories(place.runs());
    auto engine = ui::launch_detached({engine_program(),
                                       "train",
                                       "--preset",
                                       preset,
                                       "--set",
                                       "train.seed=" + std::to_string(seed),
                                       "--run",
                                       root},
                                      root + ".log");
    EXPECT_TRUE(engine.ok());
    for (int i = 0; i < 1200; ++i) {
      const store::RunSummary summary = store::summarize_run(root);
      if (summary.state == "completed") return root;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ADD_FAILURE() << name << " did not finish";
    return root;
  }

  static void show_train(Hands& hands, const std::string& root) {
    ASSERT_TRUE(hands.wait(
        [&] { return hands.run().root == root && hands.run().scalar("train_loss") != nullptr; },
        60));
    hands.app().shell().set_workspace(Workspace::kTrain);
    hands.frames(8);
  }
};

std::vector<std::string> metrics_of(Hands& hands) {
  std::vector<std::string> metrics;
  for (const PlotCard& card : hands.studio().plots.board.cards(hands.run()))
    metrics.push_back(card.metric);
  return metrics;
}

std::size_t place_of(const std::vector<std::string>& metrics, const std::string& metric) {
  return static_cast<std::size_t>(std::find(metrics.begin(), metrics.end(), metric) -
                                  metrics.begin());
}

void focus(Hands& hands, const std::string& id) {
  const ImGuiTestItemInfo item = hands.context()->ItemInfo(("//**/###" + id).c_str());
  ASSERT_NE(item.ID, 0U) << id;
  hands.context()->NavMoveTo(item.ID);
  hands.frames(2);
}

void arrange_board(Hands& hands) {
  hands.click("plots.browser");
  hands.frames(2);
  EXPECT_TRUE(hands.is_there("plots.metric.grad_norm"));
  hands.type_into("plots.metric_search", "*_entropy_nats");
  hands.frames(2);
  EXPECT_FALSE(hands.is_there("plots.metric.grad_norm"));
  hands.type_into("plots.metric_search", "/^(val|train)_loss$/");
  hands.frames(2);
  ASSERT_TRUE(hands.is_there("plots.metric.val_loss"));
  hands.click("plots.metric.val_loss");
  EXPECT_EQ(place_of(metrics_of(hands), "val_loss"), metrics_of(hands).size()) << "unticked";
  hands.click("plots.metric.val_loss");
  EXPECT_EQ(metrics_of(hands).back(), "val_loss");
  hands.key(ImGuiKey_Escape);
  hands.frames(4);
  // Dragged onto another card, it takes its place.
  hands.context()->ItemDragAndDrop("//**/###plots.card.val_loss", "//**/###plots.card.grad_norm");
  hands.frames(3);
  const std::vector<std::string> moved = metrics_of(hands);
  EXPECT_LT(place_of(moved, "val_loss"), place_of(moved, "grad_norm"));
  // Pinned from its menu, it stands first; made small there.
  hands.click("plots.card.val_loss.menu");
  hands.frames(2);
  hands.click("plots.card_pin");
  hands.frames(3);
  EXPECT_EQ(metrics_of(hands).front(), "val_loss");
  hands.click("plots.card.val_loss.menu");
  hands.frames(2);
  hands.click("plots.card_size.0");
  hands.key(ImGuiKey_Escape);
  EXPECT_EQ(hands.studio().plots.board.cards(hands.run()).front().size, CardSize::kSmall);
  hands.click("plots.card.grad_norm.menu");
  hands.frames(2);
  hands.click("plots.card_remove");
  hands.frames(3);
  EXPECT_FALSE(hands.is_there("plots.card.grad_norm"));
}

TEST_F(Plots, BoardIsArrangedKeptAndReset) {
  const std::string root = train("tiny-moe-001", "tiny-moe", 1);
  {
    DrivenApp driven(root);
    ASSERT_TRUE(driven.play("arrange", [&](Hands& hands) {
      show_train(hands, root);
      arrange_board(hands);
    }));
    if (HasFailure()) return;
  }
  DrivenApp driven(root);
  ASSERT_TRUE(driven.play("again", [&](Hands& hands) {
    show_train(hands, root);
    EXPECT_EQ(metrics_of(hands).front(), "val_loss");
    EXPECT_TRUE(hands.studio().plots.board.cards(hands.run()).front().is_pinned);
    EXPECT_FALSE(hands.is_there("plots.card.grad_norm"));
    hands.click("plots.options");
    hands.frames(2);
    hands.click("plots.reset");
    hands.frames(3);
    EXPECT_EQ(metrics_of(hands).front(), "train_loss");
    EXPECT_TRUE(hands.is_there("plots.card.grad_norm"));
  }));
}

/// Items that Tab reaches from a card on, in order, until it comes round.
std::set<ImGuiID> tab_round(Hands& hands) {
  std::set<ImGuiID> seen;
  for (int i = 0; i < 400; ++i) {
    hands.key(ImGuiKey_Tab);
    const ImGuiID id = ImGui::GetCurrentContext()->NavId;
    if (id != 0 && !seen.insert(id).second && seen.size() > 10) break;
  }
  return seen;
}

TEST_F(Plots, TabReachesEveryCardAndItsMenu) {
  const std::string root = train("tiny-dense-001", "tiny-dense", 1);
  DrivenApp driven(root);
  ASSERT_TRUE(driven.play("tab", [&](Hands& hands) {
    show_train(hands, root);
    hands.key(ImGuiKey_Tab);
    const std::set<ImGuiID> seen = tab_round(hands);
    for (const std::string& metric : metrics_of(hands)) {
      for (const std::string id : {"plots.card." + metric, "plots.card." + metric + ".menu"}) {
        const ImGuiTestItemInfo item = hands.context()->ItemInfo(("//**/###" + id).c_str());
        EXPECT_EQ(seen.count(item.ID), 1U) << id << " of " << seen.size() << " items";
      }
    }
  }));
}

void use_keys(Hands& hands) {
  ui::PlotGroup& group = hands.studio().plots.group;
  focus(hands, "plots.card.train_loss");
  EXPECT_FALSE(group.has_cursor());
  hands.key(ImGuiKey_RightArrow);
  ASSERT_TRUE(group.has_cursor());
  const double first = group.cursor;
  hands.key(ImGuiMod_Shift | ImGuiKey_LeftArrow);
  EXPECT_LT(group.cursor, first);
  const double width = group.x_max - group.x_min;
  hands.key(ImGuiKey_Equal);
  EXPECT_LT(group.x_max - group.x_min, width);
  EXPECT_FALSE(group.is_following);
  hands.key(ImGuiKey_Minus);
  hands.key(ImGuiKey_R);
  EXPECT_TRUE(group.is_following);
  hands.key(ImGuiKey_L);
  EXPECT_EQ(ui::card_style(hands.studio(), "train_loss").y.kind, YScaleKind::kLog);
  EXPECT_EQ(ui::card_style(hands.studio(), "grad_norm").y.kind, YScaleKind::kLinear);
  hands.key(ImGuiMod_Shift | ImGuiKey_L);
  EXPECT_TRUE(group.is_log_x);
  hands.key(ImGuiMod_Shift | ImGuiKey_L);
  hands.key(ImGuiMod_Ctrl | ImGuiKey_RightArrow);
  hands.frames(3);
  EXPECT_EQ(place_of(metrics_of(hands), "train_loss"), 1U) << "Ctrl and an arrow move the card";
  hands.key(ImGuiMod_Ctrl | ImGuiKey_LeftArrow);
  hands.frames(3);
  EXPECT_EQ(place_of(metrics_of(hands), "train_loss"), 0U);
}

TEST_F(Plots, KeysMoveTheCrosshairZoomAndSwitchAxes) {
  const std::string root = train("tiny-dense-001", "tiny-dense", 1);
  DrivenApp driven(root);
  ASSERT_TRUE(driven.play("keys", [&](Hands& hands) {
    show_train(hands, root);
    use_keys(hands);
    for (const std::string& metric : metrics_of(hands)) {
      EXPECT_TRUE(hands.is_there("plots.card." + metric)) << metric;
      EXPECT_TRUE(hands.is_there("plots.card." + metric + ".menu")) << metric;
    }
    // The axis of all plots, and of one alone.
    hands.click("plots.x_axis.1");
    EXPECT_EQ(hands.studio().plots.group.axis, XAxis::kTokens);
    hands.studio().plots.board.views["learning_rate"].axis = XAxis::kSeconds;
    hands.frames(4);
    EXPECT_EQ(ui::card_style(hands.studio(), "learning_rate").axis, XAxis::kSeconds);
    EXPECT_EQ(ui::card_style(hands.studio(), "grad_norm").axis, XAxis::kTokens);
    hands.click("plots.card.grad_norm");
    EXPECT_EQ(hands.studio().selection.series, "grad_norm");
    hands.click("inspector.range.1");
    EXPECT_TRUE(hands.studio().selection.is_visible_range);
  }));
}

void overlay_two(Hands& hands, const std::string& second, const std::string& third) {
  hands.click("plots.add_run");
  ASSERT_TRUE(hands.wait([&] { return hands.is_there("plots.pick.tiny-moe-002"); }, 20));
  hands.click("plots.pick.tiny-moe-002");
  hands.click("plots.pick.tiny-dense-001");
  hands.key(ImGuiKey_Escape);
  ASSERT_TRUE(hands.wait(
      [&] {
        const auto& views = hands.studio().overlay.views;
        return views.count(second) != 0 && views.count(third) != 0 &&
               views.at(second)->scalar("train_loss") != nullptr &&
               views.at(third)->scalar("train_loss") != nullptr;
      },
      30));
  hands.frames(4);
}

TEST_F(Plots, ShowsOtherRunsOverTheOpenOne) {
  const std::string first = train("tiny-moe-001", "tiny-moe", 1);
  const std::string second = train("tiny-moe-002", "tiny-moe", 2);
  const std::string third = train("tiny-dense-001", "tiny-dense", 1);
  {
    DrivenApp driven(first);
    ASSERT_TRUE(driven.play("overlay", [&](Hands& hands) {
      show_train(hands, first);
      overlay_two(hands, second, third);
      ui::RunOverlay& overlay = hands.studio().overlay;
      const auto scene = ui::overlay_scene(overlay, hands.studio().run);
      EXPECT_EQ(ui::scene_lines(scene, "train_loss", XAxis::kSteps).size(), 3U);
      hands.click("plots.run.tiny-moe-002");
      EXPECT_TRUE(overlay.is_hidden(second));
      hands.click("plots.run.tiny-moe-002");
      EXPECT_FALSE(overlay.is_hidden(second));
      hands.context()->KeyDown(ImGuiMod_Alt);
      hands.click("plots.run.tiny-dense-001");
      hands.context()->KeyUp(ImGuiMod_Alt);
      EXPECT_EQ(overlay.solo_root, third);
      hands.click("plots.run.tiny-dense-001");
      EXPECT_TRUE(overlay.solo_root.empty());
      hands.context()->MouseMove("//**/###plots.run.tiny-moe-002");
      hands.frames(2);
      EXPECT_TRUE(ui::overlay_scene(overlay, hands.studio().run).runs[0].is_muted);
      hands.context()->ItemClick("//**/###plots.run.tiny-moe-002", ImGuiMouseButton_Right);
      hands.frames(2);
      hands.click("plots.run_color.6");
      hands.key(ImGuiKey_Escape);
      EXPECT_EQ(overlay.color_index(second), 6);
      overlay.has_seed_bands = true;
      hands.frames(4);
      const auto seeds = ui::overlay_scene(overlay, hands.studio().run);
      EXPECT_EQ(seeds.groups, (std::vector<int>{0, 0, -1})) << "two seeds of one configuration";
      overlay.has_seed_bands = false;
    }));
    if (HasFailure()) return;
  }
  DrivenApp driven(first);
  ASSERT_TRUE(driven.play("again", [&](Hands& hands) {
    show_train(hands, first);
    ASSERT_TRUE(hands.wait([&] { return hands.studio().overlay.views.count(second) != 0; }, 30));
    EXPECT_EQ(hands.studio().overlay.color_index(second), 6) << "a chosen colour is kept";
    EXPECT_TRUE(hands.is_there("plots.run.tiny-dense-001"));
  }));
}

/// Pixel of a step at the lower edge of the loss plot.
ImVec2 mark_pixel(Hands& hands, std::int64_t step) {
  const ui::PlotGroup& group = hands.studio().plots.group;
  const ImGuiTestItemInfo title = hands.context()->ItemInfo("//**/###plots.card.train_loss");
  const ImVec2 min = title.Window->Pos, size = title.Window->Size;
  const float left = min.x + group.gutter, right = min.x + size.x - group.right_gutter;
  const double t = (static_cast<double>(step) - group.x_min) / (group.x_max - group.x_min);
  return {left + static_cast<float>(t) * (right - left), min.y + size.y - ui::em(1.55F) - 3.0F};
}

TEST_F(Plots, AClickOnAMarkSelectsItsEvent) {
  const std::string root = train("tiny-moe-001", "tiny-moe", 1);
  DrivenApp driven(root);
  ASSERT_TRUE(driven.play("marks", [&](Hands& hands) {
    show_train(hands, root);
    const auto marks = ui::event_marks(hands.run(), XAxis::kSteps);
    const auto saved = std::find_if(marks.begin(), marks.end(), [](const ui::PlotMark& mark) {
      return mark.kind == ui::MarkKind::kCheckpoint && mark.x < 150.0;
    });
    ASSERT_NE(saved, marks.end());
    // The cards may still grow into place while the first frames of the run arrive.
    for (int i = 0; i < 3 && hands.studio().selection.event < 0; ++i) {
      hands.context()->MouseMoveToPos(mark_pixel(hands, static_cast<std::int64_t>(saved->x)));
      hands.frames(2);
      hands.context()->MouseClick();
      hands.frames(4);
    }
    EXPECT_EQ(hands.studio().selection.event, saved->event);
  }));
}

void export_all(Hands& hands, const std::string& folder, const char* button) {
  hands.click("plots.export");
  hands.frames(2);
  hands.type_into("plots.export_folder", folder);
  hands.click(button);
  hands.frames(3);
}

TEST_F(Plots, SavesPicturesAndSamples) {
  const std::string root = train("tiny-dense-001", "tiny-dense", 1);
  const std::string out = place.folder / "out";
  DrivenApp driven(root);
  ASSERT_TRUE(driven.play("export", [&](Hands& hands) {
    show_train(hands, root);
    const auto exists = [&](const std::string& name) {
      return std::filesystem::exists(out + "/" + name);
    };
    // A folder that cannot be made is said, and nothing is left.
    const std::size_t toasts = hands.app().num_toasts();
    export_all(hands, "/proc/nowhere", "plots.export_csv");
    ASSERT_TRUE(hands.wait([&] { return hands.app().num_toasts() > toasts; }, 20));
    export_all(hands, out, "plots.export_svg");
    ASSERT_TRUE(hands.wait([&] { return exists("tiny-dense-001-train_loss.svg"); }, 30));
    export_all(hands, out, "plots.export_png");
    ASSERT_TRUE(hands.wait([&] { return exists("tiny-dense-001-train_loss.png"); }, 60));
    export_all(hands, out, "plots.export_csv");
    ASSERT_TRUE(hands.wait([&] { return exists("tiny-dense-001-grad_norm.csv"); }, 30));
    const auto csv = read_file(out + "/tiny-dense-001-train_loss.csv", 1 << 24);
    ASSERT_TRUE(csv.ok());
    EXPECT_EQ(static_cast<std::size_t>(std::count(csv.value().begin(), csv.value().end(), '\n')),
              hands.run().scalar("train_loss")->size() + 1);
    hands.click("plots.card.train_loss.menu");
    hands.frames(2);
    hands.click("plots.card_copy_csv");
    ASSERT_TRUE(hands.wait(
        [&] { return std::string(ImGui::GetClipboardText()).starts_with("run,step,"); }, 20));
  }));
}

void take_pictures(DrivenApp& driven, const std::string& suffix, int width, int height) {
  ui::StudioApp& app = driven.app();
  app.shell().set_workspace(Workspace::kTrain);
  app.picture(width, height, 8);
  driven.save_picture("plots-" + suffix, width, height);
}

TEST_F(Plots, PicturesOfThreeRuns) {
  place.set_default_steps(400);
  const std::string first = train("tiny-moe-001", "tiny-moe", 1);
  const std::string second = train("tiny-moe-002", "tiny-moe", 2);
  const std::string third = train("tiny-dense-001", "tiny-dense", 1);
  const std::pair<ui::ThemeKind, const char*> themes[] = {{ui::ThemeKind::kDark, "dark"},
                                                          {ui::ThemeKind::kLight, "light"},
                                                          {ui::ThemeKind::kContrast, "contrast"}};
  {
    DrivenApp driven(first);
    ASSERT_TRUE(driven.play("prepare", [&](Hands& hands) {
      show_train(hands, first);
      overlay_two(hands, second, third);
    }));
    for (const auto& [kind, name] : themes) {
      driven.app().shell().set_theme(kind);
      take_pictures(driven, name, 1440, 900);
    }
    driven.app().shell().set_theme(ui::ThemeKind::kDark);
    take_pictures(driven, "small-dark", 1024, 640);
    driven.app().studio().overlay.has_seed_bands = true;
    driven.app().studio().plots.has_line_ends = true;
    take_pictures(driven, "seeds-dark", 1440, 900);
    driven.app().studio().overlay.has_seed_bands = false;
    driven.app().studio().plots.has_line_ends = false;
    ASSERT_TRUE(driven.play("popovers", [&](Hands& hands) {
      for (const std::string id :
           {"plots.browser", "plots.add_run", "plots.options", "plots.export"}) {
        hands.click(id);
        hands.save_picture(id + "-dark");
        hands.key(ImGuiKey_Escape);
      }
      hands.click("plots.card.train_loss.menu");
      hands.save_picture("plots.menu-dark");
      hands.key(ImGuiKey_Escape);
      const ImGuiTestItemInfo title = hands.context()->ItemInfo("//**/###plots.card.train_loss");
      const ImVec2 min = title.Window->Pos, size = title.Window->Size;
      hands.context()->MouseMoveToPos({min.x + size.x * 0.6F, min.y + size.y * 0.5F});
      hands.save_picture("plots.crosshair-dark");
      hands.context()->MouseMoveToPos({2.0F, 2.0F});
      focus(hands, "plots.card.train_loss");
      hands.key(ImGuiKey_RightArrow);
      hands.save_picture("plots.keyboard-dark");
    }));
  }
  DrivenApp driven(first, 2.0F);
  ASSERT_TRUE(driven.play("reopen", [&](Hands& hands) {
    show_train(hands, first);
    ASSERT_TRUE(hands.wait([&] { return hands.studio().overlay.views.size() == 2; }, 30));
  }));
  take_pictures(driven, "dark@2x", 2880, 1800);
}

}  // namespace
}  // namespace switchyard::test
