#pragma once

#include "engine/train/routing/router.h"

namespace switchyard::train {

// One line per strategy; registry.cpp lists them in the order of the window.

/// Shapes: none. Source: the strategy's own file.
RouterEntry top_k_entry();

}  // namespace switchyard::train
