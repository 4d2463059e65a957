#pragma once

#include <string>
#include <vector>

#include "engine/base/config/schema.h"
#include "engine/base/core/json.h"

namespace switchyard::ui {

/// One line of the configuration panel.
struct ConfigRow {
  std::string section;  ///< "Model", "Layers 1 to 4", "Optimizer"
  std::string pointer;  ///< "/model/d_model"
  std::string label;    ///< from the schema, else the key
  std::string value;    ///< as shown
  std::string unit;
  std::string help;
  config::Level level = config::Level::kCommon;
  bool is_changed = false;   ///< differs from the preset
  std::string preset_value;  ///< set when it differs
};

/// The rows of a resolved configuration, in the schema's order. `preset` is the resolved
/// configuration of the preset that the run came from, or null; notes and keys that describe the
/// file itself are left out.
std::vector<ConfigRow> config_rows(const config::Schema& schema,
                                   const Json& config,
                                   const Json& preset);

/// A configuration value as people read it: 1e-3, 2,000, on, off, "shakespeare".
std::string config_value_text(const Json& value);

}  // namespace switchyard::ui
