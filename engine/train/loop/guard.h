#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::train {

/// What the guard may be told, from the "guard" section of a run.
struct GuardSettings {
  bool use_guard = true;
  double spike_sigma = 6.0;
  int window_steps = 128;
  int max_consecutive_skips = 3;
  int max_rollbacks = 3;
};

enum class GuardAction {
  kAccept,    ///< update the weights
  kSkip,      ///< no update, no decay, no change of moments; schedule and data go on
  kRerun,     ///< compute the same batch again and judge it with judge_rerun()
  kRollback,  ///< load an older checkpoint and skip the batches that led here
  kStop,      ///< give up: exit code 4
};

const char* guard_action_name(GuardAction action);

/// A decision and the numbers behind it.
struct GuardVerdict {
  GuardAction action = GuardAction::kAccept;
  std::string cause;  ///< "non_finite_loss", "non_finite_grad_norm", "loss_spike", … ; "" when ok
  double robust_z = 0.0;        ///< of the loss; 0 while the window is too short
  std::int64_t first_skip = 0;  ///< step at which the present trouble began (for kRollback)

  [[nodiscard]] bool is_accepted() const { return action == GuardAction::kAccept; }
};

/// Decides, from the loss and gradient norm of a step, whether its update may reach the weights.
///
/// Math:   z = (loss - prediction) / max(1.4826 x MAD, 0.005 x |median|) over the last
///         `window_steps` accepted losses after removal of their linear trend (medians of the older
///         and newer half); one-sided; active after half a window; a spike is also 0.6 x as many
///         deviations above the median of the last 32, trend left in. The gradient norm is judged the
///         same way on its logarithm, and only when it is 10 x its median. Skipped steps never
///         enter the windows.
///         Rollback: `max_consecutive_skips` in a row, 8 skips within 128 steps, or a smoothed loss
///         above 1.5 x its value 200 steps ago for 50 steps.
///         Stop: `max_rollbacks` within 5,000 steps and trouble again.
/// Errors: from_json() refuses a state that does not fit (kInputFile).
/// Determinism: a pure function of the settings and of the calls; the whole state is in to_json(),
///         so a resumed run decides as the uninterrupted one.
/// Source: robust statistics after Rousseeuw and Croux 1993; skip rule after OLMo-core, rollback
///         after Chowdhery et al. 2022 (arXiv 2204.02311, section 5.1).
class Guard {
 public:
  explicit Guard(GuardSettings settings) : settings_(settings) {}

  /// Judges step `step` (the one that would be counted as such once it is done).
  GuardVerdict judge(std::int64_t step, double loss, double grad_norm);
  /// Judges the second computation of the same batch after kRerun; never answers kRerun.
  GuardVerdict judge_rerun(std::int64_t step, double loss, double grad_norm);
  /// This guard's state came from an older checkpoint because of what `before` had seen up to
  /// `from_step`: the counts of `before` live on, the windows stay those of the checkpoint.
  void note_rollback(const Guard& before, std::int64_t from_step);

  void change_settings(GuardSettings settings) { settings_ = settings; }

  [[nodiscard]] std::int64_t num_skips() const { return num_skips_; }

  [[nodiscard]] std::int64_t num_rollbacks() const { return num_rollbacks_; }

  [[nodiscard]] Json to_json() const;
  Status from_json(const Json& state);

 private:
  GuardVerdict decide(std::int64_t step, double loss, double grad_norm, bool may_rerun);
  GuardVerdict skip_or_worse(std::int64_t step, GuardVerdict verdict);
  GuardVerdict rollback_or_stop(std::int64_t step, GuardVerdict verdict);
  void accept(double loss, double grad_norm);
  bool is_drifting(double smoothed) const;

  GuardSettings settings_;
  std::deque<double> losses_, log_norms_;  ///< accepted steps only
  std::deque<double> smoothed_;            ///< smoothed losses of the last 200 accepted steps
  std::vector<std::int64_t> skip_steps_;   ///< within the last 128 steps
  std::vector<std::int64_t> rollback_steps_;
  double smoothed_loss_ = 0.0;
  std::int64_t num_drifting_ = 0;
  std::int64_t consecutive_skips_ = 0;
  std::int64_t first_skip_ = 0;
  std::int64_t last_rerun_ = -1;
  std::int64_t num_skips_ = 0, num_rollbacks_ = 0, num_accepted_ = 0;
};

/// How far `value` lies above what `window` predicts, in robust standard deviations;
/// `relative_floor` bounds the deviation from below as a fraction of the median's size. 0 for fewer
/// than 8 values.
double robust_z(const std::deque<double>& window, double value, double relative_floor);

}  // namespace switchyard::train
