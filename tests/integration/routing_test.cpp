// Routing probes and the doctor in real runs.
#include <gtest/gtest.h>

#include "tests/integration/engine_driver.h"

namespace switchyard::test {
namespace {

constexpr double kLongSeconds = 900.0;

/// The default preset on a made-up text, on two threads.
EngineResult train_default_preset(const Workplace& place,
                                  const std::string& run,
                                  const std::vector<std::string>& settings) {
  std::vector<std::string> words{"train",
                                 "--preset",
                                 "shakespeare-char-moe-cpu",
                                 "--device",
                                 "cpu",
                                 "--run",
                                 place.run(run),
                                 "--json",
                                 "--set",
                                 "data.dataset=",
                                 "--set",
                                 "data.text_file=" + place.text_file,
                                 "--set",
                                 "train.eval_windows=16",
                                 "--set",
                                 "train.eval_interval_steps=100"};
  for (const std::string& setting : settings) {
    words.push_back("--set");
    words.push_back(setting);
  }
  return run_engine(words, place.environment, "", kLongSeconds);
}

TEST(Routing, ProbesAreRecordedAndShownAndChangeNoNumber) {
  const Workplace place;
  Json config = tiny_config(place.text_file);
  const EngineResult with = place.train(config, "with", {"--set", "log.probe_tokens=512"});
  const EngineResult without =
      place.train(config, "without", {"--set", "log.probe_interval_steps=0"});
  ASSERT_EQ(with.exit_code, 0) << with.errors;
  ASSERT_EQ(without.exit_code, 0) << without.errors;
  for (const char* metric : {"train_loss", "val_loss", "grad_norm"})
    EXPECT_EQ(metric_of(place, place.run("with"), metric),
              metric_of(place, place.run("without"), metric));
  const EngineResult shown = place.engine({"routing", place.run("with"), "--json"});
  ASSERT_EQ(shown.exit_code, 0) << shown.errors;
  const Json layer = shown.event("layer");
  EXPECT_EQ(layer["step"].as_integer(), 60);
  EXPECT_EQ(layer["layer"].as_integer(), 1);
  EXPECT_EQ(layer["num_tokens"].as_integer(), 512);
  ASSERT_EQ(layer["experts"].size(), 4U);
  std::int64_t assignments = 0;
  for (const Json& expert : layer["experts"].items()) assignments += expert["tokens"].as_integer();
  EXPECT_EQ(assignments, 2 * 512);
  EXPECT_FALSE(layer["experts"][0]["input_by_count"][0]["text"].as_string().empty());
  ASSERT_EQ(layer["saturation"].size(), 3U);  // steps 20, 40, 60
  EXPECT_EQ(layer["saturation"][2]["top_k_vs_last"].as_number(), 1.0);
  EXPECT_GT(layer["saturation"][1]["top_k_vs_previous"].as_number(), 0.4);
  const EngineResult text = place.engine({"routing", place.run("with"), "--layer", "1"});
  EXPECT_NE(text.output.find("layer 1: 4 experts, 2 per token"), std::string::npos) << text.output;
  EXPECT_EQ(place.engine({"routing", place.run("with"), "--layer", "0"}).exit_code, 2);
  EXPECT_NE(place.engine({"routing", place.run("without")}).exit_code, 0) << "nothing was probed";
  EXPECT_EQ(place.engine({"verify", place.run("with")}).exit_code, 0);
}

TEST(Doctor, FindsNothingInTheDefaultPreset) {
  const Workplace place;
  const EngineResult result = train_default_preset(place, "a", {"train.max_steps=400"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  for (const Json& event : result.all("doctor")) ADD_FAILURE() << event.dump();
  const EngineResult status = place.engine({"status", place.run("a"), "--json"});
  EXPECT_NE(status.output.find("\"findings\":[]"), std::string::npos) << status.output;
}

TEST(Doctor, NamesAPlantedCollapseWithinTwoHundredSteps) {
  const Workplace place;
  const EngineResult result =
      train_default_preset(place,
                           "a",
                           {"train.max_steps=150",
                            "optimizer.learning_rate=0.01",  // sooner: the text is easy
                            "model.layers.0.feed_forward.load_balance_coef=0",
                            "model.layers.0.feed_forward.combine_weight.type=raw",
                            "model.layers.0.feed_forward.router.top_k=1"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  bool is_named = false;
  for (const Json& event : result.all("doctor")) {
    is_named = is_named || (event["finding"].as_string() == "collapsed_router" &&
                            event["action"].as_string() == "found");
  }
  EXPECT_TRUE(is_named);
  const EngineResult status = place.engine({"status", place.run("a")});
  EXPECT_NE(status.output.find("load_balance_coef = 0.01"), std::string::npos) << status.output;
}

}  // namespace
}  // namespace switchyard::test
