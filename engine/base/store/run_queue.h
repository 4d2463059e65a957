#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/base/store/run_folder.h"

namespace switchyard::store {

/// Names inside `<runs>/.queue`, the runs that wait to be trained one after another.
///
/// An entry is `NNNN-name.json`, a resolved configuration: the number decides the order, the name
/// that of the run folder. `lock` is held by the runner, `edit.lock` for a moment by whoever
/// changes entries, `current.json` names the entry that trains, `done/` holds one file per entry
/// that ended.
struct QueuePaths {
  std::string runs;

  [[nodiscard]] std::string root() const { return runs + "/.queue"; }

  [[nodiscard]] std::string lock() const { return root() + "/lock"; }

  [[nodiscard]] std::string edit_lock() const { return root() + "/edit.lock"; }

  [[nodiscard]] std::string current() const { return root() + "/current.json"; }

  [[nodiscard]] std::string done() const { return root() + "/done"; }
};

/// One waiting (or training) entry.
struct QueuedRun {
  std::string id;      ///< "0010-small-moe": changes when the entry is moved
  std::string name;    ///< "small-moe": stem of the run folder
  std::string config;  ///< path of its configuration
  std::string preset;  ///< "name" of the configuration
  std::int64_t max_steps = 0;
  bool is_running = false;
  std::string run;  ///< its folder, while it trains
};

/// How an entry ended.
struct QueueOutcome {
  std::string id, name, run;
  std::string state;    ///< "completed", "stopped" or "failed"
  std::string message;  ///< why, when it failed
  int exit_code = 0;
  double wall_time = 0.0;  ///< seconds since 1970, for display only
};

/// The entries in the order in which they will be trained; one that trains comes first.
std::vector<QueuedRun> list_queue(const std::string& runs);

/// The last entries that ended (at most 50), newest first.
std::vector<QueueOutcome> list_queue_outcomes(const std::string& runs);

/// Adds a resolved configuration at the end; `name` empty: that of the configuration.
/// Errors: kIo, kDiskFull.
Result<QueuedRun> enqueue(const std::string& runs, const std::string& name, const Json& config);

/// Removes a waiting entry. Errors: kUsage when there is none of that id or it trains.
Status remove_queued(const std::string& runs, const std::string& id);

/// Puts an entry at `position` among those that wait (0 = next; beyond the end = last); one rename
/// of one file, so a crash leaves the old or the new order. Returns the entry with its new id.
/// Errors: as remove_queued.
Result<QueuedRun> move_queued(const std::string& runs, const std::string& id, std::size_t position);

/// Takes entries one by one, on behalf of a process that trains them.
///
/// An entry is removed once it has ended. After a crash of the runner the next one finds the entry
/// that was training and goes on with it in the same run folder.
/// Threads: one.
class QueueRunner {
 public:
  /// Errors: kBusy when another runner works; kIo.
  static Result<QueueRunner> start(const std::string& runs);
  /// Is a runner at work? Asked after enqueue(), a false answer means that one must be started: a
  /// runner that finds the queue empty ends in the same moment in which it looks.
  static bool is_running(const std::string& runs, LockHolder* holder = nullptr);

  /// The entry to train now, with its run folder, or nothing when the queue is empty: then this
  /// runner no longer holds the lock.
  Result<std::optional<QueuedRun>> next();
  /// Notes how the entry of next() ended and removes it.
  Status finish(const QueueOutcome& outcome);

 private:
  QueueRunner(std::string runs, RunLock lock) : runs_(std::move(runs)), lock_(std::move(lock)) {}

  std::string runs_;
  std::optional<RunLock> lock_;
};

}  // namespace switchyard::store
