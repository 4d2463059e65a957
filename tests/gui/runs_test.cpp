// Runs as people keep them: marked, thrown away and taken back, compared, forked, queued; and what
// the window says when one fails.
#include <algorithm>
#include <filesystem>

#include <signal.h>

#include "engine/base/store/run_folder.h"
#include "engine/base/store/run_queue.h"
#include "engine/base/store/run_store.h"
#include "tests/gui/app_driver.h"
#include "ui/model/failure.h"
#include "ui/model/run_state.h"

namespace switchyard::test {
namespace {

using ui::RunState;

/// A run folder with a few curves, as an engine would have left it.
void make_run(const std::string& root, const std::string& text_file, double rate, Json last_words) {
  Json config = test_preset("tiny-moe", text_file, true, 400);
  Json::Object& members = config.mutable_members();
  std::erase_if(members, [](const Json::Member& member) { return member.first == "preset"; });
  config.find("optimizer")->set("learning_rate", rate);
  ASSERT_TRUE(store::create_run_folder(root, config).ok());
  auto writer = store::Writer::open(store::RunPaths{root}.database(), 0, -1);
  ASSERT_TRUE(writer.ok());
  (*writer)->declare({"train_loss", "nats/token", "cross-entropy", false});
  (*writer)->declare({"val_loss", "nats/token", "cross-entropy", false});
  (*writer)->declare({"memory_bytes", "bytes", "memory held", false});
  for (std::int64_t step = 2; step <= 400; step += 2) {
    const double x = static_cast<double>(step);
    const store::Position at{step, step * 256, 0.01 * x, 1e9 * x};
    const double loss = 1.0 + 3.0 / (1.0 + 20.0 * rate * x) + 0.02 * static_cast<double>(step % 7);
    (*writer)->scalar("train_loss", at, loss);
    (*writer)->scalar("memory_bytes", at, 6e9);
    if (step % 50 == 0) (*writer)->scalar("val_loss", at, loss + 0.1);
  }
  (*writer)->event("checkpoint", 300, Json::object({{"step", 300}, {"is_best", true}}));
  const bool has_error = last_words.find("code") != nullptr;
  if (has_error) (*writer)->event("error", 400, last_words);
  (*writer)->event("state",
                   400,
                   Json::object({{"state", has_error ? "failed" : "completed"},
                                 {"reason", last_words["message"].as_string()},
                                 {"max_steps", 400},
                                 {"params_total", 80'000'000},
                                 {"params_active", 21'000'000},
                                 {"device", "cpu"}}));
  ASSERT_TRUE((*writer)->flush().ok());
}

/// A series that somebody looked at is empty until it was read.
bool has_samples(const ui::RunView& run, const std::string& metric) {
  const ui::Series* series = run.scalar(metric);
  return series != nullptr && !series->empty();
}

class Runs : public GuiTest {
 protected:
  void make(const std::string& name, double rate, Json last_words = Json::object()) {
    make_run(root(name), place.folder / "text.txt", rate, std::move(last_words));
  }

  [[nodiscard]] std::string root(const std::string& name) const {
    return place.runs() + "/" + name;
  }

  static bool go_to_runs(Hands& hands, const std::string& row) {
    hands.click("workspace.3");
    return hands.wait([&] { return hands.is_there("runs.row." + row); }, 60);
  }
};

TEST_F(Runs, KeepTagsNotesAndTheArchiveAcrossStarts) {
  make("a-001", 0.003);
  make("b-001", 0.001);
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("mark", [&](Hands& hands) {
      ASSERT_TRUE(go_to_runs(hands, "a-001"));
      hands.click("runs.row.a-001");
      hands.key(ImGuiKey_F2);
      ASSERT_TRUE(hands.is_there("marks.tags"));
      hands.type_into("marks.tags", "baseline, lr sweep");
      hands.type_into("marks.notes", "the first try");
      hands.click("marks.color.5");
      hands.save_picture("runs-marks-dark");
      hands.click("marks.done");
      hands.frames(3);
      const ui::RunMark& mark = hands.studio().marks.of(root("a-001"));
      EXPECT_EQ(mark.tags, (std::vector<std::string>{"baseline", "lr sweep"}));
      EXPECT_EQ(mark.notes, "the first try");
      hands.type_into("runs.filter", "tag:base");
      EXPECT_TRUE(hands.is_there("runs.row.a-001"));
      EXPECT_FALSE(hands.is_there("runs.row.b-001"));
      hands.type_into("runs.filter", "stepz>3");
      EXPECT_TRUE(hands.is_there("runs.row.b-001"));  // what is understood still holds
      hands.type_into("runs.filter", "");
      hands.click("runs.row.b-001");
      hands.context()->MouseClick(ImGuiMouseButton_Right);
      hands.frames(3);
      hands.click("runs.menu.archive");
      hands.frames(3);
      EXPECT_FALSE(hands.is_there("runs.row.b-001"));
    }));
  }
  DrivenApp again;
  ASSERT_TRUE(again.play("restart", [&](Hands& hands) {
    ASSERT_TRUE(go_to_runs(hands, "a-001"));
    EXPECT_EQ(hands.studio().marks.of(root("a-001")).color, 5);
    EXPECT_TRUE(hands.studio().marks.of(root("b-001")).is_archived);
    EXPECT_FALSE(hands.is_there("runs.row.b-001"));
    hands.type_into("runs.filter", "is:archived");
    EXPECT_TRUE(hands.is_there("runs.row.b-001"));
  }));
  EXPECT_FALSE(std::filesystem::exists(root("a-001") + "/studio.json"));
}

