// Sweeps: reading their files, the runs that they come to, and the numbers of their table.
#include "engine/base/sweep/sweep.h"

#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "engine/base/config/model_size.h"
#include "engine/base/config/presets.h"
#include "engine/base/store/run_store.h"
#include "engine/base/sweep/sweep_table.h"
#include "tests/support/declared_router.h"
#include "tests/support/temporary_folder.h"

namespace switchyard::sweep {
namespace {

const std::string kConfigs = std::string(SY_SOURCE_DIR) + "/configs";

Json json_of(const std::string& text) {
  auto json = parse_json(text, "test");
  EXPECT_TRUE(json.ok()) << (json.ok() ? "" : json.error().text());
  return json.ok() ? std::move(json).value() : Json();
}

Parsed parsed(const std::string& members) {
  return parse(json_of(R"({"schema": "switchyard.sweep", "version": 1, )" + members + "}"),
               "folder/widths.json");
}

/// All errors of a sweep as one text.
std::string errors_of(const std::string& members) {
  std::string text;
  for (const Error& error : parsed(members).errors) text += error.text() + "\n";
  return text;
}

Plan plan_of(const std::string& members) {
  const Parsed read = parsed(members);
  for (const Error& error : read.errors) ADD_FAILURE() << error.text();
  return make_plan(
      test::run_schema_for_tests(), read.sweep, json_of(R"({"name": "base"})"), "s.json");
}

std::vector<std::string> names_of(const Plan& plan) {
  std::vector<std::string> names;
  for (const Run& run : plan.runs) names.push_back(run.name);
  return names;
}

using Names = std::vector<std::string>;

TEST(SweepFile, GivesAllCombinationsWithEverySeed) {
  const Plan plan = plan_of(R"("preset": "p", "seeds": [1, 7], "max_steps": 9, "axes": [
      {"path": "optimizer.learning_rate", "values": [0.001, 1e-4]},
      {"path": "model.norm", "values": ["layer_norm", "rms_norm"]}])");
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan.settings,
            (Names{"learning_rate=0.001 norm=layer_norm",
                   "learning_rate=0.001 norm=rms_norm",
                   "learning_rate=1e-04 norm=layer_norm",
                   "learning_rate=1e-04 norm=rms_norm"}));
  ASSERT_EQ(plan.runs.size(), 8U);
  EXPECT_EQ(plan.runs[1].name, "widths-learning_rate-0.001-norm-rms_norm-s1");
  EXPECT_EQ(plan.runs[6].name, "widths-learning_rate-1e-04-norm-layer_norm-s7")
      << "all settings with one seed, then with the next";
  EXPECT_EQ(plan.runs[6].config["optimizer"]["learning_rate"].as_number(), 1e-4);
  EXPECT_EQ(plan.runs[6].config["model"]["norm"].as_string(), "layer_norm");
  EXPECT_EQ(plan.runs[6].config["train"]["seed"].as_integer(), 7);
  EXPECT_EQ(plan.runs[6].config["train"]["max_steps"].as_integer(), 9);
  EXPECT_EQ(plan.runs[6].setting, 2U);
}

TEST(SweepFile, ListsRunsAndCrossesThemWithAxes) {
  const Plan plan = plan_of(R"("preset": "p", "name": "arms", "set": {"train.max_steps": 5},
      "runs": [{"name": "plain"}, {"name": "wide", "set": {"model.d_model": 256}}],
      "axes": [{"path": "model.dropout", "values": [0, 0.1]}])");
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(names_of(plan),
            (Names{"arms-plain-dropout-0-s1337",
                   "arms-plain-dropout-0.1-s1337",
                   "arms-wide-dropout-0-s1337",
                   "arms-wide-dropout-0.1-s1337"}))
      << "without seeds, that of the base";
  EXPECT_EQ(plan.runs[3].config["model"]["d_model"].as_integer(), 256);
  EXPECT_EQ(plan.runs[3].config["model"]["dropout"].as_number(), 0.1);
  EXPECT_EQ(plan.runs[3].config["train"]["max_steps"].as_integer(), 5);
  const Plan base = plan_of(R"("preset": "p", "seeds": [3])");
  EXPECT_EQ(names_of(base), (Names{"widths-base-s3"}));
}

