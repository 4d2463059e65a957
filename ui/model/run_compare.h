#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ui/model/run_index.h"

namespace switchyard::ui {

/// One key of several configurations.
struct DifferenceRow {
  std::string key;                  ///< "model.d_model", "layers 1 to 4 · router.top_k"
  std::vector<std::string> values;  ///< per run; "–" where the key is missing
  std::vector<bool> is_changed;     ///< not what most of the runs have
  bool is_different = false;
};

struct ConfigDifference {
  std::vector<DifferenceRow> rows;  ///< all keys, in the order of the configurations
  std::size_t num_different = 0;
};

/// Compares resolved configurations key by key. Layers are compared by their place in the list;
/// notes and keys that describe the file itself are left out.
///
/// Math: a value is changed when it is not the most frequent one of its row; of equally frequent
/// ones the first run's counts as the usual one.
ConfigDifference config_difference(std::span<const Json> configs);

/// One line of the family tree of some runs.
struct LineageRow {
  std::string name;
  std::string root;  ///< empty: the parent is not in the list
  int depth = 0;
  std::int64_t fork_step = -1;  ///< where it left its parent
  std::int64_t step = 0;        ///< how far it got
  double val_loss = 0.0;        ///< best; NaN when unknown
  bool is_selected = false;
  bool is_last = false;  ///< of its parent's children
};

/// The families of the selected runs: every ancestor, every fork of these, in order of the steps at
/// which they were forked. Limits: a parent that is its own descendant is cut off.
std::vector<LineageRow> lineage_of(std::span<const store::RunOverview> runs,
                                   std::span<const std::string> selected);

}  // namespace switchyard::ui
