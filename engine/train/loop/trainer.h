#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/config/model_size.h"
#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/base/formats/dataset.h"
#include "engine/base/routing/routing_probe.h"
#include "engine/base/store/run_store.h"
#include "engine/train/loop/evaluator.h"
#include "engine/train/loop/gap_watch.h"
#include "engine/train/loop/guard.h"

namespace switchyard::train {

class RoutingStatistics;
class Transformer;

/// What one step did. Numbers that were not read from the device are NaN.
struct StepReport {
  std::int64_t step = 0;  ///< steps done, this one included
  double train_loss = 0.0;
  double grad_norm = 0.0;  ///< before clipping
  double learning_rate = 0.0;
  double load_balance_loss = 0.0;
  double router_z_loss = 0.0;
  double step_time_ms = 0.0;
  GuardVerdict verdict;
  /// What the guard or the memory rule did on its own, in order: details of "guard" events.
  std::vector<Json> actions;
};

/// Trains one model: batches, forward, backward, guard, update, counters. Knows nothing of run
/// folders, sockets or people.
///
/// Math:   step s uses batch s + batch_offset (a pure function of seed and number), the mean
///         gradient over grad_accum_steps slices, clipping by the global norm, and the schedule's
///         rate at s. Skipped steps advance step, schedule and data, nothing else.
/// Errors: create() and step() turn what LibTorch throws into values: kOutOfMemory after one retry
///         and after micro_batch_size could not be divided any more (the weights are those of the
///         last good step, see memory_shortage()), kNumerics when the guard stops, kUnavailable for
///         a device, kInternal for the rest.
/// Units:  durations exclude gaps in which the process stood still (GapWatch).
/// Determinism: same config, seed, device, build and thread count give the same bits; state() and
///         the tensors of a checkpoint hold everything that influences the next step.
/// Threads: one thread.
class Trainer {
 public:
  struct Options {
    Json config;  ///< resolved
    formats::PreparedData data;
    std::string device = "auto";  ///< "auto", "cpu", "cuda:N"
    int num_threads = 0;          ///< 0: as the config says
  };

  static Result<std::unique_ptr<Trainer>> create(Options options);
  ~Trainer();

  /// One step. With `must_read` all numbers of the report are read from the device; without it only
  /// those that the guard needs. A verdict of kRollback asks the caller to restore an older
  /// checkpoint and call note_rollback(); kStop comes as error kNumerics.
  Result<StepReport> step(bool must_read);

  /// Evaluates the validation split with the present weights (0 windows: all of it).
  Result<Evaluation> evaluate(std::int64_t max_windows, const std::function<bool()>& keep_going);

  /// Routes log.probe_tokens tokens of the validation split with the present weights; always the
  /// same ones. Errors: as evaluate().
  Result<routing::RoutingProbe> probe_routing();

  /// What must be remembered before an older checkpoint is restored for a rollback …
  struct RollbackNote {
    Guard guard;
    std::int64_t step = 0;
    std::int64_t next_batch = 0;
    double seconds = 0.0;
    int attempt = 0;
  };

  [[nodiscard]] RollbackNote rollback_note() const;
  /// … and after it: skips the batches up to the trouble and 200 more, counts the attempt.
  void note_rollback(const RollbackNote& note);

  /// Everything beside tensors that influences later steps, by section (all_state_sections()).
  [[nodiscard]] Json state() const;
  /// Puts a state back. Errors: kInputFile naming the section that does not fit.
  Status restore_state(const Json& state);

  /// Replaces the config by one that differs in resumable keys only.
  Status change_config(const Json& config);
  /// Divides batches as the config says, not as the restored checkpoint did.
  void use_configured_batch_split();
  /// The restored checkpoint belongs to another run: attempts and the best loss count anew.
  void begin_fork();

  /// The gaps since the last call.
  std::vector<Gap> take_gaps();

  /// What was asked for when memory ran out for the last time.
  struct MemoryShortage {
    std::optional<std::int64_t> needed_bytes, free_bytes;
    std::int64_t micro_batch_size = 0, grad_accum_steps = 0;
    bool is_state_intact = true;  ///< the weights are those of the last good step
    std::vector<Json> actions;    ///< what was tried in that step: details of "guard" events
  };

  [[nodiscard]] const std::optional<MemoryShortage>& memory_shortage() const;

  [[nodiscard]] const Json& config() const;
  [[nodiscard]] const formats::PreparedData& data() const;
  [[nodiscard]] store::Position position() const;
  [[nodiscard]] std::int64_t max_steps() const;
  [[nodiscard]] std::int64_t tokens_per_step() const;
  [[nodiscard]] int attempt() const;
  [[nodiscard]] int num_threads() const;
  [[nodiscard]] const std::string& device_name() const;  ///< "cpu", "cuda:0"
  [[nodiscard]] const config::ModelSize& size() const;
  [[nodiscard]] std::int64_t memory_bytes()
      const;  ///< peak held on the device, or resident set on CPU
  [[nodiscard]] const Guard& guard() const;
  [[nodiscard]] bool is_routed() const;  ///< has the model routed layers?
  Transformer& model();
  RoutingStatistics* routing_statistics();  ///< null when nothing is routed or recorded

  std::int64_t best_step = -1;  ///< of the lowest validation loss on the regular windows
  double best_val_loss = 0.0;   ///< meaningful once best_step >= 0

 private:
  struct Impl;
  explicit Trainer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The sections of state.json that a resume needs, all of them.
std::vector<std::string> all_state_sections();

}  // namespace switchyard::train
