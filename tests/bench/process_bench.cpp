// The programs themselves: start of the window, and what watching costs an engine.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/made_runs.h"
#include "tests/bench/training.h"
#include "tests/gui/gui_workplace.h"
#include "tests/gui/window_titles.h"

namespace switchyard::bench {
namespace {

std::string window_path() {
  const char* chosen = std::getenv("SWITCHYARD_WINDOW");
  return chosen != nullptr && *chosen != '\0' ? chosen : test::window_program();
}

/// A window process on a run; ended with the object.
class WindowProcess {
 public:
  WindowProcess(const std::string& program, const std::string& root) : pid_(fork()) {
    if (pid_ != 0) return;
    execl(program.c_str(), program.c_str(), root.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }

  ~WindowProcess() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  /// Seconds of processor time that it has used.
  [[nodiscard]] double used_seconds() const {
    clockid_t clock{};
    timespec used{};
    if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0.0;
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
  }

  WindowProcess(const WindowProcess&) = delete;
  WindowProcess& operator=(const WindowProcess&) = delete;

 private:
  pid_t pid_;
};

bool wait_for_title(const std::string& title, double seconds) {
  const auto begun = Clock::now();
  while (!test::has_window_titled(title)) {
    if (ms_since(begun) > seconds * 1000.0) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
  return true;
}

constexpr double kMeasuredSeconds = 20.0;
constexpr double kSettlingSeconds = 4.0;  ///< until the window is up and the engine at its pace

struct Watched {
  double tokens_per_second = 0.0;  ///< by the clock; 0: the run failed
  double window_share = 0.0;       ///< processor time of the window, of one core
};

/// Trains the default preset and measures once all has settled; `window` (optional) watches it.
Watched train(const std::string& root, const std::string& window) {
  const Training training(root);
  if (!training.wait_for(2, 60.0)) return {};
  std::unique_ptr<WindowProcess> attached;
  if (!window.empty()) attached = std::make_unique<WindowProcess>(window, root);
  const auto sleep = [](double duration) {
    std::this_thread::sleep_for(std::chrono::duration<double>(duration));
  };
  sleep(kSettlingSeconds);
  const std::size_t first = training.samples().size() - 1;
  const double used = attached == nullptr ? 0.0 : attached->used_seconds();
  const auto begun = Clock::now();
  sleep(kMeasuredSeconds);
  Watched result;
  if (attached != nullptr)
    result.window_share = (attached->used_seconds() - used) / (ms_since(begun) / 1000.0);
  const std::vector<Training::Sample> samples = training.samples();
  const Training::Sample &from = samples[first], &to = samples.back();
  if (to.at > from.at)
    result.tokens_per_second = static_cast<double>(to.tokens - from.tokens) / (to.at - from.at);
  return result;
}

}  // namespace

void measure_start(Bench& bench) {
  const std::string program = window_path();
  if (!can_run(program)) return bench.skip("start of the window", "no switchyard is built");
  const test::GuiWorkplace place;
  const std::string name = "start-001", root = place.runs() + "/" + name;
  if (!make_run(root, 8, 20'000)) return bench.skip("start of the window", "no run");
  std::vector<double> times;
  for (int trial = 0; trial < (bench.is_quick ? 2 : 7); ++trial) {
    const auto begun = Clock::now();
    const WindowProcess window(program, root);
    if (!wait_for_title(name + " - Switchyard", 20.0))
      return bench.skip("start of the window", "no window came up within 20 s");
    times.push_back(ms_since(begun));
  }
  bench.add("start of the process to a frame with the run",
            quantile(times, 0.5),
            "ms",
            800.0,
            "median of " + std::to_string(times.size()) + "; software rendering");
}

void measure_throughput(Bench& bench) {
  const char* const what = "training slowed by an attached window";
  const std::string program = window_path();
  if (!can_run(test::engine_program())) return bench.skip(what, "set SWITCHYARD_ENGINE");
  if (!can_run(program)) return bench.skip(what, "no switchyard is built");
  const HousePlace house;
  std::vector<double> alone, losses, shares;
  for (int trial = 0; trial < (bench.is_quick ? 1 : 7); ++trial) {
    const std::string number = std::to_string(trial);
    // In turn, and every other pair the other way round: the machine's pace drifts.
    const auto run = [&](bool is_watched) {
      return train(house.runs() + (is_watched ? "/watched-" : "/alone-") + number,
                   is_watched ? program : "");
    };
    const bool is_watched_first = trial % 2 == 1;
    const Watched one = run(is_watched_first), other = run(!is_watched_first);
    const Watched& by_itself = is_watched_first ? other : one;
    const Watched& watched = is_watched_first ? one : other;
    if (!(by_itself.tokens_per_second > 0.0) || !(watched.tokens_per_second > 0.0))
      return bench.skip(what, "the default preset does not train here");
    alone.push_back(by_itself.tokens_per_second);
    losses.push_back((1.0 - watched.tokens_per_second / by_itself.tokens_per_second) * 100.0);
    shares.push_back(watched.window_share * 100.0);
  }
  const std::string pairs = std::to_string(alone.size()) + " pairs of runs";
  const auto range = [](std::vector<double>& values) {
    char text[48];
    std::snprintf(text, sizeof text, "%.1f to %.1f", quantile(values, 0.0), quantile(values, 1.0));
    return std::string(text);
  };
  bench.add(what,
            quantile(losses, 0.5),
            "%",
            1.0,
            "default preset, median of " + pairs + " (" + range(losses) + "); alone " +
                std::to_string(std::llround(quantile(alone, 0.5))) + " tokens/s");
  bench.add("processor time of an attached window",
            quantile(shares, 0.5),
            "%",
            -1.0,
            "of one core, in the same runs (" + range(shares) + "); nothing is touched");
}

}  // namespace switchyard::bench
