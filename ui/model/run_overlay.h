#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ui/model/run_marks.h"
#include "ui/model/run_view.h"
#include "ui/plot/plot_group.h"

namespace switchyard::ui {

/// A run that is shown over the open one.
struct OverlayRun {
  std::string root;
  bool is_hidden = false;
};

/// Which runs plots show besides the open one, and how. One for the whole window: the plots of
/// Train and the comparison in Runs draw the same runs in the same colours.
///
/// Use:     panels call add, remove, set_hidden, solo; the client reads every run in `runs` on a
///          thread of its own and fills `views` before each frame; `shown_runs` gives what to draw.
///          A run that is still being read has no view yet; one that was deleted keeps its last.
/// Limits:  kMaxRuns besides the open one; the first eight lines are in colours of their own, later
///          ones repeat them dashed.
/// Threads: the frame thread; the views are immutable.
struct RunOverlay {
  static constexpr std::size_t kMaxRuns = 24;

  std::vector<OverlayRun> runs;       ///< in the order they were added
  bool is_own_hidden = false;         ///< the open run's lines
  std::string solo_root;              ///< only this run is drawn; empty: all
  std::string hovered_root;           ///< chip or row under the mouse: the others are muted
  std::map<std::string, int> colors;  ///< by root, where it is not the one of the run's name
  bool is_aligned_at_fork = false;    ///< children continue their parent's curve
  bool has_seed_bands = false;        ///< runs that differ only in train.seed: mean ± σ
  std::map<std::string, std::shared_ptr<const RunView>> views;  ///< by root; set by the client

  [[nodiscard]] bool contains(std::string_view root) const;
  /// False when there are kMaxRuns already, or the run is there.
  bool add(const std::string& root);
  void remove(std::string_view root);
  /// Of a run in `runs`, or of the open run (any other root).
  void set_hidden(std::string_view root, bool is_hidden);
  [[nodiscard]] bool is_hidden(std::string_view root) const;
  /// Only this run; the same again: all.
  void solo(const std::string& root);

  /// Index of the run's colour, 0 to 7: the user's choice, else the one of the folder's name.
  [[nodiscard]] int color_index(const std::string& root) const;
  /// Takes over the colours that the person gave to the open run and the others.
  void take_colors(const RunMarks& marks, const std::string& own_root);
  /// Gives a run whose colour an earlier line has another free one, and keeps it. The open run
  /// keeps its own.
  void keep_colors_apart(const std::string& own_root);

  /// Forgets the hovered run; at the start of each frame.
  void begin_frame() { hovered_root.clear(); }
};

/// One run as a plot draws it.
struct ShownRun {
  std::string root;
  std::string name;
  std::shared_ptr<const RunView> view;  ///< null: still being read
  int color = 0;                        ///< of ThemeTokens::run
  bool is_dashed = false;
  bool is_own = false;
  bool is_drawn = true;   ///< neither hidden nor beside a solo run
  bool is_muted = false;  ///< another run is hovered
};

/// The open run (if any) first, then the others as they were added.
std::vector<ShownRun> shown_runs(const RunOverlay& overlay,
                                 const std::shared_ptr<const RunView>& own);

/// Where a run began, if it was forked.
struct ForkPoint {
  std::string parent_root;
  std::string parent_name;
  std::int64_t step = 0;
};

std::optional<ForkPoint> fork_of(const RunView& run);

/// What must be added to the child's x so that its curve goes on where the parent was at the fork;
/// 0 where the child already counts from there.
///
/// Math: x_parent(step) − x_child(start of training); a child whose first sample lies behind the
/// fork's step has kept the parent's count, and is not moved on that axis.
double fork_shift(const RunView& child, const RunView& parent, XAxis axis);

/// The shifts of all runs: 0 for one without a parent among them. Forks of forks add up.
std::vector<double> fork_shifts(std::span<const ShownRun> runs, XAxis axis);

/// Text that is the same for two configurations that differ in train.seed only; empty without one.
std::string seed_key(const Json& config);

/// For each run the index of its seed group, or -1 where it is alone. Groups have two runs or more
/// and count from 0; hidden runs and runs without a view belong to none.
std::vector<int> seed_groups(std::span<const ShownRun> runs);

/// The runs of one frame and what belongs to them: made once, used by every plot.
struct OverlayScene {
  std::vector<ShownRun> runs;
  std::vector<int> groups;  ///< seed_groups, all -1 unless the overlay has seed bands
  bool is_aligned_at_fork = false;

  [[nodiscard]] std::vector<double> shifts(XAxis axis) const;
};

OverlayScene overlay_scene(const RunOverlay& overlay, const std::shared_ptr<const RunView>& own);

/// What the session keeps of it, and back. Bad values are left out.
Json overlay_json(const RunOverlay& overlay);
void restore_overlay(RunOverlay& overlay, const Json& saved);

}  // namespace switchyard::ui