TEST_F(Runs, GoToTheTrashAndComeBackByUndo) {
  make("a-001", 0.003);
  make("b-001", 0.001);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("trash", [&](Hands& hands) {
    ASSERT_TRUE(go_to_runs(hands, "a-001"));
    hands.click("runs.row.a-001");
    hands.key(ImGuiKey_Delete);
    ASSERT_TRUE(hands.wait([&] { return !std::filesystem::exists(root("a-001")); }, 20));
    ASSERT_TRUE(hands.wait([&] { return hands.is_there("toast.action"); }, 20));
    hands.click("toast.action");
    ASSERT_TRUE(hands.wait([&] { return std::filesystem::exists(root("a-001")); }, 20));
    ASSERT_TRUE(hands.wait([&] { return hands.is_there("runs.row.a-001"); }, 20));
    // A run that an engine holds stays, and the reason is said.
    const auto lock = store::RunLock::acquire(root("b-001"));
    ASSERT_TRUE(lock.ok());
    const std::size_t toasts = hands.app().num_toasts();
    hands.click("runs.row.b-001");
    hands.key(ImGuiKey_Delete);
    ASSERT_TRUE(hands.wait([&] { return hands.app().num_toasts() > toasts; }, 20));
    EXPECT_TRUE(std::filesystem::exists(root("b-001") + "/run.db"));
  }));
}

TEST_F(Runs, AreComparedByKeyboardAlone) {
  make("a-001", 0.003);
  make("b-001", 0.001);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("compare", [&](Hands& hands) {
    ASSERT_TRUE(go_to_runs(hands, "a-001"));
    hands.click("runs.sort.name");
    hands.click("runs.row.a-001");
    hands.key(ImGuiKey_Space);
    hands.key(ImGuiKey_DownArrow);
    hands.key(ImGuiKey_Space);
    hands.frames(3);
    EXPECT_EQ(hands.studio().runs_state.selected.size(), 2U) << hands.studio().runs_state.focused;
    EXPECT_TRUE(hands.studio().overlay.contains(root("b-001")));
    ASSERT_TRUE(hands.wait(
        [&] {
          const auto view = hands.studio().overlay.views.find(root("b-001"));
          return view != hands.studio().overlay.views.end() && view->second != nullptr &&
                 has_samples(*view->second, "val_loss");
        },
        30));
    EXPECT_TRUE(hands.is_there("difference.only"));
    hands.click("curves.x_axis.3");
    hands.click("curves.log_x");
    hands.click("runs.row.a-001");
    hands.key(ImGuiKey_Enter);
    ASSERT_TRUE(hands.wait(
        [&] { return hands.run().root == root("a-001") && has_samples(hands.run(), "val_loss"); },
        30));
  }));
  driven.app().studio().gallery.is_open = false;
  driven.save_picture("runs-compare-dark");
  driven.app().shell().set_theme(ui::ThemeKind::kLight);
  driven.save_picture("runs-compare-light");
  driven.app().shell().set_theme(ui::ThemeKind::kContrast);
  driven.save_picture("runs-compare-contrast");
  driven.app().shell().set_theme(ui::ThemeKind::kDark);
  driven.save_picture("runs-compare-small", 1024, 640);
}

