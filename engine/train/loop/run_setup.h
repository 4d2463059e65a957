#pragma once

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
};

/// The run that follows from a request: nothing has been written yet.
struct RunSetup {
  Json config;  ///< resolved
  std::string run_dir;
  bool is_resume = false;
  std::vector<config::Difference> changes;  ///< resumable keys that differ from the stored config
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
/// started when a preset or file is given. On failure `errors` holds all findings.
struct PlannedRun {
  RunSetup setup;
  std::vector<Error> errors;

  [[nodiscard]] bool ok() const { return errors.empty(); }
};

PlannedRun plan_run(const RunRequest& request);

}  // namespace switchyard::train
