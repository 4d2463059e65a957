// The Routing workspace: play-back over a recorded run, by mouse and by keys.
#include "tests/gui/app_driver.h"

namespace switchyard::test {
namespace {

class Routing : public GuiTest {};

TEST_F(Routing, PlaysTheRecordedRunBack) {
  place.set_default_steps(200);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("train", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == ui::RunState::kCompleted; }, 240));
    hands.click("workspace.1");
    hands.frames(6);
  }));
  ASSERT_TRUE(driven.play("scrub", [](Hands& hands) {
    ui::Playback& playback = hands.studio().playback;
    const std::vector<std::int64_t> steps = ui::routing_steps(hands.run());
    ASSERT_GT(steps.size(), 10U);
    EXPECT_TRUE(playback.is_live);
    EXPECT_EQ(playback.head(steps), steps.back());
    hands.click("playback.scrub");  // the middle of the track
    EXPECT_FALSE(playback.is_live);
    EXPECT_NEAR(static_cast<double>(playback.head(steps)),
                0.5 * static_cast<double>(steps.front() + steps.back()),
                0.1 * static_cast<double>(steps.back()));
    const std::int64_t middle = playback.head(steps);
    hands.click("playback.forth");
    EXPECT_GT(playback.head(steps), middle);
    hands.key(ImGuiKey_Comma);
    EXPECT_EQ(playback.head(steps), middle);
    hands.key(ImGuiKey_P);
    EXPECT_TRUE(playback.is_playing);
    ASSERT_TRUE(hands.wait([&] { return !playback.is_playing; }, 60));
    EXPECT_EQ(playback.head(steps), steps.back());
    EXPECT_FALSE(playback.is_live) << "the end of the play-back is a place, not the live view";
    hands.key(ImGuiKey_End);
    EXPECT_TRUE(playback.is_live);
    hands.click("playback.scrub");
    hands.frames(4);
  }));
  driven.save_picture("routing-playback-dark");
  driven.app().shell().set_theme(ui::ThemeKind::kContrast);
  driven.save_picture("routing-playback-contrast");
  driven.app().shell().set_theme(ui::ThemeKind::kLight);
  driven.save_picture("routing-playback-light");
  driven.save_picture("routing-playback-small-light", 1024, 640);
}

/// A run with routed layers, trained to its end, in the Routing workspace.
void record(Hands& hands) {
  ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
  hands.click("preset.tiny-moe.train");
  ASSERT_TRUE(hands.wait([&] { return hands.run().state == ui::RunState::kCompleted; }, 240));
  hands.click("workspace.1");
  hands.frames(6);
}

void save_themes(DrivenApp& driven, const std::string& name) {
  driven.app().shell().set_theme(ui::ThemeKind::kDark);
  driven.save_picture(name + "-dark");
  driven.app().shell().set_theme(ui::ThemeKind::kLight);
  driven.save_picture(name + "-light");
  driven.app().shell().set_theme(ui::ThemeKind::kContrast);
  driven.save_picture(name + "-contrast");
  driven.app().shell().set_theme(ui::ThemeKind::kDark);
}

TEST_F(Routing, ColoursMapsAsAPersonChooses) {
  place.set_default_steps(200);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("colours", [](Hands& hands) {
    record(hands);
    ui::RoutingState& routing = hands.studio().routing;
    hands.studio().selection.layer = 1;
    hands.click("routing.quantity.1");
    EXPECT_EQ(routing.quantity, ui::RoutingQuantity::kImportance);
    hands.click("routing.quantity.0");
    ASSERT_TRUE(hands.tab_to("routing.high"));
    hands.type_into("routing.high", "3");
    hands.key(ImGuiKey_Enter);
    EXPECT_DOUBLE_EQ(routing.colors.range().high, 3.0);
    EXPECT_NEAR(routing.colors.range().low, 1.0 / 3.0, 1e-9);
    hands.click("routing.fix_scale");
    EXPECT_FALSE(routing.colors.is_fixed);
    EXPECT_FALSE(hands.is_there("routing.high"));
    routing.layer_metric = "load_cv";
    hands.frames(2);
    hands.click("routing.fix_range");
    ASSERT_TRUE(routing.fixed_ranges.contains("load_cv"));
    hands.type_into("routing.range_high", "2");
    hands.key(ImGuiKey_Enter);
    EXPECT_DOUBLE_EQ(routing.fixed_ranges["load_cv"].high, 2.0);
    hands.click("routing.rank_log");
    EXPECT_FALSE(routing.is_log_rank);
    routing.colors.kind = ui::LoadColors::Kind::kLog;
    hands.frames(4);
  }));
  driven.save_picture("routing-log-dark");
}

