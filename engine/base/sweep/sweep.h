#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/config/schema.h"
#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::sweep {

/// Dotted path and the value that it gets, as after --set.
using Change = std::pair<std::string, Json>;

/// One axis of a grid: a key and the values that it takes in turn.
struct Axis {
  std::string path;
  std::vector<Json> values;
};

/// One named set of changes to the base.
struct Variant {
  std::string name;
  std::vector<Change> settings;
};

/// A list of runs in short form: a base, what changes from run to run, and the seeds.
///
/// As a file ("schema": "switchyard.sweep", version 1):
///   "name"       of its runs and their tag; absent: the file's name without .json
///   "preset" or "config"   the base: a preset, or a file (relative to the sweep file's folder)
///   "set"        {path: value, …} for all runs
///   "axes"       [{"path": …, "values": […]}, …]: all combinations
///   "runs"       [{"name": …, "set": {path: value, …}}, …]: each of them; beside axes, each of
///                them with every combination
///   "seeds"      [1, 2, …]: every setting once with each; absent: the base's
///   "max_steps"  of every run; absent: the base's
///   "note"       free text for people
/// Limits: kMostRuns runs.
struct Sweep {
  std::string name;
  std::string preset, config_file;  ///< one of them
  std::vector<Change> settings;
  std::vector<Axis> axes;
  std::vector<Variant> runs;
  std::vector<std::int64_t> seeds;
  std::int64_t max_steps = 0;  ///< 0: the base's
  std::string note;
};

inline constexpr std::int64_t kVersion = 1;
inline constexpr std::size_t kMostRuns = 4096;

struct Parsed {
  Sweep sweep;
  std::vector<Error> errors;  ///< empty when the sweep is valid by itself

  [[nodiscard]] bool ok() const { return errors.empty(); }
};

/// Reads a sweep from its document; `file` names it in messages ("lr.json /axes/0/path") and, where
/// the document does not, gives the sweep its name. Errors: kConfig, all of them at once.
Parsed parse(const Json& document, const std::string& file);

/// The document of a sweep: parse(json_from(s), …) equals `s`.
Json json_from(const Sweep& sweep);

/// `path=v1,v2,…` as after --axis. Each value is JSON if it parses as such, else text; the whole is
/// tried as the inside of a JSON list first, so that values may be lists and objects.
/// Errors: kUsage.
Result<Axis> axis_from_text(std::string_view text);

/// One run of a sweep.
struct Run {
  std::string name;         ///< of its folder: "lr-learning_rate-0.001-s1"
  std::size_t setting = 0;  ///< index in Plan::settings
  std::int64_t seed = 0;
  Json config;  ///< resolved
};

/// What a sweep comes to: all settings with the first seed, then all with the second, …
struct Plan {
  std::string name;
  std::vector<std::string> settings;  ///< "num_experts=8 top_k=2", "base" where nothing changes
  std::vector<std::int64_t> seeds;
  std::vector<Run> runs;      ///< runs[i * settings.size() + j] has seed i and setting j
  std::vector<Error> errors;  ///< of all settings; empty when every run can be trained

  [[nodiscard]] bool ok() const { return errors.empty(); }
};

/// Applies a sweep to its base (unresolved, as train::load_config gives it) and resolves every
/// setting; nothing is written. Folder names are the sweep's name, the setting (beyond 60 bytes
/// cut, and told apart by its checksum) and the seed.
/// Errors: kConfig, with the setting's name and the pointer of the key.
Plan make_plan(const config::Schema& schema,
               const Sweep& sweep,
               const Json& base,
               const std::string& file);

}  // namespace switchyard::sweep
