#include "engine/train/routing/registry.h"

#include <array>
#include <string>

namespace switchyard::train {

std::span<const RouterEntry> all_routers() {
  static const std::array entries{top_k_entry()};
  return entries;
}

std::vector<config::RouterDeclaration> router_declarations() {
  std::vector<config::RouterDeclaration> declarations;
  for (const RouterEntry& entry : all_routers()) {
    declarations.push_back({std::string(entry.info.name),
                            std::string(entry.info.summary),
                            std::string(entry.info.source),
                            entry.describe});
  }
  return declarations;
}

}  // namespace switchyard::train
