#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ui/model/runs_feed.h"

namespace switchyard::ui {

/// A setting of the child that differs from its parent.
struct ForkSetting {
  std::string path;   ///< "optimizer.learning_rate"
  std::string value;  ///< as after --set
};

/// What the fork popover holds. Owned by the frame thread.
struct ForkState {
  bool wants_open = false;
  std::string root;
  std::int64_t wanted_step = -1;  ///< −1: the last checkpoint
  std::int64_t step = -1;         ///< the chosen checkpoint
  bool has_chosen = false;        ///< by hand: a fresh list does not change it
  std::vector<ForkSetting> settings;
  double asked_at = 0.0;  ///< monotonic seconds of the last request for the list
};

/// The checkpoint that is nearest to a step (−1: the last one), of equally near ones the earlier;
/// −1 when there is none.
std::int64_t nearest_checkpoint(std::span<const CheckpointItem> checkpoints, std::int64_t step);

/// Why these settings cannot be sent; empty when they can. Empty rows are left out of it.
std::string fork_problem(std::span<const ForkSetting> settings, const Json& config);

/// "path=value" for every row that says something.
std::vector<std::string> fork_assignments(std::span<const ForkSetting> settings);

/// The command that does the same in a terminal.
std::string fork_command(const std::string& parent,
                         std::int64_t step,
                         const std::vector<std::string>& assignments);

}  // namespace switchyard::ui
