#pragma once

#include "engine/base/core/json.h"

namespace switchyard::train {

/// Algorithms of matrix products that earlier runs on this machine chose, by product and GPU: which
/// one is the fastest depends on the moment, so all runs here use what was chosen first, and have
/// the same bits.
///
/// Shapes: {product: algorithm}, as Fusion::product_choices(); <data>/product_choices.json.
/// Errors: none; a file that is missing or damaged counts as empty.
Json known_product_choices();

/// Adds what is not known yet. Errors: none; a file that cannot be written is logged.
void remember_product_choices(const Json& choices);

}  // namespace switchyard::train
