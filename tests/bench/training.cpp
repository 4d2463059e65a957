#include "tests/bench/training.h"

#include <chrono>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/core/clock.h"
#include "engine/base/core/json.h"
#include "engine/base/formats/dataset.h"
#include "tests/bench/bench.h"

namespace switchyard::bench {
namespace {

constexpr const char* kPreset = "shakespeare-char-moe-cpu";

}  // namespace

HousePlace::HousePlace()
    : data_(formats::data_directory()),
      configs_("SWITCHYARD_CONFIGS", std::string(SY_SOURCE_DIR) + "/configs"),
      data_setting_("SWITCHYARD_DATA", data_) {
  std::filesystem::create_directories(runs());
}

Training::Training(const std::string& root, const std::vector<std::string>& changes) {
  const std::string program = test::engine_program();
  std::vector<const char*> words = {
      program.c_str(), "train", "--json", "--preset", kPreset, "--run", root.c_str()};
  for (const std::string& change : changes) words.insert(words.end(), {"--set", change.c_str()});
  words.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  pid_ = fork();
  if (pid_ == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execv(program.c_str(), const_cast<char* const*>(words.data()));
    _exit(127);
  }
  close(ends[1]);
  reader_ = std::thread([this, end = ends[0]] { read(end); });
}

Training::~Training() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  reader_.join();
}

void Training::read(int descriptor) {
  FILE* lines = fdopen(descriptor, "r");
  char line[4096];
  while (fgets(line, sizeof line, lines) != nullptr) {
    const double now = system_clock().monotonic_seconds();
    const Result<Json> event = parse_json(line, "the engine's output");
    if (!event.ok() || event.value()["event"].as_string() != "step") continue;
    const std::lock_guard lock(mutex_);
    const std::int64_t step = event.value()["step"].as_integer();
    samples_.push_back({now, step, event.value()["tokens"].as_integer()});
  }
  fclose(lines);
}

std::vector<Training::Sample> Training::samples() const {
  const std::lock_guard lock(mutex_);
  return samples_;
}

bool Training::wait_for(std::size_t count, double seconds) const {
  const auto begun = Clock::now();
  while (samples().size() < count) {
    if (ms_since(begun) > seconds * 1000.0) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace switchyard::bench
