#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::config {

/// A strategy with which a token's output depends on later tokens or on other sequences.
struct LookingAhead {
  std::string_view stage;  ///< "router", "capacity"
  std::string_view name;
};

/// All of them; the registries of the training code say the same of each.
std::span<const LookingAhead> strategies_looking_ahead();

/// Refuses combinations of a layer's routing choices that cannot work, with the reason. `object` is
/// a resolved "routed_experts" object; keys of strategies that a schema does not have are left
/// alone.
void routing_choices_fit(const Json& object, const std::string& path, std::vector<Error>& errors);

}  // namespace switchyard::config
