#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/config/schema.h"
#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::config {

/// One preset file of configs/: an (unresolved) run configuration plus the card that introduces it.
/// The card stands under the key "preset" of the file and is removed from `config`.
struct Preset {
  std::string name;   ///< file name without .json
  std::string group;  ///< "Start here", "nanoGPT and nanoMoE", …
  std::string summary;
  std::string expected;            ///< expected result, e.g. "validation loss 1.89"
  double expected_val_loss = 0.0;  ///< 0 when not measured
  std::string source;              ///< paper or program, with version
  std::string time_cpu;            ///< "" when unsuitable
  std::string time_gpu;
  std::string glyph;  ///< drawing of the card: "dense", "moe", …
  bool is_default = false;
  Json config;
};

/// The folder with presets and schema: $SWITCHYARD_CONFIGS, else ../share/switchyard/configs beside
/// the executable, else the source tree recorded at build time.
std::string configs_directory();

/// All presets in gallery order (configs/index.json lists group and file names). Errors: a file
/// that does not parse.
Result<std::vector<Preset>> load_presets(const std::string& directory);

/// One preset by name; an unknown name is kUsage with the nearest name and the list.
Result<Preset> load_preset(const std::string& directory, std::string_view name);

/// A run configuration from a file of the user, parsed within the limits of configurations; not yet
/// resolved. Errors: kConfig when it is missing or is no JSON, with line and column.
Result<Json> read_config_file(const std::string& path);

/// The schema of runs from <directory>/schema/run.schema.json, for programs without the training
/// code. Errors: kInputFile.
Result<Schema> load_run_schema(const std::string& directory);

}  // namespace switchyard::config
