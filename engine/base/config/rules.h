#pragma once

#include <string_view>

#include "engine/base/config/schema.h"

namespace switchyard::config {

/// The rule with this name, or nullptr. Rules look at a resolved object whose fields are valid each
/// by itself; `path` is source and pointer of that object.
Schema::Rule rule_by_name(std::string_view name);

/// Appends "/key" to source-and-pointer ("configs/x.json /model"; the root is "configs/x.json "),
/// escaped as RFC 6901 asks.
std::string pointer_to(std::string_view path, std::string_view key);

}  // namespace switchyard::config
