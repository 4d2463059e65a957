#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/base/store/run_store.h"
#include "ui/model/series_requests.h"
#include "ui/plot/series.h"

namespace switchyard::ui {

/// The samples of a series. Looking at them asks the reader thread to read them: they are empty
/// until it has. Otherwise used like a shared pointer, never null.
class LazySeries {
 public:
  LazySeries() = default;

  template <typename T>
  LazySeries(std::shared_ptr<T> series,  // NOLINT(google-explicit-constructor)
             std::shared_ptr<SeriesRequests> requests = nullptr)
      : series_(std::move(series)), requests_(std::move(requests)) {}

  [[nodiscard]] const Series* get() const {
    ask();
    return series_.get();
  }

  const Series& operator*() const { return *get(); }

  const Series* operator->() const { return get(); }

  operator std::shared_ptr<const Series>() const {  // NOLINT(google-explicit-constructor)
    ask();
    return series_;
  }

  friend bool operator==(const LazySeries& data, std::nullptr_t) { return !data.series_; }

 private:
  void ask() const {
    if (requests_ != nullptr) requests_->ask(series_->metric());
  }

  std::shared_ptr<const Series> series_;
  std::shared_ptr<SeriesRequests> requests_;  ///< null where nobody serves
};

/// A scalar series: what it is, and its samples so far.
struct SeriesView {
  store::MetricInfo info;
  LazySeries data;
};

/// A vector series: [sample][element], bounded to 2,048 columns (neighbours merged: mean and max
/// kept).
struct MapView {
  store::MetricInfo info;
  int layer = -1;
  std::shared_ptr<const struct MapColumns> columns;
};

/// What the engine is doing. The only source for the run bar's buttons.
enum class RunState {
  kNone,      ///< no run is open
  kCreated,   ///< a folder with a configuration, never trained
  kStarting,  ///< the engine is up, or being started, and has not trained yet
  kRunning,
  kPaused,
  kStopping,
  kCompleted,
  kStopped,
  kFailed,
  kKilled,  ///< the engine died without a word
  kDamaged  ///< the folder cannot be read as a run
};

/// An immutable snapshot of one run: published by the reader thread, taken once per frame.
struct RunView {
  std::string root;
  std::string name;
  Json config;           ///< resolved
  std::string seed_key;  ///< the same for runs that differ in their seed only (run_overlay.h)
  RunState state = RunState::kNone;
  std::string state_detail;         ///< reason of a failure, in a sentence
  std::optional<Error> problem;     ///< what is wrong with the folder, and what to do
  bool is_engine_alive = false;     ///< the run lock is held
  bool is_engine_attached = false;  ///< the socket is connected
  std::int64_t engine_pid = 0;      ///< as the lock names it; 0 when not alive
  std::string device;               ///< "cpu", "cuda:0"; of the last start
  std::int64_t step = 0;
  std::int64_t max_steps = 0;
  std::int64_t params_total = 0;
  std::int64_t params_active = 0;
  std::int64_t num_checkpoints = 0;  ///< published in this run's life, as events tell
  std::vector<store::MetricInfo> metrics;
  std::map<std::string, SeriesView> series;
  std::map<std::pair<std::string, int>, MapView> maps;
  std::vector<store::Event> events;
  std::vector<store::ProbeSample> probes;  ///< of the routing, by step
  std::int64_t revision = 0;      ///< grows with every change
  double last_sample_time = 0.0;  ///< monotonic seconds when the newest sample was read; 0: none
  double data_age_seconds = 0.0;  ///< since the last new sample, when published

  /// Null when the metric has no samples, empty while they are being read.
  [[nodiscard]] const Series* scalar(const std::string& metric) const {
    const auto found = series.find(metric);
    return found == series.end() ? nullptr : found->second.data.get();
  }

  [[nodiscard]] const MapView* map(const std::string& metric, int layer) const {
    const auto found = maps.find({metric, layer});
    return found == maps.end() ? nullptr : &found->second;
  }
};

}  // namespace switchyard::ui
