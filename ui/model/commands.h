#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "ui/model/config_commands.h"
#include "ui/model/plot_export.h"
#include "ui/model/prompt_commands.h"
#include "ui/model/runs_feed.h"

namespace switchyard::ui {

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

/// Looks at the runs folder again.
struct RefreshRuns {};

/// Looks what was dropped onto the window; use_dropped then decides.
struct LookAtDropped {
  std::string path;
};

using Command = std::variant<TrainPreset,
                             TrainConfig,
                             OpenRun,
                             ResumeRun,
                             EngineOrder,
                             PromptCommand,
                             RefreshRuns,
                             RunsOrder,
                             ExportPlots,
                             ConfigCommand,
                             LookAtDropped>;

}  // namespace switchyard::ui
