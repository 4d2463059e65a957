#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ui/model/run_index.h"
#include "ui/model/run_marks.h"

namespace switchyard::ui {

/// One condition of a query; all of them have to hold.
struct RunTerm {
  enum class Relation { kContains, kLess, kAtMost, kEqual, kAtLeast, kGreater };
  std::string key;  ///< "tag", "steps", …; empty: any of name, preset, data, state, tags, notes
  Relation relation = Relation::kContains;
  std::string text;     ///< in lower case, for kContains
  double number = 0.0;  ///< for the others
  bool is_negated = false;
};

/// What the search field of the runs table says.
///
/// Words: `moe`, `"two words"`, `tag:x`, `data:x`, `state:running`, `preset:x`, `name:x`,
/// `notes:x`,
///        `parent:x`, `device:x`, `is:archived`; `-tag:x` negates.
/// Numbers: `steps>5k`, `loss<3.2`, also `<=`, `>=`, `=`; keys steps, loss (best validation),
/// train,
///        ppl, bpb, toks (tokens/s), params, active, tokens, time (`90s`, `30m`, `2h`).
struct RunQuery {
  std::vector<RunTerm> terms;
  std::string error;  ///< what cannot be understood and what would be; the other terms still hold

  /// Archived runs are shown only where the query speaks of them.
  [[nodiscard]] bool wants_archived() const;
};

RunQuery parse_run_query(std::string_view text);

bool matches(const RunQuery& query, const store::RunOverview& run, const RunMark& mark);

/// The number of a run that a key names ("loss", "steps", …); NaN when unknown.
double run_number(const store::RunOverview& run, std::string_view key);

}  // namespace switchyard::ui
