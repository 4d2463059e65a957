#include <cmath>
#include <csignal>

#include <gtest/gtest.h>

#include "engine/base/ipc/channel.h"
#include "engine/base/store/run_folder.h"
#include "engine/base/store/run_store.h"
#include "tests/integration/engine_driver.h"

namespace switchyard::test {
namespace {

Json command(int id, const std::string& name, const Json::Object& members = {}) {
  Json message =
      Json::object({{"type", Json("command")}, {"id", Json(id)}, {"command", Json(name)}});
  for (const Json::Member& member : members) message.set(member.first, member.second);
  return message;
}

/// Sends a command and returns the messages about it up to its reply, or, with `until_done`, up to
/// its sample_done.
std::vector<Json> talk(ipc::Connection& connection, const Json& message, bool until_done = false) {
  std::vector<Json> about;
  EXPECT_TRUE(connection.send(message).ok());
  const std::int64_t id = message["id"].as_integer();
  for (int i = 0; i < 600; ++i) {
    EXPECT_TRUE(connection.flush().ok());
    const auto messages = connection.receive(100);
    if (!messages.ok()) break;
    for (const Json& answer : *messages) {
      const std::string& type = answer["type"].as_string();
      const bool is_reply = type == "reply" && answer["id"].as_integer() == id;
      const bool is_sample = type.starts_with("sample_") && answer["sample_id"].as_integer() == id;
      if (is_reply || is_sample) about.push_back(answer);
      if (is_reply && (!until_done || !answer["ok"].as_bool())) return about;
      if (is_sample && type == "sample_done") return about;
    }
  }
  ADD_FAILURE() << "no answer to " << message.dump();
  return about;
}

std::vector<store::Event> events_of(const std::string& run, const std::string& kind) {
  const auto reader = store::Reader::open(store::RunPaths{run}.database());
  EXPECT_TRUE(reader.ok());
  std::vector<store::Event> events = (*reader)->poll()->events;
  std::erase_if(events, [&](const store::Event& event) { return event.kind != kind; });
  return events;
}

TEST(Score, AgreesWithTheEvaluationAndWithItself) {
  const Workplace place;
  ASSERT_EQ(place.train(tiny_config(place.text_file), "a").exit_code, 0);
  const std::string text = "the king of night and his crown, sold for gold while winter came.";
  const EngineResult scored =
      place.engine({"score", "--run", place.run("a"), "--text", text, "--json"});
  ASSERT_EQ(scored.exit_code, 0) << scored.errors;
  const auto tokens = scored.all("token");
  ASSERT_EQ(tokens.size(), text.size()) << "more than one context of 32";
  EXPECT_TRUE(tokens[0]["is_context"].as_bool());
  EXPECT_EQ(tokens[0].find("prob"), nullptr);
  std::string read;
  double nats = 0.0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    read += tokens[i]["text"].as_string();
    EXPECT_EQ(tokens[i]["route"].size(), 1U);
    if (i == 0) continue;
    nats -= std::log(tokens[i]["prob"].as_number());
    EXPECT_GT(tokens[i]["entropy"].as_number(), 0.0);
    const std::int64_t rank = tokens[i]["rank"].as_integer(-1);
    ASSERT_GE(rank, 0);
    if (rank < 5) {
      EXPECT_EQ(tokens[i]["top"][static_cast<std::size_t>(rank)]["id"], tokens[i]["id"]);
    }
  }
  EXPECT_EQ(read, text);
  const Json done = scored.event("done");
  EXPECT_EQ(done["tokens"].as_integer(), std::ssize(text) - 1);
  EXPECT_NEAR(done["loss"].as_number(), nats / static_cast<double>(text.size() - 1), 1e-9);
  EXPECT_NEAR(done["perplexity"].as_number(), std::exp(done["loss"].as_number()), 1e-9);
  EXPECT_NEAR(done["bits_per_byte"].as_number(), done["loss"].as_number() / std::log(2.0), 1e-9);
  EXPECT_EQ(done["step"].as_integer(), 60);
  const EngineResult piped = place.engine({"score", "--run", place.run("a"), "--json"}, text);
  EXPECT_EQ(piped.output, scored.output);
  const Json earlier =
      place.engine({"score", "--run", place.run("a"), "--checkpoint", "40", "--json"}, text)
          .event("done");
  EXPECT_EQ(earlier["step"].as_integer(), 40);
  EXPECT_NE(earlier["loss"].dump(), done["loss"].dump());
  EXPECT_EQ(place.engine({"score", "--run", place.run("a"), "--text", "t"}).exit_code, 2);
  EXPECT_EQ(place.engine({"score", "--run", place.run("a"), "--text", "tQ"}).exit_code, 3);
}

TEST(Sample, EndsBeforeAStopText) {
  const Workplace place;
  ASSERT_EQ(place.train(tiny_config(place.text_file), "a").exit_code, 0);
  const std::vector<std::string> words{
      "sample", "--run", place.run("a"), "--prompt", "the ", "--max-tokens", "60", "--json"};
  const std::string whole = place.engine(words).event("done")["text"].as_string();
  const std::string stop = whole.substr(20, 3);
  std::vector<std::string> stopping = words;
  stopping.insert(stopping.end(), {"--stop", "QQQ", "--stop", stop});
  const EngineResult cut = place.engine(stopping);
  ASSERT_EQ(cut.exit_code, 0) << cut.errors;
  EXPECT_EQ(cut.event("done")["text"].as_string(), whole.substr(0, whole.find(stop)));
  EXPECT_EQ(cut.event("done")["stopped_by"].as_string(), stop);
  EXPECT_EQ(cut.all("token").size(), whole.find(stop) + 3);
  EXPECT_EQ(place.engine(words).event("done").find("stopped_by"), nullptr);
  stopping.back() = std::string(65, 'x');
  EXPECT_EQ(place.engine(stopping).exit_code, 2);
}

/// A run that trains until it is told to end.
class Prompts : public ::testing::Test {
 protected:
  void start(std::vector<std::string> words) {
    connection.reset();
    words.emplace_back("--json");
    engine = std::make_unique<EngineProcess>(words, place.environment);
    ASSERT_FALSE(engine->wait_for_event("step").is_null()) << engine->errors();
    auto opened = ipc::Connection::connect(store::RunPaths{run}.socket());
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    connection = std::move(opened).value();
  }

