#include <cmath>
#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/integration/engine_driver.h"

namespace switchyard::test {
namespace {

TEST(Train, TellsTheWholeRunInJsonLines) {
  const Workplace place;
  const EngineResult result = place.train(tiny_config(place.text_file), "a");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const Json start = result.event("start");
  EXPECT_EQ(start["run"].as_string(), place.run("a"));
  EXPECT_GT(start["params_total"].as_integer(), start["params_active"].as_integer());
  EXPECT_EQ(start["device"].as_string(), "cpu");
  const auto steps = result.all("step");
  ASSERT_EQ(steps.size(), 60U);
  for (const Json& step : steps) {
    for (const char* key : {"train_loss", "learning_rate", "grad_norm", "tokens_per_second"}) {
      EXPECT_TRUE(step[key].is_number()) << key;
    }
    EXPECT_EQ(step["tokens"].as_integer(), step["step"].as_integer() * 4 * 32);
  }
  EXPECT_LT(steps.back()["train_loss"].as_number(), steps.front()["train_loss"].as_number() - 0.3);
  const auto evaluations = result.all("eval");
  ASSERT_EQ(evaluations.size(), 3U);
  EXPECT_EQ(evaluations[0]["step"].as_integer(), 20);
  EXPECT_EQ(evaluations[0]["split"].as_string(), "val");
  const auto checkpoints = result.all("checkpoint");
  ASSERT_EQ(checkpoints.size(), 3U);
  for (const Json& checkpoint : {checkpoints[1], checkpoints[2]}) {
    EXPECT_TRUE(is_there(checkpoint["path"].as_string() + "/manifest.json"));
  }
  const Json done = result.event("done");
  EXPECT_EQ(done["step"].as_integer(), 60);
  EXPECT_GT(done["seconds"].as_number(), 0.0);
  EXPECT_TRUE(std::isfinite(done["val_loss"].as_number()));
  EXPECT_FALSE(is_there(place.run("a") + "/crash.txt"));
  EXPECT_EQ(place.engine({"verify", place.run("a")}).exit_code, 0);
}

TEST(Train, PrintsPlainLinesWithoutATerminal) {
  const Workplace place;
  const EngineResult result = place.engine({"train",
                                            "--config",
                                            place.write_config(tiny_config(place.text_file)),
                                            "--run",
                                            place.run("a")});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_NE(result.output.find("step 60/60"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("done: 60 steps"), std::string::npos);
  EXPECT_EQ(result.output.find('\r'), std::string::npos);
}

TEST(Train, GivesTheSameLossesForTheSameSeed) {
  const Workplace place;
  const Json config = tiny_config(place.text_file);
  ASSERT_EQ(place.train(config, "a").exit_code, 0);
  ASSERT_EQ(place.train(config, "b").exit_code, 0);
  ASSERT_EQ(place.train(config, "c", {"--set", "train.seed=7"}).exit_code, 0);
  const auto a = metric_of(place, place.run("a"), "train_loss");
  EXPECT_EQ(a.size(), 60U);
  EXPECT_EQ(a, metric_of(place, place.run("b"), "train_loss"));
  EXPECT_NE(a, metric_of(place, place.run("c"), "train_loss"));
}

TEST(Train, AccumulatesGradientsOverSlicesOfTheSameBatch) {
  const Workplace place;
  Json config = tiny_config(place.text_file);
  config.find("model")->set("dropout", Json(0.0));
  ASSERT_EQ(place.train(config, "a").exit_code, 0);
  ASSERT_EQ(place
                .train(config,
                       "b",
                       {"--set", "train.micro_batch_size=2", "--set", "train.grad_accum_steps=2"})
                .exit_code,
            0);
  const auto a = metric_of(place, place.run("a"), "train_loss");
  const auto b = metric_of(place, place.run("b"), "train_loss");
  ASSERT_EQ(a.size(), b.size());
  EXPECT_NEAR(std::stod(a.at(1)), std::stod(b.at(1)), 1e-5);
  EXPECT_NEAR(std::stod(a.at(30)), std::stod(b.at(30)), 0.05);
}

TEST(Train, NamesARunAfterThePresetWhenNoneIsGiven) {
  const Workplace place;
  const EngineResult result = place.engine({"train",
                                            "--config",
                                            place.write_config(tiny_config(place.text_file)),
                                            "--json",
                                            "--set",
                                            "train.max_steps=2"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(result.event("start")["run"].as_string(), place.run("tiny-001"));
}

TEST(Train, SavesAndStopsOnSigint) {
  const Workplace place;
  Json config = tiny_config(place.text_file);
  config.find("train")->set("max_steps", Json(1'000'000));
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string run = place.run(std::to_string(signal));
    EngineProcess engine({"train", "--config", place.write_config(config), "--run", run, "--json"},
                         place.environment);
    ASSERT_FALSE(
        engine.wait_for([](const Json& e) { return e["step"].as_integer() >= 25; }).is_null());
    engine.send_signal(signal);
    EXPECT_EQ(engine.wait(), 130);
    const Json last = engine.events().back();
    EXPECT_EQ(last["state"].as_string(), "stopped");
    const auto checkpoints = names_in(run + "/checkpoints");
    ASSERT_FALSE(checkpoints.empty());
    EXPECT_EQ(std::stoll(checkpoints.back().substr(5)), last["step"].as_integer());
    EXPECT_EQ(place.engine({"verify", run}).exit_code, 0);
  }
}

TEST(Eval, IsTheSameEveryTimeAndTheSameAsAtTheEndOfTheRun) {
  const Workplace place;
  const EngineResult trained = place.train(tiny_config(place.text_file), "a");
  ASSERT_EQ(trained.exit_code, 0) << trained.errors;
  const EngineResult first = place.engine({"eval", "--run", place.run("a"), "--json"});
  const EngineResult second = place.engine({"eval", "--run", place.run("a"), "--json"});
  ASSERT_EQ(first.exit_code, 0) << first.errors;
  ASSERT_EQ(first.events.size(), 1U);
  EXPECT_EQ(first.output, second.output);
  const Json& report = first.events[0];
  EXPECT_EQ(report["loss"].dump(), trained.event("done")["val_loss"].dump());
  EXPECT_NEAR(report["perplexity"].as_number(), std::exp(report["loss"].as_number()), 1e-9);
  EXPECT_NEAR(
      report["bits_per_byte"].as_number(), report["loss"].as_number() / std::log(2.0), 1e-6);
  EXPECT_EQ(report["step"].as_integer(), 60);
  EXPECT_EQ(report["tokens"].as_integer() % 32, 0);
  const EngineResult earlier =
      place.engine({"eval", "--run", place.run("a"), "--checkpoint", "40", "--json"});
  ASSERT_EQ(earlier.exit_code, 0) << earlier.errors;
  EXPECT_EQ(earlier.events[0]["step"].as_integer(), 40);
  EXPECT_EQ(place.engine({"eval", "--run", place.run("a"), "--checkpoint", "41"}).exit_code, 3);
  EXPECT_EQ(place.engine({"eval", "--run", place.run("a"), "--checkpoint", "x"}).exit_code, 2);
  EXPECT_EQ(place.engine({"eval", "--run", place.run("a"), "--checkpoint", "best"}).exit_code, 0);
}

TEST(Sample, StreamsTokensWithTheirEvidence) {
  const Workplace place;
  ASSERT_EQ(place.train(tiny_config(place.text_file), "a").exit_code, 0);
  const std::vector<std::string> words{"sample",
                                       "--run",
                                       place.run("a"),
                                       "--prompt",
                                       "the king ",
                                       "--max-tokens",
                                       "100",
                                       "--seed",
                                       "3",
                                       "--json"};
  const EngineResult result = place.engine(words);
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const auto tokens = result.all("token");
  ASSERT_EQ(tokens.size(), 100U) << "more than one context of 32";
  std::string text;
  for (const Json& token : tokens) {
    text += token["text"].as_string();
    EXPECT_GT(token["prob"].as_number(), 0.0);
    ASSERT_EQ(token["top"].size(), 5U);
    EXPECT_GE(token["top"][0]["prob"].as_number(), token["top"][4]["prob"].as_number());
    ASSERT_EQ(token["route"].size(), 1U);
    EXPECT_EQ(token["route"][0]["layer"].as_integer(), 1);
    EXPECT_EQ(token["route"][0]["experts"].size(), 2U);
    EXPECT_NEAR(
        token["route"][0]["weights"][0].as_number() + token["route"][0]["weights"][1].as_number(),
        1.0,
        1e-5);
  }
  EXPECT_EQ(result.event("done")["text"].as_string(), text);
  EXPECT_EQ(place.engine(words).output, result.output) << "the seed decides the text";
  for (const std::vector<std::string>& more :
       std::vector<std::vector<std::string>>{{}, {"--stop", "e"}}) {
    std::vector<std::string> several{"sample",
                                     "--run",
                                     place.run("a"),
                                     "--prompt",
                                     "the ",
                                     "--max-tokens",
                                     "40",
                                     "--num-samples",
                                     "3"};
    several.insert(several.end(), more.begin(), more.end());
    const EngineResult together = place.engine(several);
    ASSERT_EQ(together.exit_code, 0) << together.errors;
    several.emplace_back("--json");
    std::string expected;
    for (const Json& done : place.engine(several).all("done")) {
      expected += (expected.empty() ? "the " : "---\nthe ") + done["text"].as_string() + "\n";
    }
    EXPECT_EQ(together.output, expected) << "written together, one sees what each would be alone";
  }
  const EngineResult foreign =
      place.engine({"sample", "--run", place.run("a"), "--prompt", "QQQ", "--json"});
  EXPECT_EQ(foreign.exit_code, 3);
  EXPECT_NE(foreign.errors.find("Q"), std::string::npos);
}

TEST(Metrics, ExportsEverySampleInBothFormats) {
  const Workplace place;
  ASSERT_EQ(place.train(tiny_config(place.text_file), "a").exit_code, 0);
  const EngineResult lines =
      place.engine({"metrics", "--run", place.run("a"), "--format", "jsonl"});
  ASSERT_EQ(lines.exit_code, 0) << lines.errors;
  std::size_t num_losses = 0, num_loads = 0;
  for (const Json& line : lines.events) {
    for (const char* key : {"metric", "step", "tokens", "seconds", "value"}) {
      ASSERT_NE(line.find(key), nullptr) << key;
    }
    num_losses += line["metric"].as_string() == "train_loss" ? 1 : 0;
    if (line["metric"].as_string() != "tokens_per_expert") continue;
    ++num_loads;
    double total = 0.0;
    for (const Json& count : line["value"].items()) total += count.as_number();
    EXPECT_EQ(total, 5 * 4 * 32 * 2) << "5 steps of 128 tokens, 2 experts each";
  }
  EXPECT_EQ(num_losses, 60U);
  EXPECT_EQ(num_loads, 12U);
  const EngineResult table = place.engine({"metrics", "--run", place.run("a"), "--format", "csv"});
  EXPECT_EQ(table.exit_code, 0);
  EXPECT_EQ(table.output.substr(0, table.output.find('\n')),
            "metric,layer,step,tokens,seconds,flops,value");
  EXPECT_EQ(std::count(table.output.begin(), table.output.end(), '\n') - 1,
            static_cast<std::ptrdiff_t>(lines.events.size()));
}

TEST(Inspect, AnswersWithoutARun) {
  const Workplace place;
  const EngineResult presets = place.engine({"presets", "--json"});
  EXPECT_EQ(presets.exit_code, 0) << presets.errors;
  std::size_t num_defaults = 0;
  for (const Json& preset : presets.events) num_defaults += preset["is_default"].as_bool() ? 1 : 0;
  EXPECT_EQ(num_defaults, 1U);
  const EngineResult params =
      place.engine({"params", "--preset", "gpt2-124m", "--vocab-size", "50257", "--json"});
  ASSERT_EQ(params.exit_code, 0) << params.errors;
  EXPECT_NEAR(params.events[0]["params_total"].as_number(), 124.4e6, 0.5e6);
  double forward = 0.0;
  for (const auto& [part, flops] : params.events[0]["flops_by_part"]["forward"].members())
    forward += flops.as_number();
  EXPECT_DOUBLE_EQ(forward, params.events[0]["flops_per_token_forward"].as_number());
  EXPECT_EQ(params.events[0]["flops_per_token_step_by_rule"].size(), 5U);
  const EngineResult ids = place.engine({"tokenize", "--tokenizer", "byte", "--json"}, "ab\n");
  ASSERT_EQ(ids.exit_code, 0) << ids.errors;
  EXPECT_EQ(ids.events[0]["ids"].dump(), "[97,98,10]");
  EXPECT_EQ(
      place.engine({"tokenize", "--tokenizer", "char", "--json"}, "abca").events[0]["ids"].dump(),
      "[0,1,2,0]");
  EXPECT_EQ(place.engine({"data", "list", "--json"}).exit_code, 0);
  const EngineResult info =
      place.engine({"data", "info", "--text-file", place.text_file, "--json"});
  ASSERT_EQ(info.exit_code, 0) << info.errors;
  EXPECT_GT(info.events[0]["train_tokens"].as_integer(), 10'000);
  EXPECT_EQ(place.engine({"--help"}).exit_code, 0);
}

TEST(Inspect, TheCheckedInSchemaIsTheProgramsOwn) {
  const Workplace place;
  const EngineResult result = place.engine({"schema", "--write", place.dir / "schema"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(read_text(place.dir / "schema/run.schema.json"),
            read_text(std::string(SY_SOURCE_DIR) + "/configs/schema/run.schema.json"))
      << "run: switchyard-engine schema --write configs/schema";
}

TEST(Status, BearsEveryKindOfFolder) {
  const Workplace place;
  ASSERT_EQ(place.train(tiny_config(place.text_file), "a").exit_code, 0);
  write_file(place.run("empty") + "/x", "");
  write_file(place.run("foreign") + "/config.json", "{\"name\": 3}");
  write_file(place.run("foreign") + "/run.db", "not a database");
  write_file(place.run("half") + "/config.json", read_text(place.run("a") + "/config.json"));
  const EngineResult runs = place.engine({"runs", "--json"});
  EXPECT_EQ(runs.exit_code, 0) << runs.errors;
  bool is_listed = false;
  for (const Json& run : runs.events) {
    if (run["name"].as_string() != "a") continue;
    is_listed = true;
    EXPECT_EQ(run["state"].as_string(), "completed");
    EXPECT_EQ(run["step"].as_integer(), 60);
  }
  EXPECT_TRUE(is_listed);
  EXPECT_EQ(place.engine({"status", "a", "--json"}).exit_code, 0);
  for (const char* name : {"empty", "foreign", "half", "missing"}) {
    const int code = place.engine({"status", place.run(name), "--json"}).exit_code;
    EXPECT_TRUE(code == 0 || code == 3) << name << " " << code;
    const int verified = place.engine({"verify", place.run(name)}).exit_code;
    EXPECT_TRUE(verified == 0 || verified == 3) << name << " " << verified;
  }
  EXPECT_EQ(place.engine({"verify", place.run("foreign")}).exit_code, 3);
}

}  // namespace
}  // namespace switchyard::test
