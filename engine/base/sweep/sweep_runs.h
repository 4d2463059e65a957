#pragma once

#include <string>

#include "engine/base/config/schema.h"
#include "engine/base/core/result.h"
#include "engine/base/store/run_folder.h"
#include "engine/base/sweep/sweep.h"

namespace switchyard::sweep {

/// Names inside `<runs>/.sweeps`.
///
/// `NAME.json` is a sweep that was given on a command line. Below `NAME/`, `lock` is held by the
/// process that trains the sweep, `RUN.json` is the configuration with which a run was started,
/// `failed/RUN.json` says why one failed. What is done is read from the run folders alone.
struct Paths {
  std::string runs;
  std::string name;

  [[nodiscard]] std::string file() const { return runs + "/.sweeps/" + name + ".json"; }

  [[nodiscard]] std::string root() const { return runs + "/.sweeps/" + name; }

  [[nodiscard]] std::string lock() const { return root() + "/lock"; }

  [[nodiscard]] std::string config(const Run& run) const {
    return root() + "/" + run.name + ".json";
  }

  [[nodiscard]] std::string failure(const Run& run) const {
    return root() + "/failed/" + run.name + ".json";
  }

  [[nodiscard]] std::string run(const Run& run) const { return runs + "/" + run.name; }
};

enum class State {
  kWaiting,      ///< not begun
  kInterrupted,  ///< begun, to be continued from its last checkpoint
  kTraining,     ///< a process trains it now
  kDone,         ///< all steps of the sweep's configuration
  kFailed,
  kForeign,  ///< the folder holds a run with other settings
};

/// "waiting", "interrupted", "training", "done", "failed", "foreign".
const char* state_name(State state);

struct RunState {
  State state = State::kWaiting;
  std::string reason;  ///< why it failed, what is foreign in it
  int exit_code = 0;   ///< of a failed one, where its process told it, else 1; 2 for a foreign one
};

/// How far a run of a sweep is, from its folder and the note of a failure.
RunState state_of(const config::Schema& schema, const Paths& paths, const Run& run);

/// Writes the configuration of a run for `train --config`, tags its folder with the sweep's name,
/// and forgets a failure before. Errors: kIo, kDiskFull.
Status prepare_run(const Paths& paths, const Run& run);

/// Notes that the training process of a run failed. Errors: kIo, kDiskFull.
Status note_failure(const Paths& paths, const Run& run, const std::string& reason, int exit_code);

/// The right to train a sweep, held for the life of the object. Errors: kBusy.
Result<store::RunLock> lock_sweep(const Paths& paths);

}  // namespace switchyard::sweep
