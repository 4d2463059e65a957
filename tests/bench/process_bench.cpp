// The programs themselves: start of the window, and what watching costs an engine.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
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

  /// A stopped one uses nothing and sees nothing.
  void set_running(bool is_running) const { kill(pid_, is_running ? SIGCONT : SIGSTOP); }

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

constexpr double kWarmUpSeconds = 6.0;    ///< until the window is up and the engine at its pace
constexpr double kPhaseSeconds = 4.0;     ///< measured
constexpr double kSettlingSeconds = 0.6;  ///< after the window was stopped or continued

void sleep_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

/// Steps a second between the first and the last sample of the next seconds; 0 when there are none.
double pace_of(const Training& training) {
  const std::size_t first = training.samples().size();
  sleep_for(kPhaseSeconds);
  const std::vector<Training::Sample> samples = training.samples();
  if (samples.size() < first + 2) return 0.0;
  const Training::Sample &from = samples[first], &to = samples.back();
  return static_cast<double>(to.step - from.step) / (to.at - from.at);
}

/// The values that hold the median of what `values` are drawn from with a confidence of 95 %.
std::pair<double, double> median_bounds(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  const double rank = std::floor((n - 1.96 * std::sqrt(n)) / 2.0);
  const auto low = static_cast<std::size_t>(std::max(0.0, rank));
  return {values[low], values[values.size() - 1 - low]};
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
  // One run, and the window on it stopped and continued in turn: the machine's pace drifts, and so
  // each phase with the window is compared with the two beside it. Evaluations and checkpoints,
  // which take seconds now and then, are left out.
  const HousePlace house;
  const std::string root = house.runs() + "/watched";
  const Training training(root,
                          {"train.max_steps=1000000",
                           "train.eval_interval_steps=1000000",
                           "checkpoint.interval_steps=1000000"});
  if (!training.wait_for(2, 60.0))
    return bench.skip(what, "the default preset does not train here");
  const WindowProcess window(program, root);
  sleep_for(kWarmUpSeconds);
  std::vector<double> alone, losses, shares;
  const auto measure_alone = [&] {
    window.set_running(false);
    sleep_for(kSettlingSeconds);
    alone.push_back(pace_of(training));
    window.set_running(true);
    sleep_for(kSettlingSeconds);
  };
  measure_alone();
  for (int trial = 0; trial < (bench.is_quick ? 6 : 18); ++trial) {
    const double used = window.used_seconds();
    const auto begun = Clock::now();
    const double watched = pace_of(training);
    shares.push_back((window.used_seconds() - used) / (ms_since(begun) / 1000.0) * 100.0);
    measure_alone();
    const double beside = (alone[alone.size() - 2] + alone.back()) / 2.0;
    if (!(watched > 0.0) || !(beside > 0.0)) return bench.skip(what, "training came to a halt");
    losses.push_back((1.0 - watched / beside) * 100.0);
  }
  const auto [low, high] = median_bounds(losses);
  char note[160];
  std::snprintf(note,
                sizeof note,
                "median of %zu phases of %.0f s within one run of the default preset (95 %% within "
                "%.2f to %.2f); alone %.1f steps/s",
                losses.size(),
                kPhaseSeconds,
                low,
                high,
                quantile(alone, 0.5));
  bench.add(what, quantile(losses, 0.5), "%", 1.0, note);
  std::snprintf(note,
                sizeof note,
                "of one core, in the same phases (%.1f to %.1f); nothing is touched",
                quantile(shares, 0.0),
                quantile(shares, 1.0));
  bench.add("processor time of an attached window", quantile(shares, 0.5), "%", -1.0, note);
}

}  // namespace switchyard::bench
