#pragma once

#include <vector>

#include "engine/base/config/schema.h"

namespace switchyard::config {

/// Declares "note", which every section has.
void describe_note(Schema& s);

/// Declares the section "optimizer" with its alternatives; one for each entry of
/// train::all_optimizers() (the contract tests compare the two lists).
void describe_optimizer(Schema& root);

/// Declares the blocks that may follow attention: one for all tokens, and experts with the
/// strategies of routing in `routing`.
void describe_dense_block(Schema& s);
void describe_routed_experts(Schema& s, const std::vector<RoutingDeclaration>& routing);

}  // namespace switchyard::config
