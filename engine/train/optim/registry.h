#pragma once

#include "engine/train/optim/optimizer.h"

namespace switchyard::train {

// One line per optimizer; registry.cpp lists them in the order of the window.
OptimizerEntry adamw_entry();

}  // namespace switchyard::train
