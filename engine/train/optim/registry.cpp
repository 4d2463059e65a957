#include "engine/train/optim/registry.h"

#include <array>

namespace switchyard::train {

std::span<const OptimizerEntry> all_optimizers() {
  static const std::array entries{adamw_entry()};
  return entries;
}

}  // namespace switchyard::train
