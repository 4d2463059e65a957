#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "engine/base/store/run_folder.h"
#include "engine/base/store/run_store.h"
#include "tests/integration/engine_driver.h"

namespace switchyard::test {
namespace {

EngineResult fork_of(const Workplace& place,
                     const std::string& parent,
                     const std::string& child,
                     std::vector<std::string> more = {}) {
  more.insert(more.begin(),
              {"train", "--fork", place.run(parent), "--run", place.run(child), "--json"});
  return place.engine(more);
}

std::vector<store::Event> events_of(const std::string& run) {
  const auto reader = store::Reader::open(store::RunPaths{run}.database());
  EXPECT_TRUE(reader.ok());
  return reader.ok() ? (*reader)->poll()->events : std::vector<store::Event>();
}

TEST(Fork, GoesOnBitForBitAsTheParentDid) {
  const Workplace place;
  ASSERT_EQ(place.train(tiny_config(place.text_file), "parent").exit_code, 0);
  const EngineResult forked = fork_of(place, "parent", "child", {"--checkpoint", "40"});
  ASSERT_EQ(forked.exit_code, 0) << forked.errors;
  EXPECT_EQ(forked.event("start")["step"].as_integer(), 40);
  for (const char* metric : {"train_loss", "grad_norm", "learning_rate", "load_balance_loss"}) {
    auto expected = metric_of(place, place.run("parent"), metric);
    std::erase_if(expected, [](const auto& sample) { return sample.first <= 40; });
    EXPECT_EQ(expected.size(), 20U);
    EXPECT_EQ(metric_of(place, place.run("child"), metric), expected) << metric;
  }
  EXPECT_EQ(place.engine({"eval", "--run", place.run("child"), "--json"}).output,
            place.engine({"eval", "--run", place.run("parent"), "--json"}).output);
  EXPECT_EQ(place.engine({"verify", place.run("child")}).exit_code, 0);
}

TEST(Fork, RemembersWhereItCameFrom) {
  const Workplace place;
  ASSERT_EQ(place.train(tiny_config(place.text_file), "parent").exit_code, 0);
  ASSERT_EQ(fork_of(place,
                    "parent",
                    "child",
                    {"--set", "optimizer.learning_rate=0.0002", "--set", "train.max_steps=65"})
                .exit_code,
            0);
  const auto events = events_of(place.run("child"));
  ASSERT_GE(events.size(), 3U);
  EXPECT_EQ(events[0].kind, "fork");
  EXPECT_EQ(events[0].step, 60);
  EXPECT_EQ(events[0].detail["parent"].as_string(), place.run("parent"));
  EXPECT_EQ(events[0].detail["parent_name"].as_string(), "parent");
  EXPECT_EQ(events[0].detail["step"].as_integer(), 60);
  EXPECT_FALSE(events[0].detail["is_exact"].as_bool(true));
  const auto began = std::find_if(events.begin(), events.end(), [](const store::Event& event) {
    return event.kind == "state";
  });
  ASSERT_NE(began, events.end());
  EXPECT_EQ(began->detail["reason"].as_string(), "forked");
  std::vector<std::string> changed;
  for (const store::Event& event : events) {
    if (event.kind == "setting") changed.push_back(event.detail["pointer"].as_string());
  }
  EXPECT_EQ(changed, (std::vector<std::string>{"/optimizer/learning_rate", "/train/max_steps"}));
  const store::RunSummary child = store::summarize_run(place.run("child"));
  EXPECT_EQ(child.parent_name, "parent");
  EXPECT_EQ(child.fork_step, 60);
  const store::RunSummary parent = store::summarize_run(place.run("parent"));
  EXPECT_EQ(parent.parent_name, "");
  EXPECT_EQ(parent.fork_step, -1);
}

TEST(Fork, IsARunOfItsOwnThatResumes) {
  const Workplace place;
  ASSERT_EQ(place.train(tiny_config(place.text_file), "parent").exit_code, 0);
  ASSERT_EQ(fork_of(place, "parent", "child", {"--checkpoint", "40", "--set", "train.max_steps=45"})
                .exit_code,
            0);
  std::filesystem::remove_all(place.run("parent") + "/checkpoints");
  const EngineResult resumed = place.engine(
      {"train", "--resume", "--run", place.run("child"), "--set", "train.max_steps=60", "--json"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.errors;
  auto expected = metric_of(place, place.run("parent"), "train_loss");
  std::erase_if(expected, [](const auto& sample) { return sample.first <= 40; });
  EXPECT_EQ(metric_of(place, place.run("child"), "train_loss"), expected);
}

TEST(Fork, RefusesWhatCannotGoOn) {
  const Workplace place;
  ASSERT_EQ(place.train(tiny_config(place.text_file), "parent").exit_code, 0);
  const EngineResult model = fork_of(place, "parent", "a", {"--set", "model.d_model=64"});
  EXPECT_EQ(model.exit_code, 2);
  EXPECT_EQ(model.event("error")["where"].as_string(), "/model/d_model");
  const EngineResult batch = fork_of(place, "parent", "a", {"--set", "train.micro_batch_size=2"});
  EXPECT_EQ(batch.exit_code, 2);
  EXPECT_EQ(batch.event("error")["where"].as_string(), "/train/micro_batch_size");
  EXPECT_EQ(fork_of(place, "parent", "parent").exit_code, 2) << "not over a run";
  EXPECT_EQ(fork_of(place, "parent", "a", {"--checkpoint", "7"}).exit_code, 3);
  EXPECT_EQ(fork_of(place, "parent", "a", {"--resume"}).exit_code, 2);
  EXPECT_EQ(fork_of(place, "nowhere", "a").exit_code, 3);
  EXPECT_EQ(place.train(tiny_config(place.text_file), "a", {"--checkpoint", "40"}).exit_code, 2)
      << "a checkpoint of what?";
  EXPECT_FALSE(is_there(place.run("a") + "/config.json"));
}

TEST(Fork, MayDivideTheSameBatchDifferently) {
  const Workplace place;
  Json config = tiny_config(place.text_file);
  config.find("model")->set("dropout", Json(0.0));
  ASSERT_EQ(place.train(config, "parent").exit_code, 0);
  ASSERT_EQ(fork_of(place,
                    "parent",
                    "child",
                    {"--checkpoint",
                     "40",
                     "--set",
                     "train.micro_batch_size=1",
                     "--set",
                     "train.grad_accum_steps=4"})
                .exit_code,
            0);
  const auto parent = metric_of(place, place.run("parent"), "train_loss");
  const auto child = metric_of(place, place.run("child"), "train_loss");
  EXPECT_NEAR(std::stod(child.at(41)), std::stod(parent.at(41)), 1e-5) << "the same sequences";
}

}  // namespace
}  // namespace switchyard::test
