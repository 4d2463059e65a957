#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/train/loop/run_setup.h"

namespace switchyard::train {

/// Hears what happens in a run: JSON objects with "event" = "start", "step", "eval", "checkpoint",
/// "guard", "state", "warning", "done" and the fields of the command-line contract.
using EventSink = std::function<void(const Json& event)>;

struct TrainOutcome {
  bool is_completed = false;  ///< false: stopped on request
  std::int64_t step = 0;
  double val_loss = 0.0;  ///< of the whole split; only when completed
};

/// Trains a planned run from its present state to its end: run folder, lock, checkpoints, database,
/// socket, commands and samples between steps.
///
/// States: running ⇄ paused; stopping → stopped; completed; failed. Each change is an event row and
///         a broadcast.
/// Errors: kBusy (another engine holds the run), kInputFile (text or checkpoints unusable),
///         kNumerics (the guard gave up), kDiskFull (no space at the end, or for 30 minutes),
///         kOutOfMemory, kIo. The last good state is saved first where that is possible.
/// Threads: runs in the calling thread and returns when the run ends; `is_stop_requested` is asked
///         between steps and between evaluation batches. Never waits for a window.
Result<TrainOutcome> train_run(const RunSetup& setup,
                               const std::string& device,
                               const EventSink& sink,
                               const std::function<bool()>& is_stop_requested);

}  // namespace switchyard::train