TEST(SweepFile, NamesStayDifferentAndShort) {
  const Plan layers = plan_of(R"("preset": "p", "set": {"model.layers": [{}, {}]}, "axes": [
      {"path": "model.layers.0.feed_forward.d_ff", "values": [16]},
      {"path": "model.layers.1.feed_forward.d_ff", "values": [32]}])");
  ASSERT_TRUE(layers.ok());
  EXPECT_EQ(layers.settings[0], "0.feed_forward.d_ff=16 1.feed_forward.d_ff=32");
  const std::string beginning(80, 'a');
  const Plan notes = plan_of(R"("preset": "p", "axes": [{"path": "note", "values": [")" +
                             beginning + R"(1", ")" + beginning + R"(2"]}])");
  ASSERT_TRUE(notes.ok());
  EXPECT_NE(notes.runs[0].name, notes.runs[1].name);
  EXPECT_LE(notes.runs[0].name.size(), 80U);
  const Plan equal =
      plan_of(R"("preset": "p", "axes": [{"path": "note", "values": ["a b", "a/b"]}])");
  ASSERT_EQ(equal.errors.size(), 1U);
  EXPECT_NE(equal.errors[0].text().find("folder names"), std::string::npos);
}

TEST(SweepFile, SaysEverythingThatIsWrongWithIt) {
  const std::string errors = errors_of(R"("preset": "p", "config": "c.json", "axis": [],
      "axes": [{"path": "train.seed", "values": [1, 2]}, {"path": "a", "values": []},
               {"path": "b", "values": [1, 1], "vals": 3}],
      "runs": [{"name": "a/b"}, {"name": "x", "set": 3}, {"name": "x"}],
      "seeds": [1, -2, 1], "max_steps": 0)");
  for (const char* expected :
       {"folder/widths.json /axis: expected a known key, found \"axis\". Did you mean \"axes\"?",
        "/preset: expected \"preset\" or \"config\" as the base of all runs, found both.",
        "/axes/0/path: expected another path, found \"train.seed\". List the seeds as \"seeds\".",
        "/axes/1/values: expected a list of values, found an empty one.",
        "/axes/2/vals: expected a known key, found \"vals\". Did you mean \"values\"?",
        "/axes/2/values: expected every value once, found 1 twice.",
        "/runs/0/name: expected 1 to 60 letters, digits",
        "/runs/1/set: expected an object {path: value, …}, found 3.",
        "/runs/2/name: expected every name once",
        "/seeds/1: expected an integer in [0, 9007199254740991], found -2.",
        "/seeds/2: expected every seed once, found 1 twice.",
        "/max_steps: expected an integer in [1, 1000000000], found 0."})
    EXPECT_NE(errors.find(expected), std::string::npos) << expected << "\nin\n" << errors;
  EXPECT_NE(errors_of("\"seeds\": [1]").find("found neither"), std::string::npos);
  const Parsed run = parse(json_of(R"({"schema": "switchyard.run"})"), "x.json");
  EXPECT_NE(run.errors[0].text().find("expected \"switchyard.sweep\""), std::string::npos);
  EXPECT_FALSE(parse(json_of("[]"), "x.json").ok());
  const Parsed newer =
      parse(json_of(R"({"schema": "switchyard.sweep", "version": 2, "preset": "p"})"), "x.json");
  EXPECT_EQ(newer.errors.at(0).where, "x.json /version");
}

