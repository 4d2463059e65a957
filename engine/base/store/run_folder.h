#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::store {

/// Names inside a run folder (specified once, used by both programs).
struct RunPaths {
  std::string root;

  [[nodiscard]] std::string config() const { return root + "/config.json"; }

  [[nodiscard]] std::string database() const { return root + "/run.db"; }

  [[nodiscard]] std::string lock() const { return root + "/run.lock"; }

  [[nodiscard]] std::string log() const { return root + "/log.jsonl"; }

  [[nodiscard]] std::string checkpoints() const { return root + "/checkpoints"; }

  [[nodiscard]] std::string tokenizer() const { return root + "/tokenizer.json"; }

  /// The pinned prompts; there once one was pinned.
  [[nodiscard]] std::string pins() const { return root + "/pins.json"; }

  /// The tags that the run brings along, such as the name of its sweep; most runs have none.
  [[nodiscard]] std::string tags() const { return root + "/tags.json"; }

  [[nodiscard]] std::string crash_note() const { return root + "/crash.txt"; }

  /// run.sock in the folder, or, where that path is longer than a socket address allows, the path
  /// that run.sock.path names (in $XDG_RUNTIME_DIR or /tmp).
  [[nodiscard]] std::string socket() const;
};

/// $SWITCHYARD_RUNS, else $XDG_DATA_HOME/switchyard/runs, else ~/.local/share/switchyard/runs.
std::string runs_directory();

/// What remains of a config name as a file name: letters, digits, '.', '_' and '-'; "run" when
/// nothing does.
std::string file_name_from(const std::string& name);

/// `<runs>/<name>-NNN` with the lowest free number; not created.
std::string next_run_directory(const std::string& runs, const std::string& name);

/// Creates the folder with its checkpoints folder and writes config.json (durably).
/// Errors: kUsage when it holds something that is not a run; kIo / kDiskFull with the path.
Status create_run_folder(const std::string& root, const Json& resolved_config);

/// The resolved configuration of a run, in today's version if it is an older one. Errors: kInputFile when the folder is not a run folder.
Result<Json> read_run_config(const std::string& root);

/// Writes tags.json into a run folder, which need not hold a run yet. Errors: kIo, kDiskFull.
Status write_run_tags(const std::string& root, const std::vector<std::string>& tags);

/// The tags of a run, at most 32; none when tags.json is missing or cannot be read.
std::vector<std::string> read_run_tags(const std::string& root);

/// Who holds a run, as written in run.lock; for messages only: the lock itself decides.
struct LockHolder {
  std::int64_t pid = 0;
  std::string boot_id;
  double started_wall_time = 0.0;
};

/// The exclusive flock on run.lock, held for the life of the object.
class RunLock {
 public:
  /// Errors: kBusy with the holder's pid and age.
  static Result<RunLock> acquire(const std::string& root);
  /// True while some process holds the lock; never blocks, creates nothing.
  static bool is_held(const std::string& root, LockHolder* holder = nullptr);
  /// The same for a lock file of any name, of which `what` is said to be held ("a run that no
  /// process trains").
  static Result<RunLock> acquire_file(const std::string& path,
                                      const std::string& where,
                                      const std::string& what,
                                      const std::string& hint);
  static bool is_file_held(const std::string& path, LockHolder* holder = nullptr);
  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&& other) noexcept;
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  ~RunLock();

 private:
  explicit RunLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_ = -1;
};

/// The summary of one run for lists: read from config.json, run.db (last samples) and the lock.
struct RunSummary {
  std::string root;
  std::string name;    ///< folder name
  std::string preset;  ///< config "name"
  std::string state;   ///< "running", "paused", "completed", "stopped", "failed", "killed",
                       ///< "created", "damaged"
  std::string detail;  ///< reason of a failure or damage
  std::int64_t step = 0;
  std::int64_t max_steps = 0;
  double train_loss = 0.0;  ///< NaN when unknown
  double val_loss = 0.0;    ///< NaN when unknown
  double modified_wall_time = 0.0;
  std::string parent_root;      ///< absolute path of the run that it was forked from, or empty
  std::string parent_name;      ///< its folder name
  std::int64_t fork_step = -1;  ///< the step at which it was, -1 for a run that began by itself
};

RunSummary summarize_run(const std::string& root);
/// All runs below `runs`, newest first.
std::vector<RunSummary> list_runs(const std::string& runs);

/// Checks everything in a run folder: names, manifests, CRCs, database integrity, leftovers.
struct VerifyReport {
  std::vector<std::string> intact;    ///< one line per thing checked
  std::vector<std::string> problems;  ///< one line per finding; empty = clean
};

Result<VerifyReport> verify_run(const std::string& root);

}  // namespace switchyard::store
