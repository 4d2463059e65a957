// Sweeps with the real engine: a grid is trained, killed, continued; what fails is named; the table
// says what the run folders say.
#include <cmath>
#include <csignal>

#include <unistd.h>

#include <gtest/gtest.h>

#include "engine/base/store/run_overview.h"
#include "tests/integration/engine_driver.h"

namespace switchyard::test {
namespace {

using Words = std::vector<std::string>;

class Sweep : public ::testing::Test {
 protected:
  Sweep() {
    Json config = tiny_config(place.text_file);
    config.find("train")->set("max_steps", 6);
    config.find("train")->set("eval_interval_steps", 2);
    config.find("checkpoint")->set("interval_steps", 2);
    config_file = place.write_config(config);
  }

  /// Writes a sweep of the tiny configuration with further members.
  std::string write_sweep(const std::string& members) const {
    const std::string path = place.dir / "grid.json";
    write_file(path,
               R"({"schema": "switchyard.sweep", "version": 1, "config": "config.json", )" +
                   members + "}");
    return path;
  }

  static Words words_of(const std::string& file, const Words& more = {}) {
    Words words{"sweep", file, "--device", "cpu", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  [[nodiscard]] std::vector<Json> rows_of(const std::string& file) const {
    const EngineResult table = place.engine({"sweep", "table", file, "--json"});
    EXPECT_EQ(table.exit_code, 0) << table.errors;
    return table.all("row");
  }

  [[nodiscard]] bool has_checkpoint(const std::string& run) const {
    return !names_in(place.run(run) + "/checkpoints").empty();
  }

  Workplace place;
  std::string config_file;
};

/// How often a run was started, as its log tells.
std::size_t num_starts(const Workplace& place, const std::string& run) {
  const std::string log = read_text(place.run(run) + "/log.jsonl");
  std::size_t count = 0;
  for (std::size_t at = log.find("\"running\""); at != std::string::npos;
       at = log.find("\"running\"", at + 1))
    ++count;
  return count;
}

TEST_F(Sweep, TrainsAGridAndItsTableAgreesWithTheFolders) {
  const std::string file = write_sweep(R"("seeds": [1, 2], "axes": [
      {"path": "model.layers.0.feed_forward.d_ff", "values": [32, 64]},
      {"path": "optimizer.learning_rate", "values": [0.001, 0.01]}])");
  const std::string csv = place.dir / "table.csv";
  const std::vector<Json> before = rows_of(file);
  ASSERT_EQ(before.size(), 4U);
  EXPECT_EQ(before[0]["num_done"], Json(0));
  EXPECT_EQ(before[0]["num_seeds"], Json(2));
  EXPECT_EQ(before[0]["missing"][0]["state"].as_string(), "waiting");
  const EngineResult ran = place.engine(words_of(file, {"--csv", csv}));
  ASSERT_EQ(ran.exit_code, 0) << ran.errors << ran.output;
  EXPECT_EQ(ran.all("run_done").size(), 8U);
  const std::vector<Json> rows = rows_of(file);
  EXPECT_EQ(ran.all("row").size(), 4U);
  ASSERT_EQ(rows.size(), 4U);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i], ran.all("row")[i]) << "the same at any later time";
    EXPECT_EQ(rows[i]["num_done"], Json(2));
    const std::string stem = std::string("grid-d_ff-") + (i < 2 ? "32" : "64") + "-learning_rate-" +
                             (i % 2 == 0 ? "0.001" : "0.01") + "-s";
    const auto first = store::read_run_overview(place.run(stem + "1"));
    const auto second = store::read_run_overview(place.run(stem + "2"));
    EXPECT_EQ(first.tags, (Words{"grid"})) << "the window groups them";
    EXPECT_EQ(first.state, "completed");
    EXPECT_EQ(first.step, 6);
    EXPECT_NE(first.val_loss, second.val_loss) << "different seeds";
    const double mean = (first.val_loss + second.val_loss) / 2.0;
    EXPECT_NEAR(rows[i]["final_val_loss_mean"].as_number(), mean, 1e-12);
    EXPECT_NEAR(rows[i]["final_val_loss_sd"].as_number(),
                std::abs(first.val_loss - second.val_loss) / std::sqrt(2.0),
                1e-12);
    EXPECT_NEAR(rows[i]["best_val_loss_mean"].as_number(),
                (first.best_val_loss + second.best_val_loss) / 2.0,
                1e-12);
    EXPECT_EQ(rows[i]["params_total"].as_integer(), first.params_total);
    EXPECT_NEAR(rows[i]["train_seconds"].as_number(), (first.seconds + second.seconds) / 2.0, 1e-9);
    EXPECT_GT(rows[i]["step_time_ms"].as_number(), 0.0);
    const EngineResult params =
        place.engine({"params", "--config", place.run(stem + "1") + "/config.json", "--json"});
    EXPECT_NEAR(rows[i]["flops_per_token_step"].as_number(),
                params.events.at(0)["flops_per_token_step"].as_number(),
                1e-6);
  }
  EXPECT_EQ(read_text(csv).find("setting,num_seeds,num_done,final_val_loss_mean"), 0U);
  ASSERT_EQ(place.engine(words_of(file)).exit_code, 0);
  EXPECT_EQ(num_starts(place, "grid-d_ff-32-learning_rate-0.001-s1"), 1U)
      << "what is done is not trained again";
}

