#pragma once

#include <span>
#include <vector>

#include "engine/base/routing/doctor.h"
#include "engine/base/store/run_store.h"

namespace switchyard::routing {

/// What the doctor found in a run and has not taken back, by its "doctor" events, oldest first. A
/// doctor begins anew with each start of the engine and after each rollback: findings from before
/// count as taken back there.
std::vector<Finding> open_findings(std::span<const store::Event> events);

}  // namespace switchyard::routing