TEST(SweepFile, NamesTheSettingThatCannotBeTrained) {
  const Plan plan = plan_of(R"("preset": "p", "axes": [
      {"path": "model.num_heads", "values": [4, 7]}, {"path": "model.drop_out", "values": [0.1]}])");
  ASSERT_EQ(plan.errors.size(), 2U);
  EXPECT_EQ(plan.errors[1].where, "s.json [num_heads=7 drop_out=0.1] /model/drop_out");
  EXPECT_EQ(plan.errors[1].hint, "Did you mean \"dropout\"?");
  const Plan large = plan_of(R"("preset": "p", "seeds": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17],
      "axes": [{"path": "a", "values": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]},
               {"path": "b", "values": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}])");
  ASSERT_EQ(large.errors.size(), 1U);
  EXPECT_NE(large.errors[0].message.find("at most 4096 runs"), std::string::npos);
}

TEST(SweepFile, IsWrittenAsItIsRead) {
  const std::string text = R"("name": "n", "note": "why", "config": "c.json",
      "set": {"model.norm": "rms_norm"}, "axes": [{"path": "a.b", "values": [1, "x", [2]]}],
      "runs": [{"name": "r", "set": {"c": null}}], "seeds": [4], "max_steps": 3)";
  const Parsed read = parsed(text);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(json_from(read.sweep),
            json_of(R"({"schema": "switchyard.sweep", "version": 1, )" + text + "}"));
}

TEST(SweepAxis, ReadsValuesFromACommandLine) {
  const auto numbers = axis_from_text("optimizer.learning_rate=0.001,1e-4");
  ASSERT_TRUE(numbers.ok());
  EXPECT_EQ(numbers->path, "optimizer.learning_rate");
  EXPECT_EQ(numbers->values, (Json::Array{0.001, 1e-4}));
  EXPECT_EQ(axis_from_text("model.norm=layer_norm,rms_norm")->values,
            (Json::Array{"layer_norm", "rms_norm"}));
  EXPECT_EQ(axis_from_text("a=[1,2],[3]")->values,
            (Json::Array{Json::array({1, 2}), Json::array({3})}));
  EXPECT_EQ(axis_from_text("a=1,x")->values, (Json::Array{1, "x"}));
  for (const char* wrong : {"a", "a=", "=1"}) EXPECT_FALSE(axis_from_text(wrong).ok()) << wrong;
}

// ---- table ------------------------------------------------------------------------------------

Measure measure_of(State state, double loss, double step_ms = 2.0) {
  Measure measure;
  measure.run = "r";
  measure.progress = {state, state == State::kFailed ? "disk, \"full\"" : "", 0};
  measure.final_val_loss = loss;
  measure.best_val_loss = loss - 0.5;
  measure.params_total = 1'234'567;
  measure.params_active = 1000;
  measure.flops_per_token = 6000.0;
  measure.step_time_ms = step_ms;
  measure.tokens_per_second = 100.0 * step_ms;
  measure.seconds = 10.0 * step_ms;
  return measure;
}

TEST(SweepTable, MeanAndDeviationAreThoseOfTheSample) {
  // 2, 4, 9: mean 5, squares 9 + 1 + 16 = 26, over 2 = 13.
  const Estimate three = estimate({2.0, 4.0, 9.0});
  EXPECT_DOUBLE_EQ(three.mean, 5.0);
  EXPECT_DOUBLE_EQ(three.sd, std::sqrt(13.0));
  const Estimate one = estimate({3.0});
  EXPECT_EQ(one.mean, 3.0);
  EXPECT_TRUE(std::isnan(one.sd));
  EXPECT_TRUE(std::isnan(estimate({}).mean));
  EXPECT_TRUE(std::isnan(estimate({1.0, std::nan("")}).mean)) << "not averaged away";
}

