#pragma once

#include <string>
#include <vector>

#include "engine/base/core/result.h"
#include "engine/base/store/run_store.h"

namespace switchyard::store {

/// The events of these kinds in the run store at `database`, in order, and nothing else of it: for
/// lists of runs, where Reader would read every sample as well. Errors: as Reader.
Result<std::vector<Event>> read_events(const std::string& database,
                                       const std::vector<std::string>& kinds);

}  // namespace switchyard::store
