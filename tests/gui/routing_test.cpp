// The Routing workspace: play-back over a recorded run, by mouse and by keys.
#include "engine/base/routing/routing_probe.h"
#include "engine/base/store/run_folder.h"
#include "engine/base/store/run_store.h"
#include "tests/gui/app_driver.h"
#include "ui/widgets/text_audit.h"

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

/// Two probes and a finding, written into the recorded run as its engine would.
void add_probes_and_finding(const std::string& root, std::int64_t last_step) {
  auto writer = store::Writer::open(store::RunPaths{root}.database(), 0, last_step);
  ASSERT_TRUE(writer.ok());
  constexpr std::int32_t kTokens = 2048, kExperts = 8, kWindow = 64;
  for (const std::int64_t step : {last_step / 2, last_step}) {
    routing::ProbeText text;
    text.seq_len = kWindow;
    for (std::int32_t i = 0; i <= kTokens; ++i) text.inputs.push_back((i * i + i / 7) % 23);
    text.targets.assign(text.inputs.begin() + 1, text.inputs.end());
    text.inputs.pop_back();
    std::vector<routing::ProbeReading> readings;
    for (int layer = 0; layer < 3; ++layer) {
      routing::ProbeReading reading{layer, kExperts, 2, {}, 1.2, 0.2, 0.1};
      for (std::int32_t i = 0; i < kTokens; ++i) {
        const std::int32_t id = text.inputs[static_cast<std::size_t>(i)];
        const bool is_early = step != last_step && i % 3 == 0;
        const std::int32_t first = (id * (layer + 3) + (is_early ? 1 : 0)) % kExperts;
        reading.experts.push_back(static_cast<std::uint16_t>(first));
        reading.experts.push_back(
            static_cast<std::uint16_t>((first + 1 + i % 2 + (i % kWindow) / 40) % kExperts));
      }
      readings.push_back(std::move(reading));
    }
    (*writer)->routing_probe({step, step * 256, 0.1 * static_cast<double>(step), 0.0},
                             routing::make_probe(text, std::move(readings)));
  }
  (*writer)->event("doctor",
                   last_step,
                   Json::object({{"action", "found"},
                                 {"finding", "dead_experts"},
                                 {"layer", 1},
                                 {"severity", "attention"},
                                 {"message", "Layer 1: 2 of 8 experts got no token for 80 steps."},
                                 {"hint", "Raise the weight of the balance loss of this layer."},
                                 {"pointer", "/model/d_model"},
                                 {"value", 0.02},
                                 {"since_step", last_step / 2}}));
  ASSERT_TRUE((*writer)->flush().ok());
}

TEST_F(Routing, ShowsWhatProbesAndTheDoctorFound) {
  place.set_default_steps(120);
  std::string root;
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("record", [&](Hands& hands) {
      record(hands);
      hands.app().shell().focus_panel("routing.findings");
      hands.frames(4);
      EXPECT_FALSE(hands.is_there("finding.0.copy")) << "a healthy run";
      root = hands.run().root;
    }));
    driven.save_picture("routing-findings-none-dark");
  }
  add_probes_and_finding(root, 120);
  DrivenApp driven(root);
  ASSERT_TRUE(driven.play("pairs", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return hands.run().probes.size() == 2; }, 60));
    hands.click("workspace.1");
    hands.frames(8);
    hands.app().shell().focus_panel("routing.findings");
    hands.frames(4);
    hands.app().shell().focus_panel("routing.pairs");
    hands.frames(4);
    EXPECT_TRUE(hands.is_there("pairs.layer"));
    hands.studio().selection.layer = 0;
    hands.frames(6);
    EXPECT_TRUE(hands.is_there("finding.0.copy"));
  }));
  save_themes(driven, "routing-pairs");
  ASSERT_TRUE(driven.play("words", [](Hands& hands) {
    hands.app().shell().focus_panel("routing.specialisation");
    hands.frames(6);
    hands.click("special.expert.3");
    EXPECT_EQ(hands.studio().selection.expert, 3);
  }));
  save_themes(driven, "routing-specialisation");
  ASSERT_TRUE(driven.play("search", [](Hands& hands) {
    hands.type_into("special.search", "e");
    hands.frames(4);
  }));
  driven.save_picture("routing-token-search-dark");
  ASSERT_TRUE(driven.play("doctor", [](Hands& hands) {
    hands.click("finding.0.layer");
    EXPECT_EQ(hands.studio().selection.layer, 1);
    hands.click("finding.0.copy");
    EXPECT_NE(std::string(ImGui::GetClipboardText()).find("2 of 8 experts"), std::string::npos);
    hands.frames(4);
  }));
  driven.save_picture("routing-findings-dark");
  driven.save_picture("routing-findings-small-dark", 1024, 640);
  for (const float zoom : {0.75F, 1.0F, 1.5F, 2.0F}) {
    driven.app().shell().set_zoom(zoom);
    for (const char* panel : {"routing.pairs", "routing.specialisation", "routing.findings"}) {
      driven.app().shell().focus_panel(panel);
      driven.app().picture(1024, 640, 8);  // layout and sizes settle
      ui::start_text_audit();
      driven.app().picture(1024, 640, 1);
      for (const ui::TextFault& fault : ui::stop_text_audit())
        ADD_FAILURE() << panel << " at zoom " << zoom << ": " << fault.text << ": " << fault.reason;
    }
  }
  driven.app().shell().set_zoom(1.0F);
  ASSERT_TRUE(driven.play("setting", [](Hands& hands) {
    hands.click("finding.0.setting");
    hands.frames(6);
    EXPECT_TRUE(hands.studio().config.draft.has_value());
    EXPECT_EQ(hands.app().shell().workspace(), ui::Workspace::kTrain);
  }));
}

TEST_F(Routing, LooksTheSameOnADenseMonitor) {
  place.set_default_steps(120);
  DrivenApp driven("", 2.0F);
  ASSERT_TRUE(driven.play("dense", record));
  driven.save_picture("routing-2x-dark", 2880, 1800);
}

}  // namespace
}  // namespace switchyard::test