TEST_F(Runs, ImportARunFromElsewhereAndRefuseAForeignFolder) {
  make_run(place.folder / "elsewhere/far-001", place.folder / "text.txt", 0.002, Json::object());
  write_text(place.folder / "foreign/holiday.txt", "sun");
  DrivenApp driven;
  ASSERT_TRUE(driven.play("import", [&](Hands& hands) {
    hands.click("workspace.3");
    hands.frames(5);
    hands.click("runs.more");
    hands.type_into("runs.path", place.folder / "foreign");
    hands.click("runs.import");
    ASSERT_TRUE(hands.wait([&] { return hands.app().num_toasts() > 0; }, 20));
    EXPECT_TRUE(place.run_names().empty());
    hands.save_picture("runs-import-dark");
    hands.type_into("runs.path", place.folder / "elsewhere/far-001");
    hands.click("runs.import");
    ASSERT_TRUE(hands.wait([&] { return hands.studio().runs->runs.size() == 1; }, 30));
    EXPECT_EQ(hands.studio().runs->runs[0].name, "far-001");
  }));
}

TEST_F(Runs, AreForkedFromACheckpointWithAnotherRate) {
  place.set_default_steps(2000);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("fork", [&](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().num_checkpoints >= 1; }, 240));
    const std::string parent = hands.run().root;
    hands.click("run.pause");  // so that it retires no checkpoint meanwhile
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kPaused; }, 60));
    hands.click("run.fork");
    ASSERT_TRUE(hands.wait([&] { return hands.is_enabled("fork.start"); }, 30));
    hands.type_into("fork.path.0", "optimizer.learning_rat");
    hands.type_into("fork.value.0", "0.001");
    EXPECT_FALSE(hands.is_enabled("fork.start"));  // misspelt
    hands.type_into("fork.path.0", "optimizer.learning_rate");
    ASSERT_TRUE(hands.is_enabled("fork.start"));
    hands.save_picture("runs-fork-dark");
    const std::int64_t step = hands.studio().fork.step;
    hands.click("fork.start");
    ASSERT_TRUE(
        hands.wait([&] { return hands.run().root != parent && hands.run().step > step; }, 120));
    EXPECT_EQ(hands.run().name, "tiny-moe-002");
    EXPECT_EQ(hands.run().config["optimizer"]["learning_rate"].as_number(), 0.001);
    EXPECT_GT(GuiWorkplace::engine_of(parent), 0);  // the parent lives on
    const std::string child = hands.run().root;
    hands.click("workspace.3");
    ASSERT_TRUE(hands.wait(
        [&] {
          const store::RunOverview* run = hands.studio().runs->find(child);
          return run != nullptr && run->fork_step == step && run->parent_root == parent;
        },
        30));
  }));
}

TEST_F(Runs, WaitInAQueueThatSurvivesTheWindow) {
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("queue", [&](Hands& hands) {
      ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
      hands.click("workspace.3");
      hands.frames(4);
      hands.app().shell().focus_panel("runs.queue");
      hands.frames(4);
      hands.click("queue.add");
      ASSERT_TRUE(hands.wait([&] { return hands.studio().runs_feed->queue.size() == 1; }, 20));
      hands.click("queue.add");
      ASSERT_TRUE(hands.wait(
          [&] {
            const ui::RunsFeed& feed = *hands.studio().runs_feed;
            return feed.queue.size() == 2 && feed.is_queue_running && feed.queue[0].is_running;
          },
          60));
      EXPECT_FALSE(hands.studio().runs_feed->queue[1].is_running);
    }));
    driven.save_picture("runs-queue-dark");
  }
  EXPECT_TRUE(store::QueueRunner::is_running(place.runs()));
  DrivenApp again;
  ASSERT_TRUE(again.play("return", [&](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return hands.studio().runs_feed->ended.size() == 2; }, 300));
    for (const ui::QueueEnd& end : hands.studio().runs_feed->ended)
      EXPECT_EQ(end.state, "completed") << end.message;
    EXPECT_TRUE(hands.studio().runs_feed->queue.empty());
    EXPECT_TRUE(hands.wait([&] { return hands.studio().runs->runs.size() == 2; }, 30));
    EXPECT_FALSE(hands.studio().runs_feed->is_queue_running);
  }));
}

