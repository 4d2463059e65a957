// The three jobs of the studio, end to end, as a person does them: train, see the routing, prompt.
#include <algorithm>
#include <cmath>

#include <signal.h>

#include "engine/base/store/run_folder.h"
#include "tests/gui/app_driver.h"
#include "ui/model/routing_view.h"
#include "ui/plot/map_columns.h"

namespace switchyard::test {
namespace {

using ui::RunState;
using ui::Workspace;

double mean_of_last(const ui::Series& series, std::size_t count) {
  double sum = 0.0;
  const std::size_t n = std::min(count, series.size());
  for (std::size_t i = series.size() - n; i < series.size(); ++i) sum += series.value(i);
  return sum / static_cast<double>(n);
}

bool maps_are_filled(const ui::RunView& run) {
  const std::vector<int> layers = ui::routed_layers(run);
  if (layers.size() != 3) return false;
  for (const int layer : layers) {
    const ui::MapView* map = run.map("tokens_per_expert", layer);
    if (map->columns->num_columns() < 5 || map->columns->num_rows != 8) return false;
  }
  const ui::MapView* entropy = run.map("router_entropy_normalized", -1);
  return entropy != nullptr && entropy->columns->num_columns() >= 5 &&
         entropy->columns->num_rows == 3;
}

/// Probability, alternatives and a route through every layer at each token.
void expect_explained(const ui::Answer& answer) {
  ASSERT_FALSE(answer.tokens.empty());
  for (const ui::Token& token : answer.tokens) {
    EXPECT_GT(token.probability, 0.0);
    EXPECT_LE(token.probability, 1.0);
    EXPECT_FALSE(token.top.empty());
    ASSERT_EQ(token.route.size(), 3U);
    for (const ui::RouteStep& step : token.route) {
      EXPECT_EQ(step.experts.size(), 2U);
      EXPECT_EQ(step.weights.size(), step.experts.size());
    }
  }
}

bool is_answered(Hands& hands) {
  const ui::Answer* answer = hands.studio().prompt.newest();
  return answer != nullptr && !answer->is_open();
}

void ask(Hands& hands, const std::string& prompt) {
  hands.click("workspace.2");
  hands.frames(3);
  hands.studio().prompt.settings.max_tokens = 24;
  hands.type_into("prompt.text", prompt);
  hands.click("prompt.generate");
  ASSERT_TRUE(hands.wait([&] { return is_answered(hands); }, 120));
  const ui::Answer& answer = *hands.studio().prompt.newest();
  ASSERT_EQ(answer.state, ui::AnswerState::kDone) << answer.problem;
  EXPECT_EQ(answer.prompt, prompt);
  expect_explained(answer);
}

class Journey : public GuiTest {
 protected:
  void train_and_prompt(Hands& hands);
  void reattach_pause_stop(Hands& hands);
  void resume_finish_prompt(Hands& hands);

  std::string root_;
  std::int64_t step_at_close_ = 0;
  std::int64_t step_at_stop_ = 0;
};

void Journey::train_and_prompt(Hands& hands) {
  ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
  EXPECT_TRUE(hands.studio().gallery.is_open);
  EXPECT_TRUE(place.run_names().empty());
  hands.click("preset.tiny-moe.train");
  ASSERT_TRUE(hands.wait(
      [&] { return hands.run().state == RunState::kRunning && hands.run().step >= 10; }, 120));
  EXPECT_FALSE(hands.studio().gallery.is_open);
  root_ = hands.run().root;
  EXPECT_EQ(place.run_names(), std::vector<std::string>{"tiny-moe-001"});
  ASSERT_TRUE(hands.wait([&] { return maps_are_filled(hands.run()); }, 120));
  const double first = hands.run().scalar("train_loss")->value(0);
  ASSERT_TRUE(hands.wait(
      [&] { return mean_of_last(*hands.run().scalar("train_loss"), 5) < first - 0.5; }, 240));
  EXPECT_TRUE(hands.is_enabled("run.pause"));
  EXPECT_TRUE(hands.is_enabled("run.save"));
  EXPECT_TRUE(hands.is_enabled("run.stop"));
  EXPECT_FALSE(hands.is_there("run.restart"));
  ask(hands, "the king ");
  EXPECT_TRUE(hands.studio().prompt.newest()->is_live);
  EXPECT_GT(hands.studio().prompt.newest()->step, 0);
  // Paused while a person looks around, so that the run lasts on fast machines too.
  hands.click("run.pause");
  ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kPaused; }, 60));
  hands.click("answer.1.token.3");
  EXPECT_EQ(hands.studio().selection.token, 3);
  hands.click("workspace.1");
  hands.frames(4);
  hands.click("layers.1");
  EXPECT_EQ(hands.studio().selection.layer, 1);
  hands.click("expert.bar.5");
  EXPECT_EQ(hands.studio().selection.expert, 5);
  hands.click("run.resume");
  ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kRunning; }, 60));
  step_at_close_ = hands.run().step;
}

