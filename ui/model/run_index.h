#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/store/run_folder.h"

namespace switchyard::ui {

/// All runs of the runs folder, newest first, as scanned by the worker.
struct RunIndex {
  std::string directory;
  std::vector<store::RunSummary> runs;
  bool is_scanned = false;  ///< false until the first scan ended
  std::int64_t revision = 0;
};

enum class RunColumn { kName, kState, kPreset, kStep, kTrainLoss, kValLoss, kModified };

struct RunOrder {
  RunColumn column = RunColumn::kModified;
  bool is_descending = true;
};

/// Indices into `runs` whose name, preset or state contain every word of `filter` (any case), in
/// order. Losses that are not known come last either way.
std::vector<std::size_t> select_runs(const std::vector<store::RunSummary>& runs,
                                     std::string_view filter,
                                     RunOrder order);

/// The colour of a run, 0 to 7, the same in every place and every start: neighbouring numbers of
/// one name get different colours.
int run_color_index(std::string_view name);

/// "just now", "4 min ago", "2 h ago", "3 days ago".
std::string age_text(double seconds);

}  // namespace switchyard::ui