/// Two settings with three seeds: of the first two are done, of the second none.
std::vector<Row> example_rows() {
  Plan plan;
  plan.settings = {"a=1, b", "c"};
  plan.seeds = {1, 2, 3};
  std::vector<Measure> measures;
  const Measure all[] = {measure_of(State::kDone, 2.0, 1.0),
                         measure_of(State::kFailed, 99.0),
                         measure_of(State::kInterrupted, 99.0),
                         measure_of(State::kWaiting, kUnknown),
                         measure_of(State::kDone, 5.0, 3.0),
                         measure_of(State::kWaiting, kUnknown)};
  for (std::size_t i = 0; i < 6; ++i) {
    plan.runs.push_back({"r", i % 2, static_cast<std::int64_t>(i / 2) + 1, Json()});
    measures.push_back(all[i]);
  }
  return make_table(plan, measures);
}

TEST(SweepTable, AveragesOnlyWhatIsDoneAndListsTheRest) {
  const std::vector<Row> rows = example_rows();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].num_done, 2U);
  EXPECT_EQ(rows[0].num_seeds, 3U);
  EXPECT_DOUBLE_EQ(rows[0].final_val_loss.mean, 3.5);           // of 2 and 5
  EXPECT_DOUBLE_EQ(rows[0].final_val_loss.sd, std::sqrt(4.5));  // 2 x 1.5^2 / 1
  EXPECT_DOUBLE_EQ(rows[0].best_val_loss.mean, 3.0);
  EXPECT_DOUBLE_EQ(rows[0].step_time_ms, 2.0);
  EXPECT_DOUBLE_EQ(rows[0].tokens_per_second, 200.0);
  EXPECT_DOUBLE_EQ(rows[0].seconds, 20.0);
  EXPECT_EQ(rows[0].params_total, 1'234'567);
  ASSERT_EQ(rows[0].missing.size(), 1U);
  EXPECT_EQ(rows[1].num_done, 0U);
  EXPECT_TRUE(std::isnan(rows[1].final_val_loss.mean)) << "what is not done has no result";
  EXPECT_EQ(rows[1].missing.size(), 3U);
}

TEST(SweepTable, SaysTheSameInEveryForm) {
  const std::vector<Row> rows = example_rows();
  EXPECT_EQ(
      text_from(rows),
      "setting   seeds   final val loss    best val loss  parameters  active  FLOP/token  step "
      "ms  tokens/s  train s\n"
      "a=1, b   2 of 3  3.5000 ± 2.1213  3.0000 ± 2.1213   1,234,567   1,000        6000     "
      "2.00       200     20.0\n"
      "c        0 of 3                -                -   1,234,567   1,000        6000       "
      " -         -        -\n"
      "not done:\n"
      "  r: interrupted\n"
      "  r: failed: disk, \"full\"\n"
      "  2 not begun\n");
  EXPECT_EQ(
      csv_from(rows).substr(csv_from(rows).find('\n') + 1),
      "\"a=1, b\",3,2,3.5,2.1213203435596424,3,2.1213203435596424,1234567,1000,6000,2,200,20\n"
      "c,3,0,,,,,1234567,1000,6000,,,\n");
  const Json json = json_from(rows[1]);
  EXPECT_EQ(json["num_done"], Json(0));
  EXPECT_TRUE(json["final_val_loss_mean"].is_null());
  EXPECT_EQ(json["missing"][0]["reason"].as_string(), "disk, \"full\"");
  EXPECT_EQ(json["missing"][0]["state"].as_string(), "failed");
}

// ---- states -----------------------------------------------------------------------------------

class SweepRuns : public ::testing::Test {
 protected:
  SweepRuns() {
    Plan plan = make_plan(schema,
                          parsed(R"("preset": "p", "max_steps": 10)").sweep,
                          json_of(R"({"name": "base"})"),
                          "s.json");
    run = plan.runs.at(0);
  }

  void record(const std::string& state, std::int64_t step, const std::string& reason = "") {
    auto writer = store::Writer::open(store::RunPaths{paths.run(run)}.database(), 0, -1);
    ASSERT_TRUE(writer.ok());
    for (std::int64_t i = 1; i <= step; ++i)
      (*writer)->scalar("step_time_ms", {i, i * 4, 0.1, 1.0}, static_cast<double>(i * i));
    (*writer)->event(
        "state", step, Json::object({{"state", Json(state)}, {"reason", Json(reason)}}));
  }