TEST_F(Routing, ShowsTheNumbersOfAllLayers) {
  place.set_default_steps(200);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("balance", [](Hands& hands) {
    record(hands);
    hands.click("layers.compare");
    hands.frames(4);
    hands.click("balance.2");
    EXPECT_EQ(hands.studio().selection.layer, 2);
    ASSERT_TRUE(hands.tab_to("balance.1"));
    hands.key(ImGuiKey_Enter);
    EXPECT_EQ(hands.studio().selection.layer, 1);
  }));
  save_themes(driven, "routing-balance");
}

TEST_F(Routing, ComparesTwoMomentsAndTwoRuns) {
  place.set_default_steps(120);
  DrivenApp driven;
  std::string first;
  ASSERT_TRUE(driven.play("moments", [&](Hands& hands) {
    record(hands);
    first = hands.run().root;
    hands.app().shell().focus_panel("routing.compare");
    hands.frames(4);
  }));
  save_themes(driven, "routing-compare");
  ASSERT_TRUE(driven.play("runs", [&](Hands& hands) {
    hands.key(ImGuiMod_Ctrl | ImGuiKey_N);
    hands.frames(4);
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait(
        [&] { return hands.run().root != first && hands.run().state == ui::RunState::kCompleted; },
        240));
    hands.click("workspace.1");
    hands.app().shell().focus_panel("routing.compare");
    ui::RoutingState& routing = hands.studio().routing;
    routing.compared_from = {first, ui::RoutingMoment::kNewest};
    routing.compared_to = {"", ui::RoutingMoment::kNewest};
    ASSERT_TRUE(hands.wait([&] { return hands.studio().overlay.views.contains(first); }, 30));
    hands.frames(4);
    EXPECT_TRUE(hands.is_there("compare.to.step"));
  }));
  driven.save_picture("routing-compare-runs-dark");
}

TEST_F(Routing, FollowsTheTokensOfAPrompt) {
  place.set_default_steps(120);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("tokens", [](Hands& hands) {
    record(hands);
    hands.app().shell().focus_panel("routing.routes");
    hands.frames(4);
    EXPECT_TRUE(hands.is_there("routes.prompt"));
    hands.studio().prompt.settings.max_tokens = 60;
    hands.studio().prompt.draft = "the king ";
    hands.studio().generate();
    ASSERT_TRUE(hands.wait(
        [&] {
          const ui::Answer* answer = hands.studio().prompt.newest();
          return answer != nullptr && !answer->is_open() && !answer->tokens.empty();
        },
        120));
    hands.studio().selection.layer = 1;
    hands.frames(4);
    const ui::Answer& answer = *hands.studio().prompt.newest();
    hands.click("answer." + std::to_string(answer.id) + ".token.3");
    EXPECT_EQ(hands.studio().selection.token, 3);
    hands.key(ImGuiKey_Escape);
  }));
  driven.save_picture("routing-tokens-dark");
}

TEST_F(Routing, LooksTheSameOnADenseMonitor) {
  place.set_default_steps(120);
  DrivenApp driven("", 2.0F);
  ASSERT_TRUE(driven.play("dense", record));
  driven.save_picture("routing-2x-dark", 2880, 1800);
}

}  // namespace
}  // namespace switchyard::test
