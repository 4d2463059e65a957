#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/base/config/schema.h"
#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::train {

/// What a person asked for on the command line of `train`.
struct RunRequest {
  std::string preset;                 ///< name of a preset, or empty
  std::string config_file;            ///< path of a configuration, or empty
  std::vector<std::string> settings;  ///< "path=value", applied in order
  std::string run_dir;                ///< empty: the next free name below the runs folder
  bool is_resume = false;
  std::string fork;                 ///< run folder to begin from, or empty
  std::string checkpoint = "last";  ///< of that run: "last", "best" or a step
};

/// The checkpoint that a new run begins from.
struct ForkSource {
  std::string root;  ///< absolute
  std::string checkpoint;
};

/// The run that follows from a request: nothing has been written yet.
struct RunSetup {
  Json config;  ///< resolved
  std::string run_dir;
  bool is_resume = false;
  std::optional<ForkSource> fork;
  /// Resumable keys that differ from the stored config (of the parent, for a fork).
  std::vector<config::Difference> changes;
};

/// The schema of a run with all routers that this program knows.
const config::Schema& program_schema();

/// The configuration of a preset or file with settings applied, not yet resolved. `source` becomes
/// its name for messages. Errors: kUsage (neither or both given, unknown preset), kInputFile
/// (missing or unreadable file), kConfig (a setting that cannot be applied).
Result<Json> load_config(const std::string& preset,
                         const std::string& config_file,
                         const std::vector<std::string>& settings,
                         std::string& source);

/// Resolves a request. Resuming takes the stored configuration, or compares the given one with it
/// key by key and refuses changes of keys that are not resumable; a run that is not there yet is
/// started when a preset or file is given. A fork takes the parent's configuration in the same way,
/// for a run folder of its own. On failure `errors` holds all findings.
struct PlannedRun {
  RunSetup setup;
  std::vector<Error> errors;

  [[nodiscard]] bool ok() const { return errors.empty(); }
};

/// micro_batch_size and grad_accum_steps may change in a run as long as their product stays: then
/// every step trains on the same sequences. Errors: kConfig otherwise.
Status check_batch_split(const Json& before, const Json& after);

PlannedRun plan_run(const RunRequest& request);

}  // namespace switchyard::train
