// The reader thread on real run folders: wishes, two windows, what happens to folders under it.
#include "ui/client/run_watcher.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include "engine/base/store/run_folder.h"
#include "tests/support/temporary_folder.h"
#include "ui/client/mailbox.h"

namespace switchyard::ui {
namespace {

/// A run folder and the engine's side of it: the lock and the writer.
struct LiveRun {
  LiveRun() {
    EXPECT_TRUE(store::create_run_folder(
                    root, Json::object({{"schema", "switchyard.run"}, {"name", "made-up"}}))
                    .ok());
    auto opened = store::Writer::open(store::RunPaths{root}.database(), 0, -1);
    EXPECT_TRUE(opened.ok());
    writer = std::move(opened).value();
  }

  void log(const std::string& metric, std::int64_t from, std::int64_t to) const {
    for (std::int64_t step = from; step < to; ++step)
      writer->scalar(metric, {step, step * 8, 0.1 * static_cast<double>(step), 0.0}, 1.0);
    EXPECT_TRUE(writer->flush().ok());
  }

  test::TemporaryFolder folder;
  std::string root = folder / "run-001";
  std::unique_ptr<store::Writer> writer;
};

struct Window {
  explicit Window(const std::string& root) { watcher.watch(root); }

  bool wait(const std::function<bool(const RunView&)>& condition) {
    for (int i = 0; i < 4000; ++i) {
      if (condition(*watcher.view())) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  bool sees(const std::string& metric, std::size_t count) {
    return wait([&](const RunView& view) {
      const Series* series = view.scalar(metric);
      return series != nullptr && series->size() == count;
    });
  }

  Mailbox mailbox{[] {}};
  RunWatcher watcher{mailbox};
};

TEST(RunWatcher, ReadsWhatSomebodyLooksAt) {
  const LiveRun run;
  run.log("train_loss", 0, 5000);
  run.log("grad_norm", 0, 9000);
  Window window(run.root);
  ASSERT_TRUE(window.sees("train_loss", 5000));
  const auto before = window.watcher.view();
  ASSERT_TRUE(before->series.contains("grad_norm"));
  EXPECT_TRUE(before->scalar("grad_norm")->empty());  // and this is the look
  EXPECT_TRUE(window.sees("grad_norm", 9000));
  run.log("grad_norm", 9000, 9010);
  EXPECT_TRUE(window.sees("grad_norm", 9010));
  EXPECT_TRUE(before->scalar("grad_norm")->empty()) << "a snapshot never changes";
}

TEST(RunWatcher, SeesACommitBeforeTheNextQueryThatIsDueAnyway) {
  const LiveRun run;
  const auto lock = store::RunLock::acquire(run.root);
  ASSERT_TRUE(lock.ok());
  run.log("train_loss", 0, 1);
  Window window(run.root);
  ASSERT_TRUE(window.sees("train_loss", 1));
  std::vector<double> seconds;
  for (std::int64_t step = 1; step <= 25; ++step) {
    const auto begun = std::chrono::steady_clock::now();
    run.log("train_loss", step, step + 1);
    ASSERT_TRUE(window.sees("train_loss", static_cast<std::size_t>(step) + 1));
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  }
  std::sort(seconds.begin(), seconds.end());
  EXPECT_LT(seconds[12], 0.1) << "0.2 s where changes of the log are overlooked";
}

TEST(RunWatcher, ServesTwoWindowsOnOneRun) {
  const LiveRun run;
  const auto lock = store::RunLock::acquire(run.root);
  ASSERT_TRUE(lock.ok());
  Window first(run.root), second(run.root);
  std::thread training([&] {
    for (std::int64_t step = 0; step < 6000; step += 100) run.log("train_loss", step, step + 100);
  });
  EXPECT_TRUE(first.sees("train_loss", 6000));
  const bool is_second_whole = second.sees("train_loss", 6000);
  training.join();
  ASSERT_TRUE(is_second_whole);
  const auto view = second.watcher.view();
  for (std::size_t i = 0; i < 6000; ++i)
    ASSERT_EQ(view->scalar("train_loss")->step(i), static_cast<std::int64_t>(i));
}

TEST(RunWatcher, SaysThatTheFolderWasDeletedUnderIt) {
  LiveRun run;
  run.log("train_loss", 0, 5000);
  run.log("grad_norm", 0, 50'000);
  run.writer.reset();
  Window window(run.root);
  ASSERT_TRUE(window.sees("train_loss", 5000));
  std::filesystem::remove_all(run.root);
  (void)window.watcher.view()->scalar("grad_norm");  // a wish that cannot be served any more
  ASSERT_TRUE(window.wait([](const RunView& view) { return view.problem.has_value(); }));
  const auto view = window.watcher.view();
  EXPECT_EQ(view->state, RunState::kDamaged);
  EXPECT_NE(view->problem->text().find("found nothing here"), std::string::npos);
  EXPECT_EQ(view->scalar("train_loss")->size(), 5000U) << "what was read stays on the screen";
}

TEST(RunWatcher, RefusesANewerStoreWithBothNumbers) {
  LiveRun run;
  run.log("train_loss", 0, 10);
  run.writer.reset();
  SQLite::Database(store::RunPaths{run.root}.database(), SQLite::OPEN_READWRITE)
      .exec("PRAGMA user_version = 99");
  Window window(run.root);
  ASSERT_TRUE(window.wait([](const RunView& view) { return view.problem.has_value(); }));
  const std::string words = window.watcher.view()->problem->text();
  EXPECT_NE(words.find("version 3"), std::string::npos) << words;
  EXPECT_NE(words.find("version 99"), std::string::npos) << words;
}

}  // namespace
}  // namespace switchyard::ui