  void SetUp() override {
    Json config = tiny_config(place.text_file);
    config.find("train")->set("max_steps", Json(1'000'000));
    config.find("train")->set("eval_interval_steps", Json(0));
    config.find("checkpoint")->set("interval_steps", Json(0));
    start({"train", "--config", place.write_config(config), "--run", run});
  }

  Workplace place;
  std::string run = place.run("a");
  std::unique_ptr<EngineProcess> engine;
  std::unique_ptr<ipc::Connection> connection;
};

TEST_F(Prompts, ScoreWhileTheRunTrainsAndWhileItIsPaused) {
  for (const int id : {5, 6}) {
    const auto messages =
        talk(*connection, command(id, "score", {{"text", Json("the king of night")}}), true);
    ASSERT_EQ(messages.size(), 1U + 17U + 1U);
    EXPECT_TRUE(messages[0]["ok"].as_bool());
    EXPECT_TRUE(messages[1]["is_context"].as_bool());
    EXPECT_TRUE(messages[2]["entropy"].is_number());
    EXPECT_EQ(messages.back()["tokens"].as_integer(), 16);
    EXPECT_GT(messages.back()["loss"].as_number(), 0.0);
    EXPECT_GT(messages.back()["step"].as_integer(), 0);
    talk(*connection, command(50 + id, "pause"));
  }
  EXPECT_FALSE(talk(*connection, command(7, "score", {{"text", Json("t")}}))[0]["ok"].as_bool());
  const auto stopped = talk(*connection,
                            command(8,
                                    "sample",
                                    {{"prompt", Json("the ")},
                                     {"max_tokens", Json(400)},
                                     {"stop", Json::array({Json("e"), Json(" ")})}}),
                            true);
  EXPECT_FALSE(stopped.back()["stopped_by"].as_string().empty());
  EXPECT_EQ(stopped.back()["text"].as_string().find(' '), std::string::npos);
}

TEST_F(Prompts, PinnedOnesAreAnsweredAtEveryCheckpointAcrossAResume) {
  const Json::Object pin{{"prompt", Json("the king ")},
                         {"max_tokens", Json(30)},
                         {"temperature", Json(0.8)},
                         {"seed", Json(11)}};
  const auto pinned = talk(*connection, command(1, "pin", pin));
  ASSERT_TRUE(pinned.back()["ok"].as_bool()) << pinned.back().dump();
  EXPECT_EQ(pinned.back()["pin_id"].as_integer(), 1);
  EXPECT_EQ(talk(*connection, command(2, "pin", pin)).back()["pin_id"].as_integer(), 2);
  ASSERT_TRUE(talk(*connection, command(3, "unpin", {{"pin_id", Json(2)}})).back()["ok"].as_bool());
  EXPECT_FALSE(
      talk(*connection, command(4, "unpin", {{"pin_id", Json(2)}})).back()["ok"].as_bool());
  const auto by_command = place.engine({"ctl", run, "pin", "no man ", "--json"});
  ASSERT_EQ(by_command.exit_code, 0) << by_command.errors;
  ASSERT_EQ(place.engine({"ctl", run, "unpin", "3"}).exit_code, 0);
  EXPECT_NE(place.engine({"ctl", run, "unpin", "3"}).exit_code, 0);
  EXPECT_NE(place.engine({"ctl", run, "pin"}).exit_code, 0);
  const Json saved = talk(*connection, command(5, "checkpoint")).back();
  const std::int64_t step = saved["step"].as_integer();
  ASSERT_EQ(place.engine({"ctl", run, "stop"}).exit_code, 0);
  ASSERT_EQ(engine->wait(), 130);
  EXPECT_EQ(events_of(run, "pin").size(), 3U);
  EXPECT_EQ(events_of(run, "unpin").size(), 2U);
  const auto answers = events_of(run, "pinned_answer");
  ASSERT_GE(answers.size(), 1U);
  EXPECT_EQ(answers[0].step, step);
  EXPECT_EQ(answers[0].detail["pin_id"].as_integer(), 1);
  EXPECT_EQ(answers[0].detail["num_tokens"].as_integer(), 30);
  EXPECT_GT(answers[0].detail["mean_prob"].as_number(), 0.0);
  // The same words from the stored checkpoint: answered with its very weights.
  EXPECT_EQ(place
                .engine({"sample",
                         "--run",
                         run,
                         "--checkpoint",
                         std::to_string(step),
                         "--prompt",
                         "the king ",
                         "--max-tokens",
                         "30",
                         "--seed",
                         "11",
                         "--json"})
                .event("done")["text"]
                .as_string(),
            answers[0].detail["text"].as_string());
  start({"train", "--resume", "--run", run});
  const std::int64_t later =
      talk(*connection, command(1, "checkpoint")).back()["step"].as_integer();
  ASSERT_EQ(place.engine({"ctl", run, "stop", "--discard"}).exit_code, 0);
  ASSERT_EQ(engine->wait(), 130);
  EXPECT_EQ(events_of(run, "pinned_answer").back().step, later);
  EXPECT_EQ(events_of(run, "pinned_answer").back().detail["pin_id"].as_integer(), 1);
  ASSERT_EQ(place
                .engine({"train",
                         "--fork",
                         run,
                         "--run",
                         place.run("child"),
                         "--set",
                         "train.max_steps=" + std::to_string(later + 2)})
                .exit_code,
            0);
  EXPECT_TRUE(events_of(place.run("child"), "pinned_answer").empty()) << "a fork inherits none";
}

TEST_F(Prompts, PinsDoNotChangeTheTraining) {
  ASSERT_TRUE(
      talk(*connection, command(1, "pin", {{"prompt", Json("the ")}, {"max_tokens", Json(20)}}))
          .back()["ok"]
          .as_bool());
  talk(*connection, command(2, "checkpoint"));
  const std::int64_t step = talk(*connection, command(3, "checkpoint")).back()["step"].as_integer();
  ASSERT_EQ(place.engine({"ctl", run, "stop", "--discard"}).exit_code, 0);
  ASSERT_EQ(engine->wait(), 130);
  ASSERT_EQ(place
                .engine({"train",
                         "--config",
                         place.dir / "config.json",
                         "--run",
                         place.run("alone"),
                         "--set",
                         "train.max_steps=" + std::to_string(step)})
                .exit_code,
            0);
  auto watched = metric_of(place, run, "train_loss");
  std::erase_if(watched, [&](const auto& sample) { return sample.first > step; });
  EXPECT_EQ(watched, metric_of(place, place.run("alone"), "train_loss"));
}

}  // namespace
}  // namespace switchyard::test
