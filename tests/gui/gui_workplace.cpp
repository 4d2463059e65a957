#include "tests/gui/gui_workplace.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

#include <signal.h>

#include "engine/base/config/schema.h"
#include "engine/base/store/run_folder.h"

namespace switchyard::test {
namespace {

Json layers_of(bool is_moe) {
  Json feed_forward = Json::object();
  if (is_moe) {
    feed_forward = Json::object({{"type", "routed_experts"},
                                 {"num_experts", 8},
                                 {"d_ff", 64},
                                 {"router", Json::object({{"type", "top_k"}, {"top_k", 2}})}});
  } else {
    feed_forward = Json::object({{"type", "dense"}, {"d_ff", 128}});
  }
  return Json::array({Json::object({{"repeat", 3}, {"feed_forward", feed_forward}})});
}

}  // namespace

std::string made_text(std::size_t bytes) {
  static constexpr std::array kSubjects = {
      "the king", "my lord", "a fool", "the night", "her garden", "no man"};
  static constexpr std::array kVerbs = {
      "loves", "fears", "has lost", "will find", "gave away", "remembers"};
  static constexpr std::array kObjects = {
      "the crown", "his gold", "a winter rose", "the old song", "her name", "the snow"};
  std::string text;
  std::uint64_t state = 42;
  const auto pick = [&state](const auto& words) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return words[(state >> 33U) % words.size()];
  };
  while (text.size() < bytes) {
    text += std::string(pick(kSubjects)) + " " + pick(kVerbs) + " " + pick(kObjects);
    text += (state >> 40U) % 3 == 0 ? ",\n" : ".\n";
  }
  return text;
}

Json test_preset(const std::string& name,
                 const std::string& text_file,
                 bool is_moe,
                 std::int64_t steps) {
  Json preset = Json::object({{"schema", "switchyard.run"}, {"version", config::kRunVersion}, {"name", name}});
  preset.set("preset",
             Json::object({{"summary",
                            is_moe ? "Eight experts, two for each token. Trains in seconds."
                                   : "One dense block for all tokens."},
                           {"expected", "a falling loss"},
                           {"expected_val_loss", 0.0},
                           {"source", "made for tests"},
                           {"time_cpu", "seconds"},
                           {"time_gpu", ""},
                           {"glyph", is_moe ? "moe" : "dense"},
                           {"is_default", is_moe}}));
  preset.set(
      "model",
      Json::object(
          {{"d_model", 48}, {"num_heads", 4}, {"seq_len", 32}, {"layers", layers_of(is_moe)}}));
  preset.set("data",
             Json::object({{"dataset", ""}, {"text_file", text_file}, {"tokenizer", "char"}}));
  preset.set("optimizer", Json::object({{"type", "adamw"}, {"learning_rate", 0.003}}));
  preset.set("schedule",
             Json::object({{"type", "cosine"},
                           {"warmup_steps", 10},
                           {"decay_steps", steps},
                           {"min_learning_rate", 0.0003}}));
  preset.set("train",
             Json::object({{"max_steps", steps},
                           {"micro_batch_size", 8},
                           {"seed", 1},
                           {"eval_interval_steps", 100},
                           {"eval_windows", 16},
                           {"num_threads", 1}}));
  preset.set("checkpoint", Json::object({{"interval_steps", 100}, {"keep_last", 2}}));
  // Tests that show probes write their own, so that what is seen does not hang on a tiny run's luck.
  preset.set("log",
             Json::object({{"interval_steps", 2},
                           {"routing_interval_steps", 4},
                           {"probe_interval_steps", 0}}));
  return preset;
}

GuiWorkplace::GuiWorkplace() {
  const auto set = [this](const char* name, const std::string& value) {
    environment_.push_back(std::make_unique<ScopedEnvironment>(name, value));
  };
  set("SWITCHYARD_RUNS", folder / "runs");
  set("SWITCHYARD_DATA", folder / "data");
  set("SWITCHYARD_CONFIGS", folder / "configs");
  set("SWITCHYARD_STATE", folder / "state");
  set("SWITCHYARD_CACHE", folder / "cache");
  set("SWITCHYARD_ENGINE", engine_program());
  set("SWITCHYARD_TOUR", "0");
  write_text(folder / "text.txt", made_text(60'000));
  write_presets();
}

void GuiWorkplace::write_presets() const {
  const std::string configs = folder / "configs";
  std::filesystem::create_directories(configs + "/schema");
  std::filesystem::copy_file(std::string(SY_SOURCE_DIR) + "/configs/schema/run.schema.json",
                             configs + "/schema/run.schema.json");
  write_text(configs + "/index.json",
             R"({"groups":[{"name":"Start here","presets":["tiny-moe","tiny-dense"]}]})");
  write_text(configs + "/tiny-dense.json",
             test_preset("tiny-dense", folder / "text.txt", false, 200).dump(2));
  set_default_steps(1200);
}

void GuiWorkplace::set_default_steps(std::int64_t steps) const {
  write_text(folder / "configs/tiny-moe.json",
             test_preset("tiny-moe", folder / "text.txt", true, steps).dump(2));
}

std::vector<std::string> GuiWorkplace::run_names() const {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(runs(), ignored)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && !name.starts_with('.')) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::int64_t GuiWorkplace::engine_of(const std::string& root) {
  store::LockHolder holder;
  return store::RunLock::is_held(root, &holder) ? holder.pid : 0;
}

std::string engine_program() {
  const char* chosen = std::getenv("SWITCHYARD_ENGINE");
  if (chosen != nullptr && *chosen != '\0') return chosen;
#ifdef SY_ENGINE_PATH
  return SY_ENGINE_PATH;
#else
  return "";
#endif
}

std::string window_program() {
#ifdef SY_WINDOW_PATH
  return SY_WINDOW_PATH;
#else
  return "";
#endif
}

void kill_engines(const std::string& runs) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(runs, ignored)) {
    if (!entry.is_directory()) continue;
    const std::int64_t pid = GuiWorkplace::engine_of(entry.path().string());
    if (pid > 0) kill(static_cast<pid_t>(pid), SIGKILL);
  }
}

}  // namespace switchyard::test
