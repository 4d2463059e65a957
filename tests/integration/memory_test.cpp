#include <csignal>
#include <cstdlib>

#include <unistd.h>

#include <gtest/gtest.h>

#include "engine/base/store/run_folder.h"
#include "engine/base/store/run_store.h"
#include "tests/integration/engine_driver.h"

namespace switchyard::test {
namespace {

std::vector<store::Event> events_of(const std::string& run, const std::string& kind) {
  const auto reader = store::Reader::open(store::RunPaths{run}.database());
  EXPECT_TRUE(reader.ok());
  std::vector<store::Event> events = (*reader)->poll()->events;
  std::erase_if(events, [&](const store::Event& event) { return event.kind != kind; });
  return events;
}

TEST(Memory, OneShortageIsRetriedAndChangesNothing) {
  Workplace place;
  const Json config = tiny_config(place.text_file);
  ASSERT_EQ(place.train(config, "calm").exit_code, 0);
  place.environment["SY_INJECT"] = "oom_once@10-12";
  const EngineResult result = place.train(config, "short");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  ASSERT_EQ(result.all("guard").size(), 3U);
  for (const Json& action : result.all("guard")) EXPECT_EQ(action["action"].as_string(), "retry");
  EXPECT_EQ(metric_of(place, place.run("short"), "train_loss"),
            metric_of(place, place.run("calm"), "train_loss"));
}

TEST(Memory, TheBatchIsHalvedAndThatIsSaid) {
  Workplace place;
  Json config = tiny_config(place.text_file);
  config.find("model")->set("dropout", Json(0.0));
  ASSERT_EQ(place.train(config, "calm").exit_code, 0);
  place.environment["SY_INJECT"] = "oom@10";
  ASSERT_EQ(place.train(config, "halved").exit_code, 0);
  const auto guards = events_of(place.run("halved"), "guard");
  ASSERT_EQ(guards.size(), 2U);
  EXPECT_EQ(guards[1].step, 10);
  EXPECT_EQ(guards[1].detail["action"].as_string(), "halve_micro_batch");
  EXPECT_EQ(guards[1].detail["from"].as_integer(), 4);
  EXPECT_EQ(guards[1].detail["to"].as_integer(), 2);
  EXPECT_FALSE(guards[1].detail["is_exact"].as_bool(true));
  const auto halved = metric_of(place, place.run("halved"), "train_loss");
  const auto calm = metric_of(place, place.run("calm"), "train_loss");
  EXPECT_EQ(halved.at(9), calm.at(9));
  EXPECT_NEAR(std::stod(halved.at(10)), std::stod(calm.at(10)), 1e-5) << "the same sequences";
}

TEST(Memory, WithoutAWayOutItEndsWithTheLastGoodStep) {
  Workplace place;
  Json config = tiny_config(place.text_file);
  config.find("model")->set("dropout", Json(0.0));
  ASSERT_EQ(place.train(config, "calm").exit_code, 0);
  place.environment["SY_INJECT"] = "oom_always@30";
  const EngineResult result = place.train(config, "short");
  EXPECT_EQ(result.exit_code, 7) << result.errors;
  const auto guards = events_of(place.run("short"), "guard");
  ASSERT_EQ(guards.size(), 5U) << "retry, 4 to 2, retry, 2 to 1, retry";
  EXPECT_EQ(guards[3].detail["to"].as_integer(), 1);
  const auto errors = events_of(place.run("short"), "error");
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].detail["code"].as_string(), "out_of_memory");
  EXPECT_EQ(errors[0].detail["needed_bytes"].as_integer(), 2 << 20);
  EXPECT_EQ(errors[0].detail["micro_batch_size"].as_integer(), 1);
  EXPECT_EQ(errors[0].detail["grad_accum_steps"].as_integer(), 4);
  EXPECT_FALSE(errors[0].detail["hint"].as_string().empty());
  EXPECT_EQ(place.engine({"verify", place.run("short")}).exit_code, 0);
  EXPECT_EQ(names_in(place.run("short") + "/checkpoints").back(), "step_00000029");
  place.environment.erase("SY_INJECT");
  const EngineResult resumed = place.engine({"train",
                                             "--resume",
                                             "--run",
                                             place.run("short"),
                                             "--set",
                                             "train.micro_batch_size=2",
                                             "--set",
                                             "train.grad_accum_steps=2",
                                             "--json"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.errors;
  EXPECT_EQ(resumed.event("start")["step"].as_integer(), 29);
  EXPECT_NEAR(std::stod(metric_of(place, place.run("short"), "train_loss").at(30)),
              std::stod(metric_of(place, place.run("calm"), "train_loss").at(30)),
              1e-5);
}

TEST(Memory, InsideTheUpdateItEndsAtTheLastCheckpoint) {
  Workplace place;
  place.environment["SY_INJECT"] = "oom_update@30";
  const EngineResult result = place.train(tiny_config(place.text_file), "a");
  EXPECT_EQ(result.exit_code, 7) << result.errors;
  EXPECT_EQ(names_in(place.run("a") + "/checkpoints").back(), "step_00000020")
      << "half updated weights are never saved";
  EXPECT_EQ(place.engine({"verify", place.run("a")}).exit_code, 0);
  place.environment.erase("SY_INJECT");
  EXPECT_EQ(place.engine({"train", "--resume", "--run", place.run("a")}).exit_code, 0);
}

TEST(Memory, IsRecordedAndMeasured) {
  const Workplace place;
  const Json config = tiny_config(place.text_file);
  ASSERT_EQ(place.train(config, "a").exit_code, 0);
  const auto memory = metric_of(place, place.run("a"), "memory_bytes");
  ASSERT_EQ(memory.size(), 60U);
  EXPECT_GT(std::stod(memory.at(60)), 1e6);
  const EngineResult bench = place.engine({"bench",
                                           "step",
                                           "--config",
                                           place.write_config(config),
                                           "--device",
                                           "cpu",
                                           "--warmup",
                                           "1",
                                           "--steps",
                                           "3",
                                           "--peak-tflops",
                                           "0.25",
                                           "--json"});
  ASSERT_EQ(bench.exit_code, 0) << bench.errors;
  ASSERT_EQ(bench.events.size(), 1U);
  EXPECT_GT(bench.events[0]["peak_bytes"].as_integer(), 1'000'000);
  EXPECT_EQ(bench.events[0]["mfu_rule"].as_string(), "counted_causal");
  EXPECT_NEAR(bench.events[0]["mfu"].as_number(),
              bench.events[0]["flops_per_second"].as_number() / 0.25e12,
              1e-9);
  EXPECT_EQ(bench.events[0]["mfu_by_rule"].size(), 5U);
  EXPECT_TRUE(bench.events[0]["flops_by_part"]["step"]["experts"].is_number());
  EXPECT_GE(bench.events[0]["ms_p95"].as_number(), bench.events[0]["ms"].as_number());
}

TEST(Gap, AStoppedProcessIsAnEventAndNoTrainingTime) {
  const Workplace place;
  Json config = tiny_config(place.text_file);
  config.find("train")->set("max_steps", Json(1'000'000));
  config.find("train")->set("eval_interval_steps", Json(0));
  const std::string run = place.run("a");
  EngineProcess engine({"train", "--config", place.write_config(config), "--run", run, "--json"},
                       place.environment);
  ASSERT_FALSE(engine.wait_for_event("step").is_null()) << engine.errors();
  engine.send_signal(SIGSTOP);
  ::usleep(6'500'000);
  engine.send_signal(SIGCONT);
  const Json gap = engine.wait_for_event("gap");
  ASSERT_FALSE(gap.is_null());
  EXPECT_NEAR(gap["seconds"].as_number(), 6.5, 1.0);
  EXPECT_EQ(gap["cause"].as_string(), "stopped");
  const std::int64_t step = gap["step"].as_integer();
  ASSERT_FALSE(engine
                   .wait_for([&](const Json& event) {
                     return event["event"].as_string() == "step" &&
                            event["step"].as_integer() > step + 2;
                   })
                   .is_null());
  engine.send_signal(SIGTERM);
  EXPECT_EQ(engine.wait(), 130);
  ASSERT_EQ(events_of(run, "gap").size(), 1U);
  for (const auto& [at, milliseconds] : metric_of(place, run, "step_time_ms")) {
    EXPECT_LT(std::stod(milliseconds), 3000.0) << "step " << at;
  }
  for (const auto& [at, rate] : metric_of(place, run, "tokens_per_second")) {
    EXPECT_GT(std::stod(rate), 128 / 3.0) << "step " << at;
  }
}

}  // namespace
}  // namespace switchyard::test
