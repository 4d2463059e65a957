#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ui/model/run_view.h"
#include "ui/plot/map_columns.h"
#include "ui/plot/series.h"

namespace switchyard::ui {

/// What the reader knows about a run's engine besides the database.
struct EngineLink {
  bool is_alive = false;      ///< the run lock is held
  bool is_launching = false;  ///< an engine was started and does not hold the lock yet
  bool is_attached = false;   ///< the socket is connected
  std::int64_t pid = 0;
};

/// Collects what a run's database says and publishes immutable snapshots of it.
///
/// New samples are appended; a snapshot shares them, so that publishing costs as much as what is
/// new, however long the run. Samples of a step that is already there (training went back to a
/// checkpoint) hide the ones after it. Threads: one, the reader's; the snapshots belong to
/// everyone.
class RunViewBuilder {
 public:
  explicit RunViewBuilder(std::string root);

  void set_config(Json config);

  /// The folder cannot be read as a run; nullopt takes it back.
  void set_problem(std::optional<Error> problem) { problem_ = std::move(problem); }

  /// Takes in what is new. `now`: monotonic seconds.
  void apply(const store::Delta& delta, double now);

  /// A snapshot of everything so far; revisions grow with every call.
  std::shared_ptr<const RunView> publish(const EngineLink& link, double now);

  /// The metrics whose samples are to be read, most urgent first: the training loss, then what
  /// plots ask for.
  [[nodiscard]] std::vector<std::string> wanted() const;

  [[nodiscard]] const std::shared_ptr<SeriesRequests>& requests() const { return requests_; }

  /// A map that is expensive to copy was left out of the last snapshot: publish again later.
  [[nodiscard]] bool is_behind() const { return is_behind_; }

  [[nodiscard]] std::int64_t last_step() const { return last_step_; }

  [[nodiscard]] std::int64_t max_steps() const { return max_steps_; }

 private:
  struct Scalars {
    Series series;
    bool is_dirty = true;
    SeriesView published;
  };

  struct Map {
    MapColumns columns;
    bool is_dirty = true;
    MapView published;
  };

  void clear();
  void publish_maps(double now);
  void append(const store::ScalarSeries& fresh);
  Scalars& scalars_of(const std::string& metric);
  void append(const store::VectorSeries& fresh);
  void take_event(const store::Event& event);
  store::MetricInfo info_of(const std::string& metric, bool is_vector) const;

  std::string root_;
  Json config_;
  std::string seed_key_;
  std::optional<Error> problem_;
  std::vector<store::MetricInfo> metrics_;
  std::shared_ptr<SeriesRequests> requests_ = std::make_shared<SeriesRequests>();
  std::shared_ptr<PositionPool> positions_ = std::make_shared<PositionPool>();
  std::map<std::string, Scalars> series_;
  std::map<std::pair<std::string, int>, Map> maps_;
  std::vector<store::Event> events_;
  std::vector<store::ProbeSample> probes_;
  std::int64_t last_step_ = 0;
  std::int64_t max_steps_ = 0;
  std::int64_t params_total_ = 0;
  std::int64_t params_active_ = 0;
  std::int64_t num_checkpoints_ = 0;
  std::string device_;
  std::string reason_;
  double last_sample_time_ = 0.0;
  double last_map_time_ = -1.0;
  bool is_behind_ = false;
  std::int64_t revision_ = 0;
};

/// Forgets the columns that start at `step` or later.
void truncate_columns(MapColumns& columns, std::int64_t step);

}  // namespace switchyard::ui