  [[nodiscard]] RunState state() const { return state_of(schema, paths, run); }

  test::TemporaryFolder folder;
  config::Schema schema = test::run_schema_for_tests();
  Paths paths{folder.path(), "widths"};
  sweep::Run run;
};

TEST_F(SweepRuns, AreDoneWhenTheirFolderSaysSo) {
  EXPECT_EQ(state().state, State::kWaiting);
  ASSERT_TRUE(prepare_run(paths, run).ok());
  EXPECT_EQ(state().state, State::kWaiting);
  EXPECT_EQ(store::read_run_tags(paths.run(run)), (Names{"widths"}));
  ASSERT_TRUE(store::create_run_folder(paths.run(run), run.config).ok()) << "beside its tags";
  record("running", 4);
  EXPECT_EQ(state().state, State::kInterrupted) << "killed: nobody holds it";
  EXPECT_EQ(measure_run(schema, paths, run).step_time_ms, 6.5) << "median of 1, 4, 9, 16";
  record("completed", 9);
  EXPECT_EQ(state().state, State::kInterrupted) << "of fewer steps than the sweep asks for";
  record("completed", 10);
  EXPECT_EQ(state().state, State::kDone);
}

TEST_F(SweepRuns, KeepTheReasonOfAFailureUntilTheyAreTriedAgain) {
  ASSERT_TRUE(note_failure(paths, run, "no such file", 3).ok());
  EXPECT_EQ(state().state, State::kFailed);
  EXPECT_EQ(state().reason, "no such file");
  EXPECT_EQ(state().exit_code, 3);
  ASSERT_TRUE(prepare_run(paths, run).ok());
  EXPECT_EQ(state().state, State::kWaiting);
  ASSERT_TRUE(store::create_run_folder(paths.run(run), run.config).ok());
  record("failed", 2, "not a number");
  EXPECT_EQ(state().state, State::kFailed);
  EXPECT_EQ(state().reason, "not a number");
}

TEST_F(SweepRuns, OfAnOlderVersionAreStillTheSweeps) {
  Json older = json_of(R"({"schema": "switchyard.run", "version": 1, "name": "base",
      "train": {"max_steps": 10}})");
  ASSERT_TRUE(store::create_run_folder(paths.run(run), older).ok());
  record("completed", 10);
  EXPECT_EQ(state().state, State::kDone) << state().reason;
}

TEST_F(SweepRuns, AreNotTakenFromAFolderWithOtherSettings) {
  Json other = run.config;
  other.find("model")->set("d_model", 64);
  ASSERT_TRUE(store::create_run_folder(paths.run(run), other).ok());
  record("completed", 10);
  EXPECT_EQ(state().state, State::kForeign);
  EXPECT_NE(state().reason.find("/model/d_model is 64 there, and 128 in the sweep"),
            std::string::npos)
      << state().reason;
}

// ---- the sweeps that come with the program ----------------------------------------------------

Plan shipped(const std::string& name) {
  const std::string path = kConfigs + "/sweeps/" + name + ".json";
  const auto document = config::read_config_file(path);
  EXPECT_TRUE(document.ok());
  const Parsed read = parse(*document, path);
  for (const Error& error : read.errors) ADD_FAILURE() << error.text();
  EXPECT_EQ(read.sweep.name, name);
  EXPECT_FALSE(read.sweep.note.empty()) << name;
  const auto preset = config::load_preset(kConfigs, read.sweep.preset);
  EXPECT_TRUE(preset.ok());
  Plan plan = make_plan(test::run_schema_for_tests(), read.sweep, preset->config, path);
  for (const Error& error : plan.errors) ADD_FAILURE() << error.text();
  return plan;
}

