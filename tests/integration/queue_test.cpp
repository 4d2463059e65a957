#include <csignal>

#include <unistd.h>

#include <gtest/gtest.h>

#include "engine/base/store/run_queue.h"
#include "tests/integration/engine_driver.h"

namespace switchyard::test {
namespace {

/// A folder of runs and a way to queue tiny ones.
class Queue : public ::testing::Test {
 protected:
  void add(const std::string& name, std::vector<std::string> settings = {}) {
    std::vector<std::string> words{"queue", "add", "--config", config, "--name", name, "--json"};
    for (const std::string& setting : settings) words.insert(words.end(), {"--set", setting});
    const EngineResult added = place.engine(words);
    ASSERT_EQ(added.exit_code, 0) << added.errors;
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const Json& entry : place.engine({"queue", "list", "--json"}).events) {
      found.push_back(entry["name"].as_string());
    }
    return found;
  }

  Workplace place;
  std::string config = place.write_config(tiny_config(place.text_file));
  std::string runs = place.environment["SWITCHYARD_RUNS"];
};

TEST_F(Queue, TrainsOneAfterAnotherAndSkipsWhatFails) {
  add("first", {"train.max_steps=4"});
  add("broken", {"data.text_file=/nowhere/text.txt"});
  add("last", {"train.max_steps=3"});
  const EngineResult refused =
      place.engine({"queue", "add", "--config", config, "--set", "model.num_heads=0", "--json"});
  EXPECT_EQ(refused.exit_code, 2) << "what cannot be trained is not queued";
  EXPECT_EQ(names(), (std::vector<std::string>{"first", "broken", "last"}));
  const std::string last = store::list_queue(runs).back().id;
  EXPECT_EQ(place.engine({"queue", "move", last, "1"}).exit_code, 0);
  EXPECT_EQ(names(), (std::vector<std::string>{"first", "last", "broken"}));
  const EngineResult ran = place.engine({"queue", "run", "--device", "cpu", "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.errors << ran.output;
  const auto done = ran.all("queue_done");
  ASSERT_EQ(done.size(), 3U);
  EXPECT_EQ(done[0]["state"].as_string(), "completed");
  EXPECT_EQ(done[0]["run"].as_string(), place.run("first-001"));
  EXPECT_EQ(done[2]["state"].as_string(), "failed");
  EXPECT_EQ(done[2]["exit_code"].as_integer(), 3);
  EXPECT_NE(done[2]["message"].as_string().find("/nowhere/text.txt"), std::string::npos);
  EXPECT_EQ(store::summarize_run(place.run("first-001")).step, 4);
  EXPECT_EQ(store::summarize_run(place.run("last-001")).state, "completed");
  EXPECT_TRUE(names().empty());
  EXPECT_EQ(store::list_queue_outcomes(runs).size(), 3U);
  for (const Json& run : place.engine({"runs", "--json"}).events) {
    EXPECT_NE(run["name"].as_string(), ".queue");
  }
}

TEST_F(Queue, SurvivesTheDeathOfItsRunner) {
  add("long", {"train.max_steps=100000000", "checkpoint.interval_steps=5"});
  add("short", {"train.max_steps=3"});
  const std::string run = place.run("long-001");
  const std::vector<std::string> words{"queue", "run", "--device", "cpu", "--json"};
  const auto wait_until = [](const std::function<bool()>& is_true) {
    for (int i = 0; i < 600 && !is_true(); ++i) ::usleep(50'000);
    return is_true();
  };
  {
    EngineProcess runner(words, place.environment);
    ASSERT_TRUE(wait_until([&] { return !names_in(run + "/checkpoints").empty(); }));
    EXPECT_EQ(place.engine({"queue", "run"}).exit_code, 6) << "one runner at a time";
    runner.send_signal(SIGKILL);
    runner.wait();
  }
  EXPECT_TRUE(store::RunLock::is_held(run)) << "the training goes on";
  EXPECT_FALSE(store::QueueRunner::is_running(runs));
  EngineProcess runner(words, place.environment);  // waits for that training, then goes on
  ASSERT_FALSE(runner.wait_for_event("queue_start").is_null());
  ASSERT_EQ(place.engine({"ctl", run, "set", "train.max_steps=1"}).exit_code, 0);
  EXPECT_EQ(runner.wait(), 0) << runner.errors();
  EXPECT_EQ(store::summarize_run(place.run("short-001")).state, "completed");
  EXPECT_FALSE(is_there(place.run("long-002")));
  EXPECT_TRUE(names().empty());
}

TEST_F(Queue, GoesOnWithTheSameRunAfterCtrlC) {
  add("long", {"train.max_steps=100000000"});
  const std::string run = place.run("long-001");
  EngineProcess runner({"queue", "run", "--device", "cpu", "--json"}, place.environment);
  for (int i = 0; i < 600 && store::summarize_run(run).state != "running"; ++i) ::usleep(50'000);
  runner.send_signal(SIGINT);
  EXPECT_EQ(runner.wait(), 130) << runner.errors();
  EXPECT_EQ(store::summarize_run(run).state, "stopped");
  EXPECT_EQ(names(), (std::vector<std::string>{"long"}));
  EXPECT_FALSE(store::RunLock::is_held(run));
}

}  // namespace
}  // namespace switchyard::test
