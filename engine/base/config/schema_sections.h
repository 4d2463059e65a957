#pragma once

#include "engine/base/config/schema.h"

namespace switchyard::config {

/// Declares "note", which every section has.
void describe_note(Schema& s);

/// Declares the section "optimizer" with its alternatives; one for each entry of
/// train::all_optimizers() (the contract tests compare the two lists).
void describe_optimizer(Schema& root);

}  // namespace switchyard::config
