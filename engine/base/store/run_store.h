#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/base/routing/routing_probe.h"
#include "engine/base/store/packed_column.h"

namespace switchyard::store {

/// Where on the run's axes a sample lies. Every sample carries all four, so any plot can use any
/// axis.
struct Position {
  std::int64_t step = 0;
  std::int64_t tokens = 0;  ///< trained so far
  double seconds = 0.0;     ///< of training, monotonic, summed over attempts
  double flops = 0.0;       ///< spent so far
};

/// Declares a metric: written once per run, shown by the window as it stands here.
struct MetricInfo {
  std::string name;  ///< "train_loss": the one spelling
  std::string unit;  ///< "nats/token"
  std::string help;  ///< one line
  bool is_vector = false;
};

/// One run's database (run.db, WAL): scalars (rows folded into chunks of 4,096), vectors, events,
/// routing probes.
///
/// One writing process; all calls only enqueue, a writer thread commits every 64 samples or 25 ms
/// (synchronous NORMAL; FULL at least every 5 s and in flush). A full disk keeps up to 64 MiB
/// queued, is tried again with growing pauses, and is reported by `problem()`; what comes above the
/// 64 MiB is not kept. A failed sync is final. Threads: any thread may call; calls never wait for
/// the disk, except flush and the destructor (which writes what is queued).
class Writer {
 public:
  /// Opens or creates `path`. `attempt` is 0 for a new run, one more after each rollback.
  /// `resume_after_step` is the step S of the checkpoint that the run goes on from, -1 for a new
  /// run. An `attempt` greater than all stored ones keeps the samples after S, but readers show
  /// them no longer; otherwise the newest stored attempt goes on, and its samples (and its "eval",
  /// "checkpoint", "pinned_answer" and "doctor" events) with step > S are removed in one
  /// transaction; routing probes with step > S are removed in both cases. Errors: kInputFile for a
  /// file that is no run store, damaged or newer; kDiskFull; kIo, also for network file systems
  /// (SWITCHYARD_ALLOW_NETWORK_FS=1 permits them).
  static Result<std::unique_ptr<Writer>> open(const std::string& path,
                                              int attempt,
                                              std::int64_t resume_after_step);
  virtual ~Writer() = default;

  virtual void declare(const MetricInfo& metric) = 0;
  virtual void scalar(std::string_view metric, const Position& at, double value) = 0;
  /// `layer` is the routed layer's index, or -1 for one value per routed layer.
  virtual void vector(std::string_view metric,
                      int layer,
                      const Position& at,
                      std::vector<float> values) = 0;
  /// kind: "state", "checkpoint", "eval", "guard", "doctor", "setting", "note", "error", …; detail
  /// is free JSON.
  virtual void event(std::string_view kind, std::int64_t step, Json detail) = 0;
  /// How a fixed text is routed now. The store thins older probes: routing::probe_to_drop.
  virtual void routing_probe(const Position& at, const routing::RoutingProbe& probe) = 0;
  /// Everything enqueued so far is on disk (synchronous FULL) when this returns.
  virtual Status flush() = 0;
  /// The failure that stops the writer from committing now, if any (disk full).
  [[nodiscard]] virtual std::optional<Error> problem() const = 0;
};

/// A scalar series in memory. All arrays have the same length and are ordered by (attempt, step,
/// sequence).
struct ScalarSeries {
  std::string metric;
  std::vector<std::int64_t> step;
  std::vector<std::int64_t> tokens;
  std::vector<double> seconds;
  std::vector<double> flops;
  std::vector<double> value;                           ///< NaN and infinities with their bits
  std::optional<PackedSamples> packed = std::nullopt;  ///< a whole chunk, instead of the arrays
};

struct VectorSample {
  Position at;
  std::vector<float> values;
};

struct VectorSeries {
  std::string metric;
  int layer = -1;
  std::vector<VectorSample> samples;
};

/// A probe of the routing; never changed once read, so that snapshots share it.
struct ProbeSample {
  Position at;
  std::shared_ptr<const routing::RoutingProbe> probe;
};

struct Event {
  std::int64_t sequence = 0;
  std::int64_t step = 0;
  double wall_time = 0.0;  ///< seconds since 1970, for display only, never compared
  std::string kind;
  Json detail;
};

/// What is new since the last call. Series hold only the new samples; `is_reset` says that
/// everything read before is void (a resume removed samples).
struct Delta {
  bool is_reset = false;
  std::vector<MetricInfo> metrics;
  std::vector<ScalarSeries> scalars;
  std::vector<VectorSeries> vectors;
  std::vector<Event> events;
  /// New probes, ascending steps. The store may have dropped some that were read before: what was
  /// read stays true.
  std::vector<ProbeSample> probes = {};
  std::vector<std::string> available = {};  ///< scalar metrics that have samples now (poll(wanted))
  bool has_more = false;                    ///< more is there already: poll again at once

  [[nodiscard]] bool empty() const {
    return !is_reset && !has_more && metrics.empty() && scalars.empty() && vectors.empty() &&
           events.empty() && probes.empty() && available.empty();
  }
};

/// Reads one run's database, read-only, in short transactions (< 100 ms); trusts nothing in it.
/// Errors: kInputFile when the file is no run store, is damaged, or is of a newer version (says
/// both numbers); kUnavailable while a new engine has not created the tables yet.
/// Samples that a rollback made void (an earlier attempt, after the checkpoint that the later one
/// began from) are not returned. Threads: one thread per object.
class Reader {
 public:
  static Result<std::unique_ptr<Reader>> open(const std::string& path);
  virtual ~Reader() = default;
  /// The samples and events committed since the last call; the first call returns everything.
  virtual Result<Delta> poll() = 0;
  /// The same for a window: of scalar metrics only the samples of `wanted`, most urgent first, in
  /// the order in which they were recorded; a metric that is wanted later is returned from its
  /// start. Whole chunks come packed. Each call is one short transaction; `has_more` says that it
  /// ended before everything was read. Use one kind of poll per object.
  virtual Result<Delta> poll(std::span<const std::string> wanted) = 0;
  /// Forgets the cursor: the next poll returns everything, marked `is_reset`.
  virtual void rewind() = 0;
  /// SQLite's integrity check and the sequence rules of the store; one message per finding.
  virtual Result<std::vector<std::string>> verify() = 0;
};

}  // namespace switchyard::store