void Journey::reattach_pause_stop(Hands& hands) {
  ASSERT_TRUE(
      hands.wait([&] { return hands.run().root == root_ && hands.run().is_engine_attached; }, 60));
  EXPECT_FALSE(hands.studio().gallery.is_open);
  EXPECT_EQ(hands.app().shell().workspace(), Workspace::kRouting);
  EXPECT_EQ(hands.studio().prompt.draft, "the king ");
  EXPECT_EQ(hands.studio().selection.layer, 1);
  EXPECT_GE(hands.run().step, step_at_close_);
  hands.click("run.pause");
  ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kPaused; }, 60));
  EXPECT_FALSE(hands.is_there("run.pause"));
  const std::int64_t paused_at = hands.run().step;
  hands.wait([] { return false; }, 1.5);
  EXPECT_LE(hands.run().step, paused_at + 2);  // the last sample may still have been on its way
  const std::int64_t settled = hands.run().step;
  hands.wait([] { return false; }, 1.0);
  EXPECT_EQ(hands.run().step, settled);
  hands.key(ImGuiKey_Space);
  ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kRunning; }, 60));
  ASSERT_TRUE(hands.wait([&] { return hands.run().step > settled; }, 60));
  hands.click("run.stop");
  ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kStopped; }, 120));
  EXPECT_FALSE(hands.run().is_engine_alive);
  EXPECT_FALSE(hands.is_there("run.stop"));
  step_at_stop_ = hands.run().step;
}

void Journey::resume_finish_prompt(Hands& hands) {
  EXPECT_TRUE(hands.is_enabled("run.restart"));
  hands.click("run.restart");
  ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kRunning; }, 120));
  ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kCompleted; }, 400));
  EXPECT_EQ(hands.run().step, hands.run().max_steps);
  EXPECT_GT(hands.run().step, step_at_stop_);
  EXPECT_FALSE(hands.is_there("run.restart"));
  // One history: no step twice, none missing at the resume.
  const ui::Series& loss = *hands.run().scalar("train_loss");
  for (std::size_t i = 1; i < loss.size(); ++i) EXPECT_GT(loss.step(i), loss.step(i - 1));
  ask(hands, "my lord ");
  EXPECT_FALSE(hands.studio().prompt.newest()->is_live);
}

TEST_F(Journey, TrainsPromptsClosesReopensStopsResumesAndFinishes) {
  place.set_default_steps(3000);  // a fast machine must not be done while the window is reopened
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("train", [this](Hands& hands) { train_and_prompt(hands); }));
    if (HasFailure()) return;
  }
  EXPECT_GT(GuiWorkplace::engine_of(root_), 0) << "closing the window must not end the engine";
  DrivenApp driven;
  ASSERT_TRUE(driven.play("reattach", [this](Hands& hands) { reattach_pause_stop(hands); }));
  if (HasFailure()) return;
  EXPECT_EQ(GuiWorkplace::engine_of(root_), 0);
  ASSERT_TRUE(driven.play("resume", [this](Hands& hands) { resume_finish_prompt(hands); }));
  const auto report = store::verify_run(root_);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report.value().problems.empty()) << report.value().problems.front();
}

TEST_F(Journey, OffersResumeAfterTheEngineWasKilled) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("kill", [this](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().num_checkpoints > 0; }, 240));
    const std::int64_t pid = GuiWorkplace::engine_of(hands.run().root);
    ASSERT_GT(pid, 0);
    ASSERT_EQ(kill(static_cast<pid_t>(pid), SIGKILL), 0);
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kKilled; }, 30));
    EXPECT_FALSE(hands.is_there("run.pause"));
    EXPECT_FALSE(hands.is_there("run.stop"));
    EXPECT_TRUE(hands.is_enabled("run.restart"));
    const std::int64_t died_at = hands.run().step;
    hands.click("run.restart");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kRunning; }, 120));
    ASSERT_TRUE(hands.wait([&] { return hands.run().step > died_at; }, 240));
    const ui::Series& loss = *hands.run().scalar("train_loss");
    for (std::size_t i = 1; i < loss.size(); ++i) EXPECT_GT(loss.step(i), loss.step(i - 1));
  }));
}

TEST_F(Journey, TrainsADenseModelWithoutMaps) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("dense", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-dense.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kCompleted; }, 240));
    EXPECT_TRUE(ui::routed_layers(hands.run()).empty());
    for (const Workspace workspace :
         {Workspace::kTrain, Workspace::kRouting, Workspace::kPrompt, Workspace::kRuns}) {
      hands.app().shell().set_workspace(workspace);
      hands.frames(6);
    }
    EXPECT_TRUE(hands.wait([&] { return hands.is_there("runs.row.tiny-dense-001"); }, 20));
  }));
}

}  // namespace
}  // namespace switchyard::test
