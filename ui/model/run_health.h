#pragma once

#include <string>
#include <vector>

#include "ui/model/machine_info.h"
#include "ui/model/run_view.h"

namespace switchyard::ui {

/// Something about a living run that wants attention, in few words.
struct HealthNote {
  std::string words;  ///< "not responding, 14 s"
  std::string why;    ///< a sentence or two
  bool is_failure = false;
};

/// Looks at a run that trains: silence of its engine, losses that are no numbers, what the guard
/// did, dead experts, room on the disk. The most urgent first; nothing for a healthy one.
///
/// Math: silent = no sample for max(10 s, 8 × the usual time between two samples) while running.
std::vector<HealthNote> health_of(const RunView& run, const MachineInfo& machine, double now);

/// Memory that the run holds, and how much of it there is (0: unknown). NaN when not recorded.
struct MemoryUse {
  double used_bytes = 0.0;
  double total_bytes = 0.0;
  bool is_gpu = false;
};

MemoryUse memory_use(const RunView& run, const MachineInfo& machine);

}  // namespace switchyard::ui