TEST_F(Sweep, GoesOnAfterItsDeath) {
  const std::string file = write_sweep(R"("runs": [
      {"name": "quick"}, {"name": "long", "set": {"train.max_steps": 100000000}}, {"name": "last"}])");
  const std::string run = "grid-long-s1337";
  {
    EngineProcess sweep(words_of(file), place.environment);
    for (int i = 0; i < 600 && !has_checkpoint(run); ++i) ::usleep(50'000);
    ASSERT_TRUE(has_checkpoint(run));
    EXPECT_EQ(place.engine(words_of(file)).exit_code, 6) << "one process at a time";
    sweep.send_signal(SIGKILL);
    sweep.wait();
  }
  // The training process of the killed sweep goes on; end that one as well.
  store::LockHolder holder;
  ASSERT_TRUE(store::RunLock::is_held(place.run(run), &holder));
  ::kill(static_cast<pid_t>(holder.pid), SIGKILL);
  for (int i = 0; i < 200 && store::RunLock::is_held(place.run(run)); ++i) ::usleep(20'000);
  const std::vector<Json> rows = rows_of(file);
  EXPECT_EQ(rows.at(0)["num_done"], Json(1));
  EXPECT_EQ(rows.at(1)["num_done"], Json(0));
  EXPECT_EQ(rows.at(1)["missing"][0]["state"].as_string(), "interrupted");
  EXPECT_EQ(rows.at(2)["missing"][0]["state"].as_string(), "waiting");
  const std::int64_t reached = store::summarize_run(place.run(run)).step;
  EXPECT_GE(reached, 2);
  EngineProcess sweep(words_of(file), place.environment);
  const auto is_beyond = [&] { return store::summarize_run(place.run(run)).step > reached + 2; };
  for (int i = 0; i < 600 && !is_beyond(); ++i) ::usleep(50'000);
  EXPECT_TRUE(is_beyond()) << "continued, not begun again";
  EXPECT_EQ(num_starts(place, "grid-quick-s1337"), 1U);
  sweep.send_signal(SIGINT);
  EXPECT_EQ(sweep.wait(), 130) << sweep.errors();
  EXPECT_EQ(store::summarize_run(place.run(run)).state, "stopped") << "saved first";
  EXPECT_FALSE(is_there(place.run("grid-last-s1337")));
}

TEST_F(Sweep, NamesWhatFailsAndTriesItAgainOnlyWhenAsked) {
  const std::string text = place.dir / "late.txt";
  const std::string file = write_sweep(R"("runs": [
      {"name": "broken", "set": {"data.text_file": ")" +
                                       text + R"("}}, {"name": "good"}])");
  const EngineResult ran = place.engine(words_of(file));
  EXPECT_EQ(ran.exit_code, 3) << "that of the run which failed";
  const auto done = ran.all("run_done");
  ASSERT_EQ(done.size(), 2U) << "the others are trained all the same";
  EXPECT_EQ(done[0]["state"].as_string(), "failed");
  EXPECT_NE(done[0]["message"].as_string().find(text), std::string::npos);
  EXPECT_EQ(done[1]["state"].as_string(), "done");
  EXPECT_NE(rows_of(file).at(0)["missing"][0]["reason"].as_string().find(text), std::string::npos);
  write_file(text, made_up_text(20'000));
  EXPECT_EQ(place.engine(words_of(file)).all("run_done").at(0)["state"].as_string(), "failed");
  const EngineResult again = place.engine(words_of(file, {"--retry-failed"}));
  EXPECT_EQ(again.exit_code, 0) << again.errors;
  EXPECT_EQ(rows_of(file).at(0)["num_done"], Json(1));
}

TEST_F(Sweep, IsWrittenFromTheCommandLineAndRefusedAsAWhole) {
  const Words base{
      "sweep", "--config", config_file, "--device", "cpu", "--json", "--name", "rates"};
  const auto with = [&](const Words& more) {
    Words words = base;
    words.insert(words.end(), more.begin(), more.end());
    return place.engine(words);
  };
  const EngineResult refused = with({"--axis", "model.num_heads=2,5", "--seeds", "1,2"});
  EXPECT_EQ(refused.exit_code, 2) << "nothing is trained when one setting is wrong";
  EXPECT_NE(refused.errors.find("[num_heads=5] /model/d_model"), std::string::npos)
      << refused.errors;
  EXPECT_FALSE(is_there(place.dir / "runs"));
  const Words good{"--axis", "optimizer.learning_rate=0.001,0.002", "--max-steps", "3"};
  ASSERT_EQ(with(good).exit_code, 0);
  EXPECT_EQ(rows_of("rates").size(), 2U) << "found again by its name";
  EXPECT_EQ(with(good).exit_code, 0) << "the same words go on with the same sweep";
  EXPECT_EQ(with({"--axis", "optimizer.learning_rate=0.003"}).exit_code, 2) << "others need a name";
  const EngineResult changed = place.engine({"sweep", "rates", "--seeds", "5", "--json"});
  EXPECT_EQ(changed.exit_code, 2);
  EXPECT_NE(changed.errors.find("--name"), std::string::npos);
  const EngineResult derived = place.engine(
      {"sweep", "rates", "--seeds", "5", "--name", "rates-5", "--device", "cpu", "--json"});
  EXPECT_EQ(derived.exit_code, 0) << derived.errors;
  EXPECT_TRUE(is_there(place.run("rates-5-learning_rate-0.002-s5")));
  EXPECT_EQ(place.engine({"sweep", "nowhere"}).exit_code, 2);
  EXPECT_EQ(place.engine({"sweep"}).exit_code, 2);
}

}  // namespace
}  // namespace switchyard::test
