#include "engine/train/optim/registry.h"

#include <array>
#include <string>

namespace switchyard::train {

std::span<const OptimizerEntry> all_optimizers() {
  static const std::array entries{
      adamw_entry(), muon_entry(), adafactor_entry(), sgd_entry(), adam_entry(), amsgrad_entry()};
  return entries;
}

Result<std::unique_ptr<Optimizer>> create_optimizer(const config::Node& options,
                                                    ParameterStore& parameters) {
  for (const OptimizerEntry& entry : all_optimizers()) {
    if (entry.name != options.text("type")) continue;
    std::unique_ptr<Optimizer> optimizer = entry.create(options);
    if (optimizer->num_moments() > 2) parameters.add_third_moment();
    return optimizer;
  }
  return Error{ErrorCode::kConfig,
               "/optimizer/type",
               "expected a known optimizer, found `" + options.text("type") + "`.",
               "",
               {}};
}

}  // namespace switchyard::train
