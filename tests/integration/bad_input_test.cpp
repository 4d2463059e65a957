#include <csignal>
#include <filesystem>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/integration/engine_driver.h"

namespace switchyard::test {
namespace {

/// Runs `train` and checks exit code, code word, and that the message holds `words`; no run folder
/// may be left behind.
void expect_refusal(const Workplace& place,
                    const EngineResult& result,
                    int exit_code,
                    const std::string& code,
                    const std::vector<std::string>& words) {
  EXPECT_EQ(result.exit_code, exit_code) << result.errors;
  const Json error = result.event("error");
  EXPECT_EQ(error["code"].as_string(), code);
  const std::string text = error["where"].as_string() + " " + error["message"].as_string() + " " +
                           error["hint"].as_string();
  for (const std::string& word : words) {
    EXPECT_NE(text.find(word), std::string::npos) << "`" << word << "` in: " << text;
  }
  EXPECT_FALSE(result.errors.empty()) << "people read standard error";
  EXPECT_TRUE(names_in(place.dir / "runs").empty()) << "a run folder was left behind";
}

TEST(BadInput, UnknownPreset) {
  const Workplace place;
  expect_refusal(place,
                 place.engine({"train", "--preset", "shakespeare-char-mo-cpu", "--json"}),
                 2,
                 "usage",
                 {"shakespeare-char-moe-cpu"});
}

TEST(BadInput, MisspeltKeyGetsASuggestion) {
  const Workplace place;
  Json config = tiny_config(place.text_file);
  config.find("model")->set("d_modl", Json(64));
  expect_refusal(place, place.train(config, "a"), 2, "config", {"/model/d_modl", "d_model"});
}

TEST(BadInput, MisspeltSettingGetsASuggestion) {
  const Workplace place;
  expect_refusal(place,
                 place.train(tiny_config(place.text_file), "a", {"--set", "train.max_step=3"}),
                 2,
                 "config",
                 {"max_steps"});
}

TEST(BadInput, ValueOutOfRange) {
  const Workplace place;
  Json config = tiny_config(place.text_file);
  config.find("model")->set("num_heads", Json(0));
  expect_refusal(place, place.train(config, "a"), 2, "config", {"/model/num_heads", "0"});
}

TEST(BadInput, AllErrorsAtOnce) {
  const Workplace place;
  Json config = tiny_config(place.text_file);
  config.find("model")->set("num_heads", Json(0));
  config.find("train")->set("seed", Json("x"));
  const EngineResult result = place.train(config, "a");
  EXPECT_EQ(result.all("error").size(), 2U) << result.output;
}

TEST(BadInput, ContradictoryValues) {
  const Workplace place;
  Json config = tiny_config(place.text_file);
  config.find("model")->set("num_heads", Json(3));
  expect_refusal(place, place.train(config, "a"), 2, "config", {"d_model", "num_heads"});
}

TEST(BadInput, ConfigThatIsNoJson) {
  const Workplace place;
  write_file(place.dir / "broken.json", "{\"schema\": ");
  expect_refusal(place,
                 place.engine({"train", "--config", place.dir / "broken.json", "--json"}),
                 2,
                 "config",
                 {"broken.json"});
  EXPECT_EQ(place.engine({"train", "--config", place.dir / "none.json", "--json"}).exit_code, 3);
}

TEST(BadInput, MissingText) {
  const Workplace place;
  expect_refusal(
      place, place.train(tiny_config(place.dir / "none.txt"), "a"), 3, "input_file", {"none.txt"});
}

TEST(BadInput, MissingDatasetNamesTheWayOut) {
  const Workplace place;
  expect_refusal(place,
                 place.engine({"train", "--preset", "shakespeare-char-dense", "--json"}),
                 3,
                 "input_file",
                 {"data get"});
}

TEST(BadInput, EmptyBinaryAndShortTexts) {
  const Workplace place;
  write_file(place.dir / "empty.txt", "");
  write_file(place.dir / "binary.txt", std::string("abc\0def", 7) + std::string(5000, 'x'));
  write_file(place.dir / "latin.txt", "caf\xE9 " + std::string(5000, 'x'));
  write_file(place.dir / "short.txt", "too short");
  for (const char* name : {"empty.txt", "binary.txt", "latin.txt", "short.txt"}) {
    expect_refusal(place, place.train(tiny_config(place.dir / name), "a"), 3, "input_file", {name});
  }
}

TEST(BadInput, UnknownCommandAndOption) {
  const Workplace place;
  for (const auto& words : {std::vector<std::string>{"trian", "--json"},
                            {"train", "--prest", "x", "--json"},
                            {"sample", "--json"},
                            {"train", "--json"},
                            {"train", "--resume", "--json"},
                            {"metrics", "--run", "x", "--format", "xml", "--json"}}) {
    const EngineResult result = place.engine(words);
    EXPECT_EQ(result.exit_code, 2) << words.front();
    EXPECT_EQ(result.event("error")["code"].as_string(), "usage");
  }
}

TEST(BadInput, DeviceThatIsNotThere) {
  const Workplace place;
  const EngineResult result = place.engine({"train",
                                            "--config",
                                            place.write_config(tiny_config(place.text_file)),
                                            "--run",
                                            place.run("a"),
                                            "--device",
                                            "cuda:97",
                                            "--json"});
  expect_refusal(place, result, 2, "unavailable", {});
}

TEST(BadInput, RunFolderThatHoldsARun) {
  const Workplace place;
  const Json config = tiny_config(place.text_file);
  ASSERT_EQ(place.train(config, "a").exit_code, 0);
  const EngineResult again = place.train(config, "a");
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_NE(again.event("error")["hint"].as_string().find("--resume"), std::string::npos);
  write_file(place.run("foreign") + "/thesis.tex", "years of work");
  const EngineResult foreign = place.train(config, "foreign");
  EXPECT_EQ(foreign.exit_code, 2) << foreign.errors;
  EXPECT_EQ(names_in(place.run("foreign")), std::vector<std::string>{"thesis.tex"});
}

TEST(BadInput, ReadOnlyFolder) {
  const Workplace place;
  const std::string parent = place.dir / "locked";
  std::filesystem::create_directories(parent);
  const bool is_root = ::geteuid() == 0;  // root ignores permissions: a read-only mount stands in
  if (is_root) {
    if (::mount("none", parent.c_str(), "tmpfs", MS_RDONLY, "size=1m") != 0) {
      GTEST_SKIP() << "no right to mount";
    }
  } else {
    ::chmod(parent.c_str(), 0500);
  }
  const EngineResult result = place.engine({"train",
                                            "--config",
                                            place.write_config(tiny_config(place.text_file)),
                                            "--run",
                                            parent + "/a",
                                            "--json"});
  if (is_root) ::umount(parent.c_str());
  EXPECT_EQ(result.exit_code, 3) << result.errors;
  EXPECT_NE(result.event("error")["where"].as_string().find("locked"), std::string::npos);
}

TEST(BadInput, FullDisk) {
  const Workplace place;
  const std::string disk = place.dir / "disk";
  std::filesystem::create_directories(disk);
  if (::geteuid() != 0 || ::mount("none", disk.c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "no right to mount";
  }
  Json config = tiny_config(place.text_file);
  config.find("train")->set("max_steps", Json(100));
  config.find("model")->set("d_model", Json(64));
  const EngineResult result = place.engine(
      {"train", "--config", place.write_config(config), "--run", disk + "/a", "--json"});
  const EngineResult verified = place.engine({"verify", disk + "/a"});
  ::umount(disk.c_str());
  EXPECT_EQ(result.exit_code, 5) << result.errors;
  EXPECT_EQ(result.event("error")["code"].as_string(), "disk_full");
  EXPECT_EQ(result.all("step").size(), 100U) << "training goes on without checkpoints";
  EXPECT_FALSE(result.event("warning").is_null());
  EXPECT_EQ(verified.exit_code, 0) << verified.output;
}

TEST(BadInput, OneNanIsSkippedAndRecorded) {
  Workplace place;
  place.environment["SY_INJECT"] = "nan_loss@30";
  const EngineResult result = place.train(tiny_config(place.text_file), "a");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const auto actions = result.all("guard");
  ASSERT_EQ(actions.size(), 2U);
  EXPECT_EQ(actions[0]["action"].as_string(), "rerun");
  EXPECT_NE(actions[0]["finding"].as_string().find("same result"), std::string::npos);
  EXPECT_EQ(actions[1]["action"].as_string(), "skip");
  EXPECT_EQ(actions[1]["step"].as_integer(), 30);
  const auto losses = metric_of(place, place.run("a"), "train_loss");
  EXPECT_EQ(losses.at(30), "\"nan\"");
  EXPECT_LT(std::stod(losses.at(60)), std::stod(losses.at(1)));
}

TEST(BadInput, ATransientNanIsToldFromABadBatch) {
  Workplace place;
  const Json config = tiny_config(place.text_file);
  ASSERT_EQ(place.train(config, "good").exit_code, 0);
  place.environment["SY_INJECT"] = "transient_nan_loss@30";
  const EngineResult result = place.train(config, "a");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const auto actions = result.all("guard");
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_NE(actions[0]["finding"].as_string().find("different result"), std::string::npos);
  EXPECT_EQ(metric_of(place, place.run("a"), "train_loss"),
            metric_of(place, place.run("good"), "train_loss"));
}

TEST(BadInput, LastingNanRollsBackAndStopsWithExitCode4) {
  Workplace place;
  place.environment["SY_INJECT"] = "nan_loss@30-1000";
  const EngineResult result = place.train(tiny_config(place.text_file), "a");
  EXPECT_EQ(result.exit_code, 4) << result.errors;
  EXPECT_EQ(result.event("error")["code"].as_string(), "numerics");
  std::size_t num_rollbacks = 0;
  for (const Json& action : result.all("guard")) {
    if (action["to_step"].is_integer()) ++num_rollbacks;
  }
  EXPECT_EQ(num_rollbacks, 3U);
  place.environment.erase("SY_INJECT");
  EXPECT_EQ(place.engine({"verify", place.run("a")}).exit_code, 0);
  const EngineResult eval = place.engine({"eval", "--run", place.run("a"), "--json"});
  ASSERT_EQ(eval.exit_code, 0) << eval.errors;
  EXPECT_TRUE(eval.events[0]["loss"].is_number()) << "the weights never saw the NaN";
}

TEST(BadInput, ABadStretchOfDataIsLeftBehindByARollback) {
  Workplace place;
  Json config = tiny_config(place.text_file);
  place.environment["SY_INJECT"] = "nan_batch@30-36";
  const EngineResult result = place.train(config, "a");
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(result.event("done")["step"].as_integer(), 60);
  EXPECT_EQ(place.engine({"verify", place.run("a")}).exit_code, 0);
}

TEST(BadInput, OutOfMemoryHalvesTheMicroBatchAndEndsWithExitCode7) {
  Workplace place;
  Json config = tiny_config(place.text_file);
  place.environment["SY_INJECT"] = "oom@10";
  const EngineResult halved = place.train(config, "a");
  ASSERT_EQ(halved.exit_code, 0) << halved.errors;
  const auto actions = halved.all("guard");
  ASSERT_EQ(actions.size(), 2U);
  EXPECT_EQ(actions[0]["action"].as_string(), "retry");
  EXPECT_EQ(actions[1]["action"].as_string(), "halve_micro_batch");
  EXPECT_EQ(actions[1]["micro_batch_size"].as_integer(), 2);
  config.find("train")->set("micro_batch_size", Json(1));
  const EngineResult stopped = place.train(config, "b");
  EXPECT_EQ(stopped.exit_code, 7) << stopped.errors;
  EXPECT_EQ(stopped.event("error")["code"].as_string(), "out_of_memory");
}

TEST(BadInput, ACrashLeavesANote) {
  Workplace place;
  for (const char* kind : {"segv", "abort"}) {
    place.environment["SY_INJECT"] = std::string(kind) + "@25";
    const std::string run = place.run(kind);
    const EngineResult result = place.train(tiny_config(place.text_file), kind);
    EXPECT_GE(result.exit_code, 128);
    const std::string note = read_text(run + "/crash.txt");
    EXPECT_NE(note.find(kind == std::string("segv") ? "SIGSEGV" : "SIGABRT"), std::string::npos)
        << note;
    EXPECT_NE(note.find("step 24"), std::string::npos) << note;
    place.environment.erase("SY_INJECT");
    EXPECT_EQ(place.engine({"train", "--resume", "--run", run, "--json"}).exit_code, 0);
  }
}

TEST(BadInput, AFolderThatVanishesEndsTheRun) {
  const Workplace place;
  Json config = tiny_config(place.text_file);
  config.find("train")->set("max_steps", Json(1'000'000));
  EngineProcess engine(
      {"train", "--config", place.write_config(config), "--run", place.run("a"), "--json"},
      place.environment);
  ASSERT_FALSE(engine.wait_for_event("step").is_null());
  std::filesystem::rename(place.run("a"), place.run("elsewhere"));
  EXPECT_EQ(engine.wait(), 3) << engine.errors();
  EXPECT_FALSE(is_there(place.run("a")));
}

}  // namespace
}  // namespace switchyard::test
