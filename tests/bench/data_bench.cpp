// The data path without a window: memory, decimation, opening, lists.
#include <cmath>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <malloc.h>

#include "engine/base/store/run_folder.h"
#include "tests/bench/bench.h"
#include "tests/bench/made_runs.h"
#include "ui/client/mailbox.h"
#include "ui/client/run_catalog.h"
#include "ui/client/run_watcher.h"
#include "ui/model/run_query.h"
#include "ui/model/run_view_builder.h"
#include "ui/plot/decimate.h"

namespace switchyard::bench {
namespace {

constexpr int kMetrics = 100;
constexpr std::int64_t kSteps = 400'000;
constexpr int kPlots = 12;

double heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks) + static_cast<double>(info.hblkhd);
}

/// A series of noise with all bits in use.
ui::Series noise(std::int64_t num_samples) {
  ui::Series series("noise");
  std::mt19937 random(3);
  std::normal_distribution<double> normal(2.0, 0.1);
  Steps steps;
  for (std::int64_t i = 0; i < num_samples; ++i) series.append(steps.next(), normal(random));
  return series;
}

void add_samples(store::ScalarSeries& to, const store::Position& at, double value) {
  to.step.push_back(at.step);
  to.tokens.push_back(at.tokens);
  to.seconds.push_back(at.seconds);
  to.flops.push_back(at.flops);
  to.value.push_back(value);
}

/// Applies and publishes ten more samples on top of a long run.
double publish_us(std::int64_t num_samples) {
  ui::RunViewBuilder builder("/made-up");
  Steps steps;
  std::vector<double> times;
  store::Delta all;
  all.scalars.emplace_back().metric = "grad_norm";
  for (std::int64_t i = 0; i < num_samples; ++i) add_samples(all.scalars[0], steps.next(), 1.0);
  builder.apply(all, 1.0);
  all = {};
  auto view = builder.publish({}, 1.0);
  for (int trial = 0; trial < 500; ++trial) {
    store::Delta delta;
    delta.scalars.emplace_back().metric = "grad_norm";
    for (int i = 0; i < 10; ++i) add_samples(delta.scalars[0], steps.next(), 1.0);
    const auto begun = Clock::now();
    builder.apply(delta, 1.0);
    view = builder.publish({}, 1.0);
    times.push_back(ms_since(begun) * 1000.0);
  }
  return quantile(times, 0.5);
}

}  // namespace

