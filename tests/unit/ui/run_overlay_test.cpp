// Runs over runs: which lines there are, in which colours, where forks continue, which are seeds.
#include "ui/model/run_overlay.h"

#include <chrono>
#include <functional>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "engine/base/store/run_folder.h"
#include "tests/support/temporary_folder.h"
#include "ui/client/overlay_reader.h"
#include "ui/model/run_view_builder.h"
#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {
namespace {

store::ScalarSeries losses(std::int64_t first_step,
                           std::int64_t last_step,
                           std::int64_t first = 0) {
  store::ScalarSeries series;
  series.metric = "train_loss";
  for (std::int64_t step = first_step; step <= last_step; ++step) {
    series.step.push_back(step);
    series.tokens.push_back((step - first) * 100);
    series.seconds.push_back(static_cast<double>(step - first) * 0.5);
    series.flops.push_back(static_cast<double>(step - first) * 1e6);
    series.value.push_back(4.0 - 0.001 * static_cast<double>(step));
  }
  return series;
}

std::shared_ptr<const RunView> view_of(const std::string& root,
                                       const store::ScalarSeries& loss,
                                       Json config = Json::object(),
                                       std::vector<store::Event> events = {}) {
  RunViewBuilder builder(root);
  builder.set_config(std::move(config));
  store::Delta delta;
  delta.scalars.push_back(loss);
  delta.events = std::move(events);
  builder.apply(delta, 1.0);
  return builder.publish({}, 1.0);
}

store::Event fork_event(const std::string& parent, std::int64_t step) {
  store::Event event;
  event.kind = "fork";
  event.step = step;
  event.detail =
      Json::object({{"parent", parent}, {"parent_name", parent.substr(6)}, {"step", step}});
  return event;
}

Json config_with_seed(int seed, int width = 64) {
  return Json::object({{"schema", "switchyard.run"},
                       {"version", 1},
                       {"model", Json::object({{"d_model", width}})},
                       {"train", Json::object({{"seed", seed}, {"max_steps", 100}})}});
}

TEST(RunOverlay, KeepsARunOnceAndNoMoreThanItsLimit) {
  RunOverlay overlay;
  EXPECT_TRUE(overlay.add("/runs/a-001"));
  EXPECT_FALSE(overlay.add("/runs/a-001"));
  EXPECT_FALSE(overlay.add(""));
  for (std::size_t i = 1; i < RunOverlay::kMaxRuns; ++i)
    EXPECT_TRUE(overlay.add("/runs/b-" + std::to_string(i)));
  EXPECT_FALSE(overlay.add("/runs/one-too-many"));
  overlay.remove("/runs/a-001");
  EXPECT_FALSE(overlay.contains("/runs/a-001"));
}

TEST(RunOverlay, GivesEveryOneOfEightRunsItsOwnColourAndKeepsIt) {
  RunOverlay overlay;
  const std::string own = "/runs/moe-001";
  const int own_color = overlay.color_index(own);
  for (int i = 0; i < 7; ++i)
    overlay.add("/runs/seed" + std::string(1, static_cast<char>('a' + i)) + "-001");
  overlay.add("/runs/ninth-001");
  overlay.keep_colors_apart(own);
  const auto view = view_of(own, losses(1, 5));
  const std::vector<ShownRun> shown = shown_runs(overlay, view);
  ASSERT_EQ(shown.size(), 9U);
  std::set<int> colors;
  for (std::size_t i = 0; i < 8; ++i) {
    colors.insert(shown[i].color);
    EXPECT_FALSE(shown[i].is_dashed);
  }
  EXPECT_EQ(colors.size(), 8U);
  EXPECT_TRUE(shown[8].is_dashed);
  EXPECT_EQ(shown[0].color, own_color);
  const int kept = shown[3].color;
  overlay.remove(shown[1].root);
  overlay.keep_colors_apart(own);
  EXPECT_EQ(overlay.color_index(shown[3].root), kept) << "removing a run recolours no other";
}

TEST(RunOverlay, TheUsersColourWins) {
  RunOverlay overlay;
  const std::string root = "/runs/moe-003";
  const int other = (overlay.color_index(root) + 3) % kNumRunColors;
  overlay.colors[root] = other;
  EXPECT_EQ(overlay.color_index(root), other);
}

TEST(RunOverlay, HidesSoloesAndMutes) {
  RunOverlay overlay;
  overlay.add("/runs/b-001");
  overlay.add("/runs/c-001");
  const auto own = view_of("/runs/a-001", losses(1, 5));
  overlay.set_hidden("/runs/b-001", true);
  overlay.set_hidden("/runs/a-001", true);
  auto shown = shown_runs(overlay, own);
  EXPECT_FALSE(shown[0].is_drawn);
  EXPECT_FALSE(shown[1].is_drawn);
  EXPECT_TRUE(shown[2].is_drawn);
  overlay.solo("/runs/b-001");
  shown = shown_runs(overlay, own);
  EXPECT_FALSE(shown[0].is_drawn);
  EXPECT_TRUE(shown[1].is_drawn) << "solo shows a hidden run too";
  EXPECT_FALSE(shown[2].is_drawn);
  overlay.solo("/runs/b-001");
  overlay.hovered_root = "/runs/c-001";
  shown = shown_runs(overlay, own);
  EXPECT_TRUE(shown[0].is_muted);
  EXPECT_FALSE(shown[2].is_muted);
  overlay.begin_frame();
  EXPECT_FALSE(shown_runs(overlay, own)[0].is_muted);
  overlay.solo_root = "/runs/gone-001";
  EXPECT_TRUE(shown_runs(overlay, own)[2].is_drawn) << "a solo run that is gone hides nothing";
}

TEST(RunOverlay, TheOpenRunIsNotShownTwice) {
  RunOverlay overlay;
  overlay.add("/runs/a-001");
  const auto shown = shown_runs(overlay, view_of("/runs/a-001", losses(1, 5)));
  ASSERT_EQ(shown.size(), 1U);
  EXPECT_TRUE(shown[0].is_own);
}

TEST(ForkAlignment, MovesAChildThatCountsFromZeroToItsParentsCurve) {
  const auto parent = view_of("/runs/parent-001", losses(1, 400));
  // The child goes on counting steps and counts tokens, seconds and FLOPs from its own start.
  const auto child = view_of("/runs/child-001",
                             losses(201, 300, 200),
                             Json::object(),
                             {fork_event("/runs/parent-001", 200)});
  EXPECT_EQ(fork_shift(*child, *parent, XAxis::kSteps), 0.0);
  EXPECT_EQ(fork_shift(*child, *parent, XAxis::kTokens), 200 * 100.0);
  EXPECT_EQ(fork_shift(*child, *parent, XAxis::kSeconds), 100.0);
  EXPECT_EQ(fork_shift(*child, *parent, XAxis::kFlops), 200e6);
  const auto continued = view_of(
      "/runs/child-002", losses(201, 300), Json::object(), {fork_event("/runs/parent-001", 200)});
  EXPECT_EQ(fork_shift(*continued, *parent, XAxis::kTokens), 0.0);
}

TEST(ForkAlignment, AddsUpOverGenerations) {
  RunOverlay overlay;
  overlay.add("/runs/child-001");
  overlay.add("/runs/grandchild-001");
  const auto parent = view_of("/runs/parent-001", losses(1, 400));
  overlay.views["/runs/child-001"] = view_of(
      "/runs/child-001", losses(1, 300), Json::object(), {fork_event("/runs/parent-001", 100)});
  overlay.views["/runs/grandchild-001"] = view_of(
      "/runs/grandchild-001", losses(1, 50), Json::object(), {fork_event("/runs/child-001", 30)});
  const auto shown = shown_runs(overlay, parent);
  const std::vector<double> shifts = fork_shifts(shown, XAxis::kSteps);
  EXPECT_EQ(shifts, (std::vector<double>{0.0, 100.0, 130.0}));
}

TEST(SeedGroups, HoldRunsThatDifferInTheSeedOnly) {
  RunOverlay overlay;
  for (const char* root : {"/runs/b-001", "/runs/c-001", "/runs/d-001"}) overlay.add(root);
  const auto own = view_of("/runs/a-001", losses(1, 5), config_with_seed(1));
  overlay.views["/runs/b-001"] = view_of("/runs/b-001", losses(1, 5), config_with_seed(2, 128));
  overlay.views["/runs/c-001"] = view_of("/runs/c-001", losses(1, 5), config_with_seed(3));
  const auto shown = shown_runs(overlay, own);
  EXPECT_EQ(seed_groups(shown), (std::vector<int>{0, -1, 0, -1}));
  overlay.set_hidden("/runs/c-001", true);
  EXPECT_EQ(seed_groups(shown_runs(overlay, own)), (std::vector<int>{-1, -1, -1, -1}));
}

TEST(RunOverlay, SurvivesASession) {
  RunOverlay overlay;
  overlay.add("/runs/b-001");
  overlay.add("/runs/c-001");
  overlay.set_hidden("/runs/c-001", true);
  overlay.colors["/runs/b-001"] = 5;
  overlay.is_aligned_at_fork = true;
  RunOverlay restored;
  restore_overlay(restored, overlay_json(overlay));
  ASSERT_EQ(restored.runs.size(), 2U);
  EXPECT_TRUE(restored.runs[1].is_hidden);
  EXPECT_EQ(restored.color_index("/runs/b-001"), 5);
  EXPECT_TRUE(restored.is_aligned_at_fork);
  Json bad = overlay_json(overlay);
  bad.set("colors", Json::object({{"/runs/b-001", 99}}));
  restore_overlay(restored, bad);
  EXPECT_NE(restored.color_index("/runs/b-001"), 99);
}

/// A run folder with a few losses.
void write_run(const std::string& root, std::int64_t steps) {
  ASSERT_TRUE(store::create_run_folder(root, config_with_seed(1)).ok());
  auto writer = store::Writer::open(store::RunPaths{root}.database(), 0, -1);
  ASSERT_TRUE(writer.ok()) << writer.error().text();
  writer.value()->declare({"train_loss", "nats/token", "help", false});
  for (std::int64_t step = 1; step <= steps; ++step)
    writer.value()->scalar("train_loss", {step, step * 100, 1.0, 1.0}, 3.0);
  ASSERT_TRUE(writer.value()->flush().ok());
}

bool wait_for(const std::function<bool()>& condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

TEST(OverlayReader, ReadsTheRunsItWasAskedForAndDropsTheOthers) {
  const test::TemporaryFolder folder;
  const std::string first = folder / "moe-001", second = folder / "moe-002";
  write_run(first, 30);
  write_run(second, 50);
  Mailbox mailbox([] {});
  OverlayReader reader(mailbox);
  EXPECT_TRUE(reader.views().empty());
  const auto has_read = [&](const std::string& root, std::int64_t step) {
    const OverlayReader::Views views = reader.views();
    const auto found = views.find(root);
    return found != views.end() && found->second->step == step;
  };
  reader.set_wanted({first, second});
  EXPECT_TRUE(wait_for([&] { return has_read(first, 30) && has_read(second, 50); }));
  reader.set_wanted({second});
  EXPECT_TRUE(wait_for([&] { return reader.views().count(first) == 0; }));
  EXPECT_TRUE(has_read(second, 50));
}

TEST(OverlayReader, SaysWhatIsWrongWithARunThatIsNone) {
  const test::TemporaryFolder folder;
  Mailbox mailbox([] {});
  OverlayReader reader(mailbox);
  reader.set_wanted({folder / "nothing-001"});
  EXPECT_TRUE(wait_for([&] {
    const OverlayReader::Views views = reader.views();
    return views.size() == 1 && views.begin()->second->problem.has_value();
  }));
}

}  // namespace
}  // namespace switchyard::ui
