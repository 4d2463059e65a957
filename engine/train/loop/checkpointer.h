#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/checkpoint/checkpoint.h"
#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::train {

class ParameterStore;
class Trainer;

/// Saves and restores everything that influences the next step: masters (weights.safetensors),
/// moments (optimizer.safetensors: `moment1.<name>`, `moment2.<name>`, for some optimizers
/// `moment3.<name>`), and Trainer::state() (state.json), beside a manifest with config hash,
/// versions, thread count and device.
///
/// A failed save never stops training: the next try waits 1, 2, 4 … up to 16 minutes; `is_lost()`
/// says that the disk has been full for too long.
/// Errors: kDiskFull, kIo with the path; restore: kInputFile naming file and tensor.
/// Determinism: restore after save gives back every bit.
/// Threads: the thread that trains.
class Checkpointer {
 public:
  explicit Checkpointer(std::string checkpoints_dir) : dir_(std::move(checkpoints_dir)) {}

  struct Saved {
    std::string path;
    std::int64_t step = 0;
    bool is_best = false;
    bool is_new = false;  ///< false: an intact one of this step was there already
    std::vector<std::string> retired;
  };

  /// Publishes a checkpoint of the present state and retires old ones. A step that is already
  /// there, intact, is not written again. `keep_last` >= 2.
  Result<Saved> save(Trainer& trainer, int keep_last);

  /// Loads the tensors and the state of a checkpoint into the trainer.
  static Status restore(Trainer& trainer, const checkpoint::Found& found);
  /// Loads the weights only, for evaluation and sampling.
  static Status restore_weights(ParameterStore& parameters, const std::string& path);

  /// Removes checkpoints later than `step` (after a rollback: they hold what went wrong).
  void discard_after(std::int64_t step);

  /// May save() be tried at `monotonic_seconds`? False during the pause after a failure.
  [[nodiscard]] bool may_try(double monotonic_seconds) const;
  /// Notes the outcome of a try; a failure doubles the pause.
  void note_outcome(bool is_saved, double monotonic_seconds);
  /// True when saving has failed for longer than `kGiveUpSeconds`.
  [[nodiscard]] bool is_lost(double monotonic_seconds) const;

  static constexpr double kGiveUpSeconds = 1800.0;

 private:
  std::string dir_;
  double pause_seconds_ = 0.0;
  double not_before_ = 0.0;
  double failing_since_ = -1.0;
};

/// The newest checkpoint at most `max_step` (any when negative) of a scan; null when there is none.
const checkpoint::Found* newest_checkpoint(const checkpoint::ScanResult& scan,
                                           std::int64_t max_step = -1);

/// The checkpoint that a person means by "last", "best" or a step. Errors: kUsage when the word is
/// none of these, kInputFile when there is no such intact checkpoint (names the damaged ones).
Result<checkpoint::Found> choose_checkpoint(const checkpoint::ScanResult& scan,
                                            const std::string& choice);

/// Eight digits that change with any key of a resolved config.
std::string config_hash(const Json& config);

}  // namespace switchyard::train
