#pragma once

#include <string>
#include <vector>

#include "ui/model/routing_view.h"

namespace switchyard::ui {

/// Loads below this part of a fair share count as this part, so that a quotient stays finite.
inline constexpr double kLeastCompared = 1.0 / 64.0;

/// B ÷ A, cell by cell, over the layers and experts that both have.
///
/// Math:   max(b, kLeastCompared) / max(a, kLeastCompared); 0 (dead) where an expert had tokens in
/// A
///         and has none in B; 1 where it has none in either; NaN where one of them has no number.
RoutingGrid quotient_of(const RoutingGrid& a, const RoutingGrid& b);

/// The largest abs(log2) of the cells, at least 0.1.
double reach_of(const RoutingGrid& quotient);

/// What changed, in figures. NaN without a common cell.
struct RoutingChange {
  int num_cells = 0;
  int num_died = 0;          ///< tokens in A, none in B
  int num_revived = 0;       ///< none in A, tokens in B
  double moved_share = 0.0;  ///< mean over layers of the load that moved. Math: Σ abs(b − a) / 2E
  int most_changed_layer = -1;
};

RoutingChange change_of(const RoutingGrid& a, const RoutingGrid& b);

/// A recorded moment that can be chosen, and what it is called.
struct MomentChoice {
  std::int64_t step = 0;
  std::string name;
};

/// The play-back's head, the newest sample, the first sample, and every checkpoint, newest first.
std::vector<MomentChoice> moment_choices(const RunView& run);

}  // namespace switchyard::ui
