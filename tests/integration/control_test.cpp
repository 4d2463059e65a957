#include <csignal>

#include <gtest/gtest.h>

#include "engine/base/ipc/channel.h"
#include "engine/base/store/run_folder.h"
#include "tests/integration/engine_driver.h"

namespace switchyard::test {
namespace {

/// An endless run that is already training.
class Control : public ::testing::Test {
 protected:
  void SetUp() override {
    Json config = tiny_config(place.text_file);
    config.find("train")->set("max_steps", Json(1'000'000));
    config.find("train")->set("eval_interval_steps", Json(0));
    config.find("checkpoint")->set("interval_steps", Json(0));
    engine = std::make_unique<EngineProcess>(
        std::vector<std::string>{
            "train", "--config", place.write_config(config), "--run", run, "--json"},
        place.environment);
    ASSERT_FALSE(engine->wait_for_event("step").is_null()) << engine->errors();
    EXPECT_EQ(engine->errors().find("no command socket"), std::string::npos) << engine->errors();
  }

  EngineResult ctl(std::vector<std::string> words) const {
    words.insert(words.begin(), {"ctl", run});
    words.emplace_back("--json");
    return place.engine(words);
  }

  [[nodiscard]] Json status() const { return ctl({"status"}).events.at(0); }

  Workplace place;
  std::string run = place.run("a");
  std::unique_ptr<EngineProcess> engine;
};

TEST_F(Control, PausesResumesSavesAndStops) {
  ASSERT_EQ(ctl({"pause"}).exit_code, 0);
  const auto is_state = [](const char* wanted) {
    return [wanted](const Json& event) { return event["state"].as_string() == wanted; };
  };
  ASSERT_FALSE(engine->wait_for(is_state("paused")).is_null());
  const std::int64_t paused_at = status()["step"].as_integer();
  EXPECT_EQ(status()["step"].as_integer(), paused_at);
  EXPECT_EQ(status()["state"].as_string(), "paused");
  EXPECT_EQ(place.engine({"status", run, "--json"}).events.at(0)["state"].as_string(), "paused");

  const EngineResult saved = ctl({"checkpoint"});
  ASSERT_EQ(saved.exit_code, 0) << saved.errors;
  EXPECT_EQ(saved.events.at(0)["step"].as_integer(), paused_at);
  EXPECT_EQ(names_in(run + "/checkpoints").size(), 1U);

  const EngineResult evaluated = ctl({"evaluate"});
  ASSERT_EQ(evaluated.exit_code, 0) << evaluated.errors;
  EXPECT_EQ(evaluated.events.at(0)["loss"].dump(),
            place.engine({"eval", "--run", run, "--json"}).events.at(0)["loss"].dump());

  ASSERT_EQ(ctl({"resume"}).exit_code, 0);
  ASSERT_FALSE(engine
                   ->wait_for([&](const Json& event) {
                     return event["event"].as_string() == "step" &&
                            event["step"].as_integer() > paused_at + 5;
                   })
                   .is_null());
  ASSERT_EQ(ctl({"stop"}).exit_code, 0);
  EXPECT_EQ(engine->wait(), 130);
  EXPECT_EQ(names_in(run + "/checkpoints").size(), 2U);
  EXPECT_EQ(place.engine({"verify", run}).exit_code, 0);
  EXPECT_EQ(place.engine({"status", run, "--json"}).events.at(0)["state"].as_string(), "stopped");
  const EngineResult late = ctl({"pause"});
  EXPECT_EQ(late.exit_code, 2);
  EXPECT_EQ(late.event("error")["code"].as_string(), "unavailable");
}

TEST_F(Control, StopsWithoutSavingWhenAskedTo) {
  ASSERT_EQ(ctl({"stop", "--discard"}).exit_code, 0);
  EXPECT_EQ(engine->wait(), 130);
  EXPECT_TRUE(names_in(run + "/checkpoints").empty());
}

TEST_F(Control, ChangesOnlyWhatMayChange) {
  EXPECT_EQ(ctl({"set", "model.d_model=64"}).exit_code, 2);
  EXPECT_EQ(ctl({"set", "train.max_step=64"}).exit_code, 2);
  EXPECT_EQ(ctl({"set", "optimizer.learning_rate=0.0002"}).exit_code, 0);
  const auto stored = parse_json(read_text(run + "/config.json"), "config.json");
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ((*stored)["optimizer"]["learning_rate"].as_number(), 0.0002);
  const std::int64_t step = status()["step"].as_integer();
  ASSERT_EQ(ctl({"set", "train.max_steps=" + std::to_string(step + 50)}).exit_code, 0);
  EXPECT_EQ(engine->wait(), 0);
  EXPECT_EQ(place.engine({"verify", run}).exit_code, 0);
}

TEST_F(Control, RefusesASecondEngineAtOnce) {
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{}, std::vector<std::string>{"--resume"}}) {
    std::vector<std::string> words{
        "train", "--config", place.dir / "config.json", "--run", run, "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const EngineResult second = place.engine(words);
    EXPECT_EQ(second.exit_code, 6) << second.errors;
    EXPECT_EQ(second.event("error")["code"].as_string(), "busy");
  }
  const std::int64_t step = status()["step"].as_integer();
  EXPECT_FALSE(
      engine->wait_for([&](const Json& e) { return e["step"].as_integer() > step; }).is_null());
}

TEST_F(Control, SamplesWhileItTrains) {
  auto connection = ipc::Connection::connect(store::RunPaths{run}.socket());
  ASSERT_TRUE(connection.ok()) << connection.error().text();
  const Json command = Json::object({{"type", Json("command")},
                                     {"id", Json(41)},
                                     {"command", Json("sample")},
                                     {"prompt", Json("the king ")},
                                     {"max_tokens", Json(80)},
                                     {"temperature", Json(0.7)},
                                     {"seed", Json(5)}});
  ASSERT_TRUE((*connection)->send(command).ok());
  Json bad = command;
  bad.set("id", Json(42));
  bad.set("temperature", Json(-1.0));
  ASSERT_TRUE((*connection)->send(bad).ok());
  bool is_done = false, is_greeted = false, is_refused = false;
  std::string text;
  int num_tokens = 0;
  for (int i = 0; i < 600 && !(is_done && is_greeted && is_refused); ++i) {
    ASSERT_TRUE((*connection)->flush().ok());
    const auto messages = (*connection)->receive(100);
    ASSERT_TRUE(messages.ok()) << messages.error().text();
    for (const Json& message : *messages) {
      const std::string& type = message["type"].as_string();
      if (type == "hello") {
        is_greeted = true;
        EXPECT_EQ(message["protocol"].as_integer(), ipc::kProtocolVersion);
        EXPECT_EQ(message["state"].as_string(), "running");
      } else if (type == "reply") {
        EXPECT_EQ(message["ok"].as_bool(), message["id"].as_integer() == 41);
        is_refused = is_refused || message["error"]["where"].as_string() == "temperature";
      } else if (type == "sample_token") {
        ++num_tokens;
        text += message["text"].as_string();
        EXPECT_EQ(message["sample_id"].as_integer(), 41);
        EXPECT_EQ(message["top"].size(), 5U);
        EXPECT_EQ(message["route"].size(), 1U);
      } else if (type == "sample_done") {
        is_done = true;
        EXPECT_EQ(message["text"].as_string(), text);
        EXPECT_GT(message["tokens_per_second"].as_number(), 0.0);
      }
    }
  }
  EXPECT_TRUE(is_done);
  EXPECT_TRUE(is_greeted);
  EXPECT_TRUE(is_refused);
  EXPECT_EQ(num_tokens, 80);
}

TEST(Sampling, LeavesTheLossesUntouched) {
  const Workplace place;
  Json config = tiny_config(place.text_file);
  config.find("train")->set("max_steps", Json(300));
  ASSERT_EQ(place.train(config, "alone").exit_code, 0);
  const std::string run = place.run("watched");
  EngineProcess engine({"train", "--config", place.write_config(config), "--run", run, "--json"},
                       place.environment);
  ASSERT_FALSE(engine.wait_for_event("start").is_null());
  auto connection = ipc::Connection::connect(store::RunPaths{run}.socket());
  ASSERT_TRUE(connection.ok());
  ASSERT_TRUE((*connection)
                  ->send(Json::object({{"type", Json("command")},
                                       {"id", Json(1)},
                                       {"command", Json("sample")},
                                       {"prompt", Json("")},
                                       {"max_tokens", Json(100'000)}}))
                  .ok());
  ASSERT_TRUE((*connection)->flush().ok());
  // The window never reads: the engine must not wait for it.
  EXPECT_EQ(engine.wait(), 0) << engine.errors();
  EXPECT_EQ(metric_of(place, run, "train_loss"),
            metric_of(place, place.run("alone"), "train_loss"));
}

}  // namespace
}  // namespace switchyard::test
