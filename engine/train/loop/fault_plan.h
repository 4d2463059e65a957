#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/result.h"

namespace switchyard::train {

/// Deliberate faults at given steps, for tests and for trying the guard out: the environment
/// variable SY_INJECT, e.g. `nan_loss@30`, `nan_loss@30-40,oom@12`.
///
/// Kinds: nan_loss, inf_loss, nan_grad (at these steps, in every attempt), nan_batch (the batch
/// with
///        this number is bad wherever it is used), transient_nan_loss (first computation of the
///        step only), spike_loss (loss x 100), oom (the device reports no memory, once per try
///        until micro_batch_size was halved), oom_once (only once, in the middle of the step),
///        oom_always (in every try), oom_update (once, when the update of the weights begins), segv
///        and abort (the process crashes).
/// Errors: parse(): kUsage naming the unknown kind or the malformed range.
class FaultPlan {
 public:
  FaultPlan() = default;
  static Result<FaultPlan> parse(const std::string& text);
  /// The plan of SY_INJECT; empty when the variable is not set.
  static Result<FaultPlan> from_environment();

  [[nodiscard]] bool empty() const { return faults_.empty(); }

  /// Is `kind` planned for number `at` (a step or, for nan_batch, a batch)?
  [[nodiscard]] bool has(std::string_view kind, std::int64_t at) const;

 private:
  struct Fault {
    std::string kind;
    std::int64_t first = 0, last = 0;
  };

  std::vector<Fault> faults_;
};

}  // namespace switchyard::train
