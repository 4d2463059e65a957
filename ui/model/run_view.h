#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/store/run_store.h"

namespace switchyard::ui {

/// A scalar series as plots use it: raw columns plus the min/max pyramid (ui/plot/pyramid.h) built
/// by the reader.
struct SeriesView {
  store::MetricInfo info;
  std::shared_ptr<const store::ScalarSeries> data;
  std::shared_ptr<const class Pyramid> pyramid;
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
  kNone,
  kCreated,
  kStarting,
  kRunning,
  kPaused,
  kStopping,
  kCompleted,
  kStopped,
  kFailed,
  kKilled,
  kDamaged
};

/// An immutable snapshot of one run: published by the reader thread, taken once per frame.
struct RunView {
  std::string root;
  std::string name;
  Json config;  ///< resolved
  RunState state = RunState::kNone;
  std::string state_detail;         ///< reason of a failure, in a sentence
  bool is_engine_alive = false;     ///< the run lock is held
  bool is_engine_attached = false;  ///< the socket is connected
  std::int64_t step = 0;
  std::int64_t max_steps = 0;
  std::int64_t params_total = 0;
  std::int64_t params_active = 0;
  std::vector<store::MetricInfo> metrics;
  std::map<std::string, SeriesView> series;
  std::map<std::pair<std::string, int>, MapView> maps;
  std::vector<store::Event> events;
  std::int64_t revision = 0;      ///< grows with every change
  double data_age_seconds = 0.0;  ///< since the last new sample, when published
};

}  // namespace switchyard::ui
