#pragma once

#include "engine/train/optim/optimizer.h"

namespace switchyard::train {

// One line per optimizer, each in a file of its name; registry.cpp lists them in the order of the
// window.
OptimizerEntry adamw_entry();
OptimizerEntry adam_entry();
OptimizerEntry amsgrad_entry();
OptimizerEntry muon_entry();
OptimizerEntry adafactor_entry();
OptimizerEntry sgd_entry();

}  // namespace switchyard::train
