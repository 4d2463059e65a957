#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ui/model/run_index.h"
#include "ui/model/run_marks.h"

namespace switchyard::ui {

enum class RunColumn {
  kName,
  kState,
  kPreset,
  kStep,
  kValLoss,
  kPerplexity,
  kBitsPerByte,
  kSpeed,
  kParams,
  kTime,
  kCurve,
  kTags,
  kTrainLoss,
  kData,
  kTokens,
  kParent,
  kModified,
};

/// How a column of the runs table looks, whatever draws or exports it.
struct RunColumnInfo {
  RunColumn column;
  std::string_view key;  ///< in files and exported tables: "val_loss"
  std::string_view title;
  float width_em;
  bool is_number;
  bool is_default;  ///< shown until the person chooses others
};

std::span<const RunColumnInfo> run_columns();
const RunColumnInfo& run_column_info(RunColumn column);

struct RunOrder {
  RunColumn column = RunColumn::kModified;
  bool is_descending = true;
};

enum class RunGroup { kNone, kPreset, kData, kState, kTag, kParent };
std::string_view run_group_title(RunGroup group);

/// What the person chose about the table of runs.
struct RunsState {
  std::string filter;
  RunOrder order;
  RunGroup group = RunGroup::kNone;
  std::set<RunColumn> columns;        ///< shown; empty: the default ones
  std::vector<std::string> selected;  ///< roots, in the order in which they were ticked
  std::string focused;                ///< root of the row that the keyboard is at
  std::string anchor;                 ///< root where a range began
  std::string path;                   ///< typed, to open or import a run that stands elsewhere
  std::string tags_root;              ///< the run whose tags are being typed
  std::string tags_text;              ///< as typed, commas and all
  bool is_discarding = false;         ///< the question before a stop that loses steps stands
  bool is_emptying_trash = false;     ///< the question stands

  [[nodiscard]] bool is_selected(std::string_view root) const;
  [[nodiscard]] bool is_shown(RunColumn column) const;
  void toggle_column(RunColumn column);
};

/// One line of the table: a group's title or a run.
struct RunTableRow {
  bool is_group = false;
  std::string title;      ///< of a group
  std::size_t count = 0;  ///< runs in the group
  std::size_t index = 0;  ///< of the run in RunIndex::runs
};

/// The table as it is drawn: filtered, sorted, grouped.
struct RunTable {
  std::vector<RunTableRow> rows;
  std::size_t num_runs = 0;      ///< shown
  std::size_t num_archived = 0;  ///< left out since archived
  std::string best_root;         ///< of the lowest best validation loss among the shown runs
  std::string error;             ///< of the query
};

/// Limits: O(n log n) for n runs; keep the result while nothing changed.
RunTable build_run_table(const RunIndex& index, const RunMarks& marks, const RunsState& state);

/// Ticks or unticks `root`; with `is_range` everything between it and the anchor gets ticked.
void toggle_selection(RunsState& state,
                      const RunIndex& index,
                      const RunTable& table,
                      const std::string& root,
                      bool is_range);

/// Moves the focus by `distance` runs, over titles, and stops at the ends. False with no runs.
bool move_focus(RunsState& state, const RunIndex& index, const RunTable& table, int distance);

/// The shown runs and columns as comma-separated text with a line of keys; full precision.
std::string runs_csv(const RunIndex& index,
                     const RunMarks& marks,
                     const RunTable& table,
                     const RunsState& state);

/// What a cell says ("3.087", "188 / 41 M"); "–" when unknown.
std::string run_cell_text(const store::RunOverview& run,
                          const RunMark& mark,
                          RunColumn column,
                          double wall_now);

/// Text of the choices (order, group, columns), and back.
Json json_from_runs_state(const RunsState& state);
void restore_runs_state(RunsState& state, const Json& json);

}  // namespace switchyard::ui
