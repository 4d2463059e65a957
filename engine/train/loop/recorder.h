#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/base/store/run_store.h"

namespace switchyard::train {

class Trainer;
struct LayerRoutingSample;
struct StepReport;

/// Writes what a run measures into its database: the one place where metrics are named.
///
/// Units: as declared in recorder.cpp beside each name.
/// Errors: problem() of the store, passed on.
/// Threads: the thread that trains; the store has its own writer thread.
class Recorder {
 public:
  static Result<std::unique_ptr<Recorder>> open(const std::string& database,
                                                int attempt,
                                                std::int64_t resume_after_step);

  /// The scalars of a step that is logged; `tokens_per_second` is that since the last logged step.
  void step(const Trainer& trainer, const StepReport& report, double tokens_per_second);
  /// Reads what the routed layers have counted since the last call and writes it; one sample per
  /// routed layer, none when nothing was counted.
  std::vector<LayerRoutingSample> routing(Trainer& trainer);
  /// A probe, and how it compares with the one before (null: the first).
  void probe(const Trainer& trainer,
             const routing::RoutingProbe& probe,
             const routing::RoutingProbe* before);
  /// A loss of the validation split.
  void evaluation(const Trainer& trainer, double val_loss);
  void event(std::string_view kind, std::int64_t step, Json detail);
  Status flush();
  [[nodiscard]] std::optional<Error> problem() const;

 private:
  explicit Recorder(std::unique_ptr<store::Writer> writer);
  std::unique_ptr<store::Writer> writer_;
};

}  // namespace switchyard::train
