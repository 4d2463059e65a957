#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ui/model/run_view.h"

namespace switchyard::ui {

/// How the card stands; the frame thread's.
struct FailureCardState {
  std::string asked;  ///< run and failure whose notes were asked for
  int remedy = 0;     ///< chosen
  bool shows_log = false;
  std::int64_t dismissed = -1;  ///< sequence of the failure whose card was closed
};

enum class FailureKind { kOutOfMemory, kNumerics, kDiskFull, kData, kKilled, kCrash, kOther };

/// What a run left behind besides its database; read by the client.
struct FailureTexts {
  std::string root;
  std::string crash_note;  ///< crash.txt
  std::string log;         ///< the last lines of the engine's log
};

/// A way out: the settings that go with it, and what it is expected to need.
struct FailureRemedy {
  std::string label;                  ///< "Micro-batch 4 × accumulation 8"
  std::string cost;                   ///< "16.2 GB", "same batch, slower"
  std::vector<std::string> settings;  ///< "train.micro_batch_size=4"
  bool is_new_run = false;            ///< the settings cannot change when a run is resumed
  double predicted_bytes = 0.0;       ///< 0: unknown
};

/// A failed run in the words of a card.
struct FailureReport {
  FailureKind kind = FailureKind::kOther;
  std::string title;
  std::string where;   ///< "step 8,112"
  std::string what;    ///< what happened
  std::string cause;   ///< probable
  std::string saved;   ///< the last good checkpoint
  std::string action;  ///< what to do next
  std::vector<FailureRemedy> remedies;
  std::string excerpt;           ///< of the log
  std::int64_t saved_step = -1;  ///< −1: nothing was saved
  std::int64_t sequence = 0;     ///< of the event: a dismissed card stays away until the next one

  /// Everything in plain text, for the clipboard.
  [[nodiscard]] std::string details() const;
};

/// Explains why a run ended; nothing while it is alive, done or stopped on request.
std::optional<FailureReport> failure_of(const RunView& run, const FailureTexts& texts);

/// The ways out of a step that needs `needed` bytes, ranked: same batch in smaller parts first.
///
/// Math:   needed = fixed + moving; fixed = 16 bytes × parameters (weight, gradient, two moments),
///         moving grows with micro_batch_size × seq_len (activations) and with d_model; each way
///         scales its part.
/// Limits: costs are unknown (0) where `needed` is; a way that changes nothing is left out.
std::vector<FailureRemedy> memory_remedies(const Json& config, std::int64_t params, double needed);

}  // namespace switchyard::ui
