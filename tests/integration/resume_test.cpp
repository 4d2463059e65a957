#include <csignal>
#include <cstdlib>
#include <random>

#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/integration/engine_driver.h"

namespace switchyard::test {
namespace {

int num_kills() {
  const char* text = std::getenv("SY_NUM_KILLS");
  return text == nullptr ? 12 : std::atoi(text);
}

void expect_same_run(const Workplace& place, const std::string& got, const std::string& want) {
  for (const char* metric : {"train_loss",
                             "grad_norm",
                             "val_loss",
                             "learning_rate",
                             "load_balance_loss",
                             "router_z_loss"}) {
    const auto expected = metric_of(place, want, metric);
    EXPECT_FALSE(expected.empty()) << metric;
    EXPECT_EQ(metric_of(place, got, metric), expected) << metric;
  }
  const EngineResult a = place.engine({"eval", "--run", want, "--json"});
  const EngineResult b = place.engine({"eval", "--run", got, "--json"});
  EXPECT_EQ(a.exit_code, 0) << a.errors;
  EXPECT_EQ(a.output, b.output);
}

TEST(Resume, ContinuesBitForBitAfterAStopAtAnyStep) {
  const Workplace place;
  const Json config = tiny_config(place.text_file);
  ASSERT_EQ(place.train(config, "whole").exit_code, 0);
  for (const int at : {1, 7, 20, 41, 59}) {
    const std::string name = "cut" + std::to_string(at);
    // The schedule does not depend on max_steps, so ending early and going on is a stop at a step.
    ASSERT_EQ(
        place.train(config, name, {"--set", "train.max_steps=" + std::to_string(at)}).exit_code, 0);
    const EngineResult resumed = place.engine(
        {"train", "--resume", "--run", place.run(name), "--set", "train.max_steps=60", "--json"});
    ASSERT_EQ(resumed.exit_code, 0) << resumed.errors;
    EXPECT_EQ(resumed.event("start")["step"].as_integer(), at);
    const auto want = metric_of(place, place.run("whole"), "train_loss");
    EXPECT_EQ(metric_of(place, place.run(name), "train_loss"), want) << "cut at " << at;
    EXPECT_EQ(place.engine({"eval", "--run", place.run(name), "--json"}).output,
              place.engine({"eval", "--run", place.run("whole"), "--json"}).output);
    EXPECT_EQ(place.engine({"verify", place.run(name)}).exit_code, 0);
  }
}

/// SIGKILL at random moments, again and again, until the run is done; then as if nothing had been.
TEST(Resume, SurvivesKillsAtRandomMoments) {
  const Workplace place;
  Json config = tiny_config(place.text_file);
  config.find("train")->set("max_steps", Json(400));
  config.find("train")->set("num_threads", Json(2));
  ASSERT_EQ(place.train(config, "whole").exit_code, 0);
  const char* seed_text = std::getenv("SY_SEED");
  const unsigned seed =
      seed_text == nullptr ? 20240501U : static_cast<unsigned>(std::atol(seed_text));
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random(seed);
  const std::string path = place.write_config(config);
  int kills = 0;
  for (int round = 0; kills < num_kills(); ++round) {
    const std::string run = place.run("killed" + std::to_string(round));
    for (bool is_done = false; !is_done;) {
      EngineProcess engine(
          {"train", "--config", path, "--run", run, "--resume", "--device", "cpu", "--json"},
          place.environment);
      const bool from_start = random() % 4 != 0;
      const int delay_ms = static_cast<int>(random() % 500);
      if (from_start) engine.wait_for_event("start");
      if (kills < num_kills()) engine.wait(delay_ms / 1000.0);
      engine.send_signal(SIGKILL);
      const int code = engine.wait();
      is_done = code == 0;
      if (is_done) break;
      ASSERT_EQ(code, 128 + SIGKILL) << "seed " << seed << ": " << engine.errors();
      ++kills;
      if (is_there(run + "/run.db")) {
        const EngineResult verified = place.engine({"verify", run});
        ASSERT_EQ(verified.exit_code, 0) << "seed " << seed << "\n" << verified.output;
      }
      if (kills >= num_kills()) {
        const EngineResult last = run_engine(
            {"train", "--config", path, "--run", run, "--resume", "--device", "cpu", "--json"},
            place.environment);
        ASSERT_EQ(last.exit_code, 0) << last.errors;
        is_done = true;
      }
    }
    expect_same_run(place, run, place.run("whole"));
    EXPECT_EQ(place.engine({"verify", run}).exit_code, 0);
    for (const std::string& name : names_in(run + "/checkpoints")) {
      EXPECT_EQ(name.substr(0, 5), "step_") << "left over: " << name;
    }
  }
  std::printf("%d kills, seed %u\n", kills, seed);
}

TEST(Resume, RefusesAChangeOfTheModelAndNamesIt) {
  const Workplace place;
  ASSERT_EQ(place.train(tiny_config(place.text_file), "a").exit_code, 0);
  const EngineResult result = place.engine(
      {"train", "--resume", "--run", place.run("a"), "--set", "model.d_model=64", "--json"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.event("error")["where"].as_string(), "/model/d_model");
  EXPECT_EQ(place.engine({"verify", place.run("a")}).exit_code, 0);
}

TEST(Resume, RefusesAChangedText) {
  const Workplace place;
  ASSERT_EQ(place.train(tiny_config(place.text_file), "a").exit_code, 0);
  write_file(place.text_file, "x" + read_text(place.text_file));
  const EngineResult result = place.engine(
      {"train", "--resume", "--run", place.run("a"), "--set", "train.max_steps=70", "--json"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.event("error")["code"].as_string(), "input_file") << result.errors;
}

TEST(Resume, LeavesADamagedCheckpointAsideAndSaysSo) {
  const Workplace place;
  ASSERT_EQ(place.train(tiny_config(place.text_file), "a").exit_code, 0);
  const std::string weights = place.run("a") + "/checkpoints/step_00000060/weights.safetensors";
  ASSERT_TRUE(is_there(weights));
  ASSERT_EQ(::truncate(weights.c_str(), 1000), 0);
  EXPECT_EQ(place.engine({"verify", place.run("a")}).exit_code, 3);
  const EngineResult result =
      place.engine({"train", "--resume", "--run", place.run("a"), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(result.event("start")["step"].as_integer(), 40);
  EXPECT_NE(result.event("warning")["message"].as_string().find("step_00000060"),
            std::string::npos);
  EXPECT_EQ(place.engine({"verify", place.run("a")}).exit_code, 0);
  EXPECT_EQ(metric_of(place, place.run("a"), "train_loss").size(), 60U);
}

TEST(Resume, FailsWhenEveryCheckpointIsDamaged) {
  const Workplace place;
  ASSERT_EQ(place.train(tiny_config(place.text_file), "a").exit_code, 0);
  for (const std::string& name : names_in(place.run("a") + "/checkpoints")) {
    const std::string file = place.run("a") + "/checkpoints/" + name + "/weights.safetensors";
    ASSERT_EQ(::truncate(file.c_str(), 100), 0);
  }
  const EngineResult result =
      place.engine({"train", "--resume", "--run", place.run("a"), "--json"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_NE(result.event("error")["message"].as_string().find("weights.safetensors"),
            std::string::npos);
}

TEST(Resume, OfACompletedRunEvaluatesAndIsDone) {
  const Workplace place;
  const EngineResult first = place.train(tiny_config(place.text_file), "a");
  const EngineResult again = place.engine({"train", "--resume", "--run", place.run("a"), "--json"});
  ASSERT_EQ(again.exit_code, 0) << again.errors;
  EXPECT_EQ(again.event("done")["val_loss"].dump(), first.event("done")["val_loss"].dump());
}

}  // namespace
}  // namespace switchyard::test
