#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/core/json.h"
#include "ui/model/run_view.h"

namespace switchyard::ui {

/// Something that the engine's doctor says about a routed layer and has not taken back.
struct RoutingFinding {
  std::string kind;     ///< "dead_experts"
  int layer = -1;       ///< -1: all routed layers together
  std::string message;  ///< a sentence with its figure
  std::string hint;     ///< what to change, in words
  std::string pointer;  ///< JSON pointer of the setting to change; may be empty
  Json value;           ///< suggested for it; null: none
  std::int64_t since_step = 0;
  bool is_failure = false;
};

/// Of the run's "doctor" events: found and not cleared, newest first. A doctor begins anew with
/// each start of the engine and each rollback, so findings from before do not count.
std::vector<RoutingFinding> open_findings(const RunView& run);

/// The finding as text for the clipboard: sentence, hint, and the assignment that it suggests.
std::string finding_as_text(const RoutingFinding& finding);

}  // namespace switchyard::ui
