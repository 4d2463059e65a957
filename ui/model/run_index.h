#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/store/run_overview.h"

namespace switchyard::ui {

/// All runs of the runs folder, newest first, as scanned by the worker.
struct RunIndex {
  std::string directory;
  std::vector<store::RunOverview> runs;
  bool is_scanned = false;  ///< false until the first scan ended
  std::int64_t revision = 0;

  /// nullptr when the list does not hold it.
  [[nodiscard]] const store::RunOverview* find(std::string_view root) const;
};

/// The colour of a run, 0 to 7, the same in every place and every start: neighbouring numbers of
/// one name get different colours.
int run_color_index(std::string_view name);

/// "just now", "4 min ago", "2 h ago", "3 days ago".
std::string age_text(double seconds);

/// An overview as the cache of the list keeps it, and back; bad values become unknown ones.
Json json_from_overview(const store::RunOverview& run);
store::RunOverview overview_from_json(const Json& json);

/// Whether a table would show the same for both.
bool is_same_row(const store::RunOverview& a, const store::RunOverview& b);

}  // namespace switchyard::ui
