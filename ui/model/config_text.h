#pragma once

#include <string>

#include "engine/base/core/json.h"

namespace switchyard::ui {

/// A configuration value as people read it: 1e-3, 2,000, on, off, "shakespeare".
std::string config_value_text(const Json& value);

}  // namespace switchyard::ui
