#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "ui/model/runs_feed.h"

namespace switchyard::ui {

/// How the next tokens are drawn. A value of 0 switches top-k and min-p off; top-p is off at 1.
struct SamplingSettings {
  double temperature = 0.8;
  std::int64_t top_k = 0;
  double top_p = 0.95;
  double min_p = 0.0;
  double repetition_penalty = 1.0;
  std::int64_t seed = 1337;
  std::int64_t max_tokens = 200;

  friend bool operator==(const SamplingSettings&, const SamplingSettings&) = default;
};

// What panels ask for. They only append to Studio::commands; the client does the work elsewhere.

/// Creates a run from a preset and starts its engine.
struct TrainPreset {
  std::string preset;
};

/// Creates a run from a configuration file and starts its engine.
struct TrainConfig {
  std::string path;
};

/// Shows a run folder; whatever it holds.
struct OpenRun {
  std::string root;
};

/// Starts an engine on the open run, from its last checkpoint.
struct ResumeRun {
  std::string root;
};

/// An order to the engine of the open run.
struct EngineOrder {
  enum class Kind { kPause, kResume, kStopAndSave, kStopAndDiscard, kSave, kEvaluate };
  Kind kind = Kind::kPause;
};

/// Samples from the live weights, or, without an engine, from the last checkpoint.
struct Generate {
  std::int64_t answer_id = 0;
  std::string prompt;
  SamplingSettings settings;
};

struct StopGenerating {
  std::int64_t answer_id = 0;
};

/// Looks at the runs folder again.
struct RefreshRuns {};

using Command = std::variant<TrainPreset,
                             TrainConfig,
                             OpenRun,
                             ResumeRun,
                             EngineOrder,
                             Generate,
                             StopGenerating,
                             RefreshRuns,
                             RunsOrder>;

}  // namespace switchyard::ui
