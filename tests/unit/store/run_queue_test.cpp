#include "engine/base/store/run_queue.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "engine/base/core/file_system.h"
#include "tests/support/temporary_folder.h"

namespace switchyard::store {
namespace {

using test::TemporaryFolder;

Json config_of(const std::string& name, int max_steps = 100) {
  return Json::object({{"schema", Json("switchyard.run")},
                       {"name", Json(name)},
                       {"train", Json::object({{"max_steps", Json(max_steps)}})}});
}

std::string add(const std::string& runs, const std::string& name) {
  const auto entry = enqueue(runs, name, config_of("preset-of-" + name));
  EXPECT_TRUE(entry.ok());
  return entry->id;
}

std::vector<std::string> names_of(const std::string& runs) {
  std::vector<std::string> names;
  for (const QueuedRun& entry : list_queue(runs)) names.push_back(entry.name);
  return names;
}

std::string id_of(const std::string& runs, const std::string& name) {
  for (const QueuedRun& entry : list_queue(runs)) {
    if (entry.name == name) return entry.id;
  }
  return "";
}

using Names = std::vector<std::string>;

TEST(RunQueue, KeepsTheOrderAndWhatWasAsked) {
  const TemporaryFolder folder;
  EXPECT_TRUE(list_queue(folder.path()).empty());
  const auto first = enqueue(folder.path(), "", config_of("moe small", 7));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->name, "moe-small") << "the name of the configuration, as a file name";
  add(folder.path(), "b");
  add(folder.path(), "c");
  const auto queue = list_queue(folder.path());
  ASSERT_EQ(queue.size(), 3U);
  EXPECT_EQ(queue[0].preset, "moe small");
  EXPECT_EQ(queue[0].max_steps, 7);
  EXPECT_FALSE(queue[0].is_running);
  EXPECT_EQ(names_of(folder.path()), (Names{"moe-small", "b", "c"}));
  EXPECT_TRUE(std::filesystem::exists(queue[1].config));
}

TEST(RunQueue, RemovesAndMovesByIdAndNamesWhatIsNotThere) {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b", "c", "d"}) add(folder.path(), name);
  ASSERT_TRUE(remove_queued(folder.path(), id_of(folder.path(), "b")).ok());
  EXPECT_EQ(names_of(folder.path()), (Names{"a", "c", "d"}));
  const auto moved = move_queued(folder.path(), id_of(folder.path(), "d"), 0);
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(moved->id, id_of(folder.path(), "d"));
  EXPECT_EQ(names_of(folder.path()), (Names{"d", "a", "c"}));
  ASSERT_TRUE(move_queued(folder.path(), id_of(folder.path(), "d"), 99).ok());
  EXPECT_EQ(names_of(folder.path()), (Names{"a", "c", "d"}));
  const Status missing = remove_queued(folder.path(), "0001-nothing");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kUsage);
  EXPECT_NE(missing.error().message.find("0001-nothing"), std::string::npos);
  EXPECT_FALSE(move_queued(folder.path(), "../x", 0).ok());
}

TEST(RunQueue, FindsRoomHoweverOftenEntriesMoveToOnePlace) {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b", "c", "d", "e"}) add(folder.path(), name);
  Names wanted{"a", "b", "c", "d", "e"};
  for (int i = 0; i < 60; ++i) {
    const std::string last = wanted.back();
    ASSERT_TRUE(move_queued(folder.path(), id_of(folder.path(), last), 1).ok());
    wanted.pop_back();
    wanted.insert(wanted.begin() + 1, last);
    ASSERT_EQ(names_of(folder.path()), wanted) << "after " << i + 1 << " moves";
  }
}

TEST(RunQueue, IsWorkedThroughByOneRunner) {
  const TemporaryFolder folder;
  add(folder.path(), "a");
  add(folder.path(), "b");
  EXPECT_FALSE(QueueRunner::is_running(folder.path()));
  auto runner = QueueRunner::start(folder.path());
  ASSERT_TRUE(runner.ok());
  EXPECT_TRUE(QueueRunner::is_running(folder.path()));
  EXPECT_EQ(QueueRunner::start(folder.path()).error().code, ErrorCode::kBusy);
  const auto first = runner->next();
  ASSERT_TRUE(first.ok() && first->has_value());
  EXPECT_EQ((*first)->name, "a");
  EXPECT_EQ((*first)->run, folder / "a-001");
  EXPECT_TRUE(list_queue(folder.path()).front().is_running);
  EXPECT_FALSE(remove_queued(folder.path(), (*first)->id).ok()) << "it trains";
  ASSERT_TRUE(move_queued(folder.path(), id_of(folder.path(), "b"), 0).ok());
  EXPECT_EQ(names_of(folder.path()), (Names{"a", "b"})) << "nothing overtakes what trains";
  ASSERT_TRUE(
      runner->finish({(*first)->id, "a", (*first)->run, "failed", "no memory", 7, 5.0}).ok());
  const auto second = runner->next();
  ASSERT_TRUE(second.ok() && second->has_value());
  EXPECT_EQ((*second)->name, "b");
  ASSERT_TRUE(runner->finish({(*second)->id, "b", (*second)->run, "completed", "", 0, 6.0}).ok());
  EXPECT_TRUE(list_queue(folder.path()).empty());
  const auto none = runner->next();
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());
  EXPECT_FALSE(QueueRunner::is_running(folder.path())) << "an empty queue frees the lock at once";
  const auto outcomes = list_queue_outcomes(folder.path());
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_EQ(outcomes[0].name, "b");
  EXPECT_EQ(outcomes[1].message, "no memory");
  EXPECT_EQ(outcomes[1].exit_code, 7);
}

TEST(RunQueue, GoesOnInTheSameFolderAfterACrashOfTheRunner) {
  const TemporaryFolder folder;
  add(folder.path(), "a");
  add(folder.path(), "b");
  std::string run;
  {
    auto runner = QueueRunner::start(folder.path());
    run = runner->next().value()->run;
    std::filesystem::create_directories(run);
  }
  EXPECT_FALSE(list_queue(folder.path()).front().is_running);
  auto runner = QueueRunner::start(folder.path());
  EXPECT_EQ(runner->next().value()->run, run);
}

TEST(RunQueue, NeverTakesANewEntryForOneThatEnded) {
  const TemporaryFolder folder;
  add(folder.path(), "a");
  {
    auto runner = QueueRunner::start(folder.path());
    const auto entry = runner->next().value();
    std::filesystem::create_directories(entry->run);
    std::filesystem::remove(entry->config);  // as if it had died half-way through finish()
  }
  add(folder.path(), "a");
  auto runner = QueueRunner::start(folder.path());
  EXPECT_EQ(runner->next().value()->run, folder / "a-002");
}

TEST(RunQueue, BearsForeignFiles) {
  const TemporaryFolder folder;
  add(folder.path(), "a");
  for (const char* name :
       {"x.json", "-.json", "12.json", "99999999999999999999-a.json", "0005-b"}) {
    std::ofstream(QueuePaths{folder.path()}.root() + "/" + name) << "{";
  }
  std::ofstream(QueuePaths{folder.path()}.root() + "/0005-broken.json") << "{";
  std::ofstream(QueuePaths{folder.path()}.current()) << "[";
  EXPECT_EQ(names_of(folder.path()), (Names{"broken", "a"}));
}

}  // namespace
}  // namespace switchyard::store
