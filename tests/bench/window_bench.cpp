// The whole window: idling, and from a logged sample to the pixel.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include <GLFW/glfw3.h>

#include "engine/base/core/clock.h"
#include "engine/base/store/run_folder.h"
#include "tests/bench/bench.h"
#include "tests/bench/made_runs.h"
#include "tests/bench/training.h"
#include "tests/gui/gui_workplace.h"
#include "ui/panels/studio_app.h"

namespace switchyard::bench {
namespace {

/// A studio on a run of its own folders; null when no window can be opened.
std::unique_ptr<ui::StudioApp> open_studio(Bench& bench,
                                           const std::string& root,
                                           const char* what) {
  ui::StudioApp::Options options;
  options.run = root;
  options.scale = 1.0F;
  options.window.width = 1440;
  options.window.height = 900;
  auto app = ui::StudioApp::create(options);
  if (!app.ok()) {
    bench.skip(what, app.error().message);
    return nullptr;
  }
  glfwFocusWindow((*app)->window().handle());
  return std::move(app).value();
}

void turn_for(ui::StudioApp& app, double seconds) {
  const auto begun = Clock::now();
  while (ms_since(begun) < seconds * 1000.0) {
    glfwWaitEventsTimeout(0.005);
    app.turn();
  }
}

}  // namespace

void measure_idle(Bench& bench) {
  const test::GuiWorkplace place;
  const std::string root = place.runs() + "/idle-001";
  if (!make_run(root, 8, 20'000)) return bench.skip("idle frames", "the run could not be made");
  const auto app = open_studio(bench, root, "idle frames");
  if (app == nullptr) return;
  turn_for(*app, 3.0);
  const auto frames = app->loop().frames_drawn();
  const double cpu = cpu_seconds();
  turn_for(*app, 5.0);
  bench.add("frames in 5 s of idling",
            static_cast<double>(app->loop().frames_drawn() - frames),
            "",
            0.0,
            "a finished run is open");
  bench.add("processor time while idling",
            (cpu_seconds() - cpu) / 5.0 * 100.0,
            "%",
            -1.0,
            "of one core; the measuring loop itself wakes 200 times a second");
  glfwIconifyWindow(app->window().handle());
  turn_for(*app, 1.0);
  if (!app->window().is_minimised())
    return bench.skip("frames in 5 s while minimised", "no window manager on this display");
  const auto before = app->loop().frames_drawn();
  turn_for(*app, 5.0);
  bench.add("frames in 5 s while minimised",
            static_cast<double>(app->loop().frames_drawn() - before),
            "",
            0.0);
}

namespace {

/// Milliseconds between samples.
struct Pace {
  unsigned least, most;
};

/// From each logged sample to the end of the frame that shows it, in milliseconds.
std::vector<double> latencies_of(Bench& bench, int count, Pace pace, bool* is_focused) {
  const char* const what = "logged -> drawn";
  const test::GuiWorkplace place;
  const std::string root = place.runs() + "/live-001";
  std::vector<double> latencies;
  const auto give_up = [&](const std::string& reason) {
    bench.skip(what, reason);
    return std::vector<double>();
  };
  if (!make_run_folder(root)) return give_up("the run could not be made");
  const auto lock = store::RunLock::acquire(root);
  auto writer = store::Writer::open(store::RunPaths{root}.database(), 0, -1);
  if (!lock.ok() || !writer.ok()) return give_up("the run could not be made");
  (*writer)->event("state", 0, Json::object({{"state", "running"}, {"pid", Json(getpid())}}));
  const auto app = open_studio(bench, root, what);
  if (app == nullptr) return {};
  turn_for(*app, 2.0);
  *is_focused = app->window().is_focused();
  std::vector<std::atomic<double>> logged(static_cast<std::size_t>(count) + 1);
  std::thread training([&] {
    std::mt19937 random(2);
    for (int step = 1; step <= count; ++step) {
      const auto pause = pace.least + random() % (pace.most - pace.least);
      std::this_thread::sleep_for(std::chrono::milliseconds(pause));
      logged[static_cast<std::size_t>(step)] = system_clock().monotonic_seconds();
      for (const char* metric : {"train_loss", "grad_norm", "learning_rate"})
        (*writer)->scalar(metric, {step, step, 0.1 * step, 1.0 * step}, 1.0 / step);
    }
  });
  std::int64_t seen = 0;
  const auto begun = Clock::now();
  while (seen < count && ms_since(begun) < 150'000.0) {
    glfwWaitEventsTimeout(0.002);
    if (!app->turn()) continue;
    const double now = system_clock().monotonic_seconds();
    const ui::Series* loss = app->studio().run->scalar("train_loss");
    const std::int64_t last = loss == nullptr ? 0 : loss->last().step;
    for (; seen < last; ++seen)
      latencies.push_back((now - logged[static_cast<std::size_t>(seen) + 1]) * 1000.0);
  }
  training.join();
  return latencies;
}

}  // namespace

void measure_latency(Bench& bench) {
  bool is_focused = true;
  const int count = bench.is_quick ? 10 : 90;
  std::vector<double> slow = latencies_of(bench, count, {600, 1400}, &is_focused);
  if (slow.empty()) return;
  const std::string unfocused = is_focused ? "" : "; the window had no focus: 4 frames a second";
  const std::string note = std::to_string(slow.size()) + " samples, about 1 s apart" + unfocused;
  bench.add("logged -> drawn, median", quantile(slow, 0.5), "ms", -1.0, note);
  bench.add("logged -> drawn, p99", quantile(slow, 0.99), "ms", 150.0, note);
  std::vector<double> fast = latencies_of(bench, 3 * count, {20, 180}, &is_focused);
  if (fast.empty()) return;
  bench.add("logged -> drawn, ten samples a second, p99",
            quantile(fast, 0.99),
            "ms",
            150.0,
            std::to_string(fast.size()) + " samples" + unfocused);
}

/// From the line in which the engine says that it logged a step to the end of the frame that shows
/// it, on the default preset with a sample every step.
void measure_live(Bench& bench) {
  const std::string what = "logged -> drawn, a run that trains, every step logged";
  if (!can_run(test::engine_program())) return bench.skip(what, "set SWITCHYARD_ENGINE");
  const HousePlace house;
  const std::string root = house.runs() + "/live-001";
  const Training training(root, {"log.interval_steps=1"});
  if (!training.wait_for(5, 60.0))
    return bench.skip(what, "the default preset does not train here");
  const auto app = open_studio(bench, root, what.c_str());
  if (app == nullptr) return;
  turn_for(*app, 4.0);
  const std::string unfocused =
      app->window().is_focused() ? "" : "; the window had no focus: 4 frames a second";
  const std::size_t first = training.samples().size();
  const std::size_t count = bench.is_quick ? 30 : 270;

  struct Shown {
    double at;
    std::int64_t step;  ///< the newest
  };

  std::vector<Shown> frames;
  const auto begun = Clock::now();
  const auto is_done = [&] {
    const std::vector<Training::Sample> samples = training.samples();
    return samples.size() >= first + count && !frames.empty() &&
           frames.back().step >= samples[first + count - 1].step;
  };
  while (!is_done() && ms_since(begun) < 200'000.0) {
    glfwWaitEventsTimeout(0.002);
    if (!app->turn()) continue;
    const ui::Series* loss = app->studio().run->scalar("train_loss");
    if (loss != nullptr && !loss->empty())
      frames.push_back({system_clock().monotonic_seconds(), loss->last().step});
  }
  const double seconds = ms_since(begun) / 1000.0;
  const std::vector<Training::Sample> samples = training.samples();
  std::vector<double> latencies;
  auto frame = frames.begin();
  for (std::size_t i = first; i < std::min(samples.size(), first + count); ++i) {
    while (frame != frames.end() && frame->step < samples[i].step) ++frame;
    if (frame != frames.end()) latencies.push_back((frame->at - samples[i].at) * 1000.0);
  }
  if (latencies.empty()) return bench.skip(what, "no sample was drawn");
  char rate[64];
  std::snprintf(rate,
                sizeof rate,
                " samples, %.1f a second, %.1f frames a second",
                static_cast<double>(latencies.size()) / seconds,
                static_cast<double>(frames.size()) / seconds);
  const std::string note = std::to_string(latencies.size()) + rate + unfocused;
  bench.add(what + ", median", quantile(latencies, 0.5), "ms", -1.0, note);
  bench.add(what + ", p99", quantile(latencies, 0.99), "ms", 150.0, note);
}

}  // namespace switchyard::bench
