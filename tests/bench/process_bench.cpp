// The programs themselves: start of the window, and what watching costs an engine.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/store/run_folder.h"
#include "tests/bench/bench.h"
#include "tests/bench/made_runs.h"
#include "tests/gui/gui_workplace.h"
#include "tests/gui/window_titles.h"
#include "ui/client/launcher.h"
#include "ui/model/run_view_builder.h"

namespace switchyard::bench {
namespace {

std::string window_path() {
  const char* chosen = std::getenv("SWITCHYARD_WINDOW");
  return chosen != nullptr && *chosen != '\0' ? chosen : test::window_program();
}

bool can_run(const std::string& program) {
  return !program.empty() && access(program.c_str(), X_OK) == 0;
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
    if (pid_ > 0) end();
  }

  /// Seconds of processor time that it used.
  double end() {
    kill(pid_, SIGKILL);
    int status = 0;
    rusage used{};
    wait4(pid_, &status, 0, &used);
    pid_ = -1;
    return cpu_seconds(used);
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

struct Training {
  double tokens_per_second = 0.0;  ///< from its own record, without the first fifth; 0: it failed
  double window_share = 0.0;       ///< processor time of the window, of one core
};

Training train(const test::GuiWorkplace& place,
               const std::string& name,
               const std::string& window) {
  const std::string root = place.runs() + "/" + name;
  std::filesystem::create_directories(place.runs());
  auto engine = ui::launch_detached(
      {test::engine_program(), "train", "--preset", "tiny-moe", "--run", root}, root + ".log");
  if (!engine.ok()) return {};
  while (!std::filesystem::exists(store::RunPaths{root}.database()) && !engine->has_ended())
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  Training result;
  const auto begun = Clock::now();
  std::unique_ptr<WindowProcess> attached;
  if (!window.empty()) attached = std::make_unique<WindowProcess>(window, root);
  while (!engine->has_ended()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  if (attached != nullptr) result.window_share = attached->end() / (ms_since(begun) / 1000.0);
  auto reader = store::Reader::open(store::RunPaths{root}.database());
  if (!reader.ok()) return {};
  ui::RunViewBuilder builder(root);
  const auto delta = (*reader)->poll();
  if (!delta.ok()) return {};
  builder.apply(*delta, 1.0);
  const auto view = builder.publish({}, 1.0);
  const ui::Series* loss = view->scalar("train_loss");
  if (loss == nullptr || loss->size() < 100) return {};
  const std::size_t first = loss->size() / 5, last = loss->size() - 1;
  result.tokens_per_second = static_cast<double>(loss->tokens(last) - loss->tokens(first)) /
                             (loss->seconds(last) - loss->seconds(first));
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
  const test::GuiWorkplace place;
  place.set_default_steps(bench.is_quick ? 400 : 3000);
  std::vector<double> alone, losses, shares;
  for (int trial = 0; trial < (bench.is_quick ? 1 : 5); ++trial) {
    const std::string number = std::to_string(trial);
    const Training by_itself = train(place, "alone-" + number, "");
    const Training watched = train(place, "watched-" + number, program);
    if (!(by_itself.tokens_per_second > 0.0) || !(watched.tokens_per_second > 0.0))
      return bench.skip(what, "a run failed");
    alone.push_back(by_itself.tokens_per_second);
    losses.push_back((1.0 - watched.tokens_per_second / by_itself.tokens_per_second) * 100.0);
    shares.push_back(watched.window_share * 100.0);
  }
  test::kill_engines(place.runs());
  const std::string pairs = std::to_string(alone.size()) + " pairs of runs";
  bench.add(what,
            quantile(losses, 0.5),
            "%",
            1.0,
            "median of " + pairs + ", one after the other; alone " +
                std::to_string(std::llround(quantile(alone, 0.5))) + " tokens/s");
  bench.add("processor time of an attached window",
            quantile(shares, 0.5),
            "%",
            -1.0,
            "of one core, its start included; nothing is touched");
}

}  // namespace switchyard::bench