TEST_F(Runs, ExplainWhenTheEngineIsKilledAndGoOn) {
  place.set_default_steps(4000);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("kill", [&](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().num_checkpoints >= 1; }, 240));
    EXPECT_FALSE(hands.is_there("failure.retry"));
    kill(static_cast<pid_t>(GuiWorkplace::engine_of(hands.run().root)), SIGKILL);
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kKilled; }, 30));
    ASSERT_TRUE(hands.wait([&] { return hands.is_there("failure.retry"); }, 10));
    const auto report = ui::failure_of(hands.run(), hands.studio().runs_feed->failure);
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->kind, ui::FailureKind::kKilled);
    EXPECT_GE(report->saved_step, 100);
    hands.click("failure.dismiss");
    hands.frames(2);
    EXPECT_FALSE(hands.is_there("failure.retry"));
    EXPECT_TRUE(hands.is_there("plots.smoothing"));  // the plots stand below it
    hands.studio().failure.dismissed = -1;
    hands.frames(2);
    hands.click("failure.retry");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kRunning; }, 60));
    EXPECT_FALSE(hands.is_there("failure.retry"));
    // The run bar settles when the engine answers: a menu opened before may close once.
    ASSERT_TRUE(hands.wait(
        [&] {
          if (!hands.is_there("run.stop_discard")) hands.click("run.stop_menu");
          return hands.is_there("run.stop_discard");
        },
        10));
    hands.click("run.stop_discard");
    hands.frames(2);
    EXPECT_TRUE(hands.run().state == RunState::kRunning);  // asks once more
    hands.click("run.stop_discard_sure");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kStopped; }, 60));
  }));
}

TEST_F(Runs, StartAgainSmallerAfterARealShortageOfMemory) {
  const ScopedEnvironment fault("SY_INJECT", "oom_always@130");
  DrivenApp driven;
  ASSERT_TRUE(driven.play("shortage", [&](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kFailed; }, 240));
    ASSERT_TRUE(hands.wait([&] { return hands.is_there("failure.remedy.0"); }, 10));
    const auto report = ui::failure_of(hands.run(), hands.studio().runs_feed->failure);
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->kind, ui::FailureKind::kOutOfMemory);
    EXPECT_GE(report->saved_step, 100);  // the engine saves once more when it gives up
    ASSERT_FALSE(report->remedies.empty());
    // The engine had split the batch to the end: less to keep, or a smaller model.
    ASSERT_GE(report->remedies.size(), 2U);
    EXPECT_EQ(report->remedies[0].settings,
              std::vector<std::string>{"train.use_activation_checkpointing=true"});
    EXPECT_EQ(report->remedies[1].settings, std::vector<std::string>{"model.seq_len=16"});
    const std::string failed = hands.run().root;
    hands.click("failure.remedy.1");
    hands.click("failure.retry");
    ASSERT_TRUE(hands.wait([&] { return hands.run().root != failed && hands.run().step > 0; }, 60));
    EXPECT_EQ(hands.run().config["model"]["seq_len"].as_integer(), 16);
    EXPECT_EQ(hands.run().name, "tiny-moe-002");
  }));
}

TEST_F(Runs, ProposeWaysOutOfTooLittleMemory) {
  make("big-001",
       0.003,
       Json::object({{"code", "out_of_memory"},
                     {"message", "no memory for one step"},
                     {"needed_bytes", 25'100'000'000},
                     {"free_bytes", 24'000'000'000}}));
  DrivenApp driven(root("big-001"));
  ASSERT_TRUE(driven.play("memory", [&](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return hands.is_there("failure.remedy.2"); }, 30));
    const auto report = ui::failure_of(hands.run(), hands.studio().runs_feed->failure);
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->kind, ui::FailureKind::kOutOfMemory);
    hands.click("failure.copy");
    const std::string copied = ImGui::GetClipboardText();
    EXPECT_NE(copied.find("--set train.micro_batch_size=4"), std::string::npos) << copied;
  }));
  driven.save_picture("failure-dark");
  driven.app().shell().set_theme(ui::ThemeKind::kLight);
  driven.save_picture("failure-light");
  driven.app().shell().set_theme(ui::ThemeKind::kContrast);
  driven.save_picture("failure-contrast");
  driven.app().shell().set_theme(ui::ThemeKind::kDark);
  driven.save_picture("failure-small", 1024, 640);
}

}  // namespace
}  // namespace switchyard::test