/// Millions of parameters without the position table, as the published tables count them.
std::pair<double, double> millions_of(const Run& run, std::int64_t vocab_size) {
  const config::ModelSize size = config::model_size(run.config, vocab_size);
  const std::int64_t positions =
      run.config["model"]["seq_len"].as_integer() * run.config["model"]["d_model"].as_integer();
  return {static_cast<double>(size.params_total - positions) / 1e6,
          static_cast<double>(size.params_active - positions) / 1e6};
}

struct PublishedSize {
  const char* setting;
  double total, active;
};

void expect_sizes(const std::string& name,
                  std::int64_t vocab_size,
                  const std::vector<PublishedSize>& published) {
  const Plan plan = shipped(name);
  ASSERT_EQ(plan.settings.size(), published.size());
  for (std::size_t i = 0; i < published.size(); ++i) {
    EXPECT_EQ(plan.settings[i], published[i].setting);
    const auto [total, active] = millions_of(plan.runs[i], vocab_size);
    EXPECT_NEAR(total, published[i].total, 0.0051) << published[i].setting;
    EXPECT_NEAR(active, published[i].active, 0.0051) << published[i].setting;
  }
}

TEST(ShippedSweeps, AllAreValid) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kConfigs + "/sweeps")) {
    EXPECT_TRUE(shipped(entry.path().stem().string()).ok()) << entry.path();
    ++count;
  }
  EXPECT_EQ(count, 4U);
}

TEST(ShippedSweeps, HaveTheSizesOfThePublishedTables) {
  expect_sizes("nanomoe-6l",
               8192,
               {{"64e-8a", 82.33, 16.27},
                {"64e-4a", 120.08, 13.92},
                {"32e-8a", 44.51, 16.20},
                {"32e-4a", 63.39, 13.84},
                {"32e-2a", 120.01, 13.84},
                {"16e-2a", 63.35, 13.80},
                {"64e-2a", 233.33, 13.92},
                {"16e-4a", 35.04, 13.80},
                {"8e-2a", 35.02, 13.79},
                {"16e-8a", 25.60, 16.16},
                {"8e-4a", 20.86, 13.79},
                {"dense", 13.77, 13.77}});
  expect_sizes("nanomoe-4l",
               8192,
               {{"64e-4a", 36.77, 5.31},
                {"64e-8a", 19.99, 5.31},
                {"32e-4a", 19.96, 5.28},
                {"64e-2a", 70.32, 5.31},
                {"32e-2a", 36.74, 5.28},
                {"16e-2a", 19.94, 5.26},
                {"32e-8a", 11.57, 5.28},
                {"16e-4a", 11.55, 5.26},
                {"8e-2a", 11.54, 5.25},
                {"8e-4a", 7.35, 5.25},
                {"16e-8a", 7.36, 5.26}});
  expect_sizes("nanomoe-shakespeare",
               65,
               {{"dense", 10.65, 10.65},
                {"8e-2a-768", 31.90, 10.67},
                {"16e-4a-384", 31.92, 10.68},
                {"8e-2a-640", 27.18, 9.49},
                {"8e-2a-512", 22.46, 8.31},
                {"8e-2a-384", 17.74, 7.13},
                {"32e-4a-256", 41.39, 8.36},
                {"64e-8a-128", 41.47, 8.43}});
}

TEST(ShippedSweeps, TheTableOfTheReadmeComparesItsTwoPresets) {
  const Plan plan = shipped("shakespeare-char-cpu");
  for (const auto& [index, name] :
       {std::pair{0, "shakespeare-char-dense-cpu"}, std::pair{1, "shakespeare-char-moe-cpu"}}) {
    const auto preset = config::load_preset(kConfigs, name);
    ASSERT_TRUE(preset.ok());
    Json expected = config::resolve(test::run_schema_for_tests(), preset->config, "").config;
    expected.set("name", "shakespeare-char-moe-cpu");
    expected.find("train")->set("seed", 1);
    EXPECT_EQ(plan.runs[static_cast<std::size_t>(index)].config, expected) << name;
  }
}

}  // namespace
}  // namespace switchyard::sweep