void measure_memory(Bench& bench) {
  const std::int64_t steps = bench.is_quick ? 100'000 : 1'000'000;
  constexpr int kTogether = 4;
  {
    const double before = heap_bytes();
    const ui::Series one = noise(steps);
    bench.add("memory per sample, one series with all its axes",
              (heap_bytes() - before) / static_cast<double>(steps),
              "bytes",
              16.0,
              "heap in use; values with all bits, pyramid included");
  }
  const double before = heap_bytes();
  ui::RunViewBuilder builder("/made-up");
  std::mt19937 random(3);
  std::normal_distribution<double> normal(2.0, 0.1);
  Steps made;
  for (std::int64_t done = 0; done < steps; done += 10'000) {
    store::Delta delta;
    for (int m = 0; m < kTogether; ++m) delta.scalars.emplace_back().metric = metric_name(m + 1);
    for (int i = 0; i < 10'000; ++i) {
      const store::Position at = made.next();
      for (store::ScalarSeries& series : delta.scalars) add_samples(series, at, normal(random));
    }
    builder.apply(delta, 1.0);
  }
  const auto view = builder.publish({}, 1.0);
  bench.add("memory per sample, series logged together",
            (heap_bytes() - before) / static_cast<double>(steps * kTogether),
            "bytes",
            16.0,
            "4 series share their positions");
  bench.add("publish after 10 new samples, 0.1 M before", publish_us(100'000), "us");
  bench.add("publish after 10 new samples, 4 M before", publish_us(4'000'000), "us");
}

void measure_decimation(Bench& bench) {
  const ui::Series series = noise(1'000'000);
  ui::Decimated out;
  std::vector<double> times;
  const double end = series.x(ui::XAxis::kSteps, series.size() - 1);
  for (const int columns : {280, 1000}) {
    times.clear();
    for (int trial = 0; trial < 200; ++trial) {
      const double from = end * 0.001 * trial;
      const auto begun = Clock::now();
      ui::decimate({series, ui::XAxis::kSteps}, series.values(), {from, end, columns, false}, out);
      times.push_back(ms_since(begun));
    }
    bench.add("data path of a 1 M plot, " + std::to_string(columns) + " px",
              quantile(times, 0.5),
              "ms",
              columns == 280 ? 0.1 : -1.0,
              "range, columns, extremes; one line");
  }
}

void measure_opening(Bench& bench) {
  const std::int64_t steps = bench.is_quick ? kSteps / 10 : kSteps;
  const std::string root = bench.folder + "/long-" + std::to_string(steps);
  const auto made = Clock::now();
  if (!make_run(root, kMetrics, steps)) {
    bench.skip("opening a long run", "the run could not be made below " + bench.folder);
    return;
  }
  std::fprintf(stderr,
               "  a run of %d x %lld, made in %.0f s\n",
               kMetrics,
               static_cast<long long>(steps),
               ms_since(made) / 1000.0);
  const auto bytes = std::filesystem::file_size(store::RunPaths{root}.database());
  bench.add("disk per sample",
            static_cast<double>(bytes) / static_cast<double>(kMetrics * steps),
            "bytes",
            16.0,
            "run.db as a whole");
  std::mutex mutex;
  std::condition_variable woken;
  ui::Mailbox mailbox([&] { woken.notify_all(); });
  ui::RunWatcher watcher(mailbox);
  const auto wait_for = [&](const auto& is_there) {
    const auto begun = Clock::now();
    std::unique_lock lock(mutex);
    while (!is_there(*watcher.view()) && ms_since(begun) < 120'000)
      woken.wait_for(lock, std::chrono::milliseconds(1));
  };
  const auto begun = Clock::now();
  watcher.watch(root);
  wait_for([](const ui::RunView& view) { return view.series.size() >= kMetrics; });
  bench.add("100 metrics x 400 k steps: all metrics listed", ms_since(begun), "ms", 500.0);
  const auto is_full = [&](const ui::RunView& view, int first, int last) {
    for (int m = first; m < last; ++m) {
      const ui::Series* series = view.scalar(metric_name(m));
      if (series == nullptr || series->size() != static_cast<std::size_t>(steps)) return false;
    }
    return true;
  };
  wait_for([&](const ui::RunView& view) { return is_full(view, 0, 1); });
  ui::Decimated out;
  const auto view = watcher.view();
  const ui::Series& loss = *view->scalar("train_loss");
  ui::decimate({loss, ui::XAxis::kSteps},
               loss.values(),
               {0.0, static_cast<double>(steps), 1000, false},
               out);
  bench.add("100 metrics x 400 k steps: first plot whole",
            ms_since(begun),
            "ms",
            100.0,
            "reader thread, from the order to the points");
  // A watcher reports the newest wish first: ask for all in one go, as a page of plots does.
  wait_for([&](const ui::RunView& now) {
    bool is_whole = true;
    for (int m = 0; m < kPlots; ++m) is_whole = is_full(now, m, m + 1) && is_whole;
    return is_whole;
  });
  bench.add(
      "100 metrics x 400 k steps: 12 plots whole", ms_since(begun), "ms", 500.0, "4.8 M samples");
}

void measure_run_list(Bench& bench) {
  const int count = bench.is_quick ? 100 : 1000;
  const std::string runs = bench.folder + "/list-" + std::to_string(count);
  for (int i = 0; i < count; ++i) {
    if (!make_run(runs + "/run-" + std::to_string(1000 + i), 3, 20)) {
      bench.skip("run list", "the runs could not be made");
      return;
    }
  }
  const std::string words = std::to_string(count) + " runs";
  std::error_code ignored;
  std::filesystem::remove(ui::RunCatalog::index_path(runs), ignored);
  const auto list = [&](const char* name, double target, const std::string& note) {
    ui::RunCatalog catalog(runs);
    const auto begun = Clock::now();
    const auto found = catalog.scan(0.0);
    bench.add(name, ms_since(begun), "ms", target, note);
    return found;
  };
  list("run list without its index", -1.0, words + ", every database opened once");
  const auto found =
      list("run list, 1,000 runs", 200.0, words + ", from a new start of the window");
  std::vector<double> times;
  for (int trial = 0; trial < 50; ++trial) {
    const auto begun = Clock::now();
    const ui::RunQuery query = ui::parse_run_query("run steps>5 -state:failed");
    std::size_t num_shown = 0;
    for (const store::RunOverview& run : found) num_shown += ui::matches(query, run, {}) ? 1 : 0;
    times.push_back(ms_since(begun));
  }
  bench.add("run list, one filter", quantile(times, 0.5), "ms", 16.0, words);
}

}  // namespace switchyard::bench
