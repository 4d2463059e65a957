#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ui/model/commands.h"
#include "ui/model/machine_info.h"
#include "ui/model/playback.h"
#include "ui/model/preset_list.h"
#include "ui/model/prompt_state.h"
#include "ui/model/run_index.h"
#include "ui/model/run_marks.h"
#include "ui/model/run_table.h"
#include "ui/model/run_view.h"
#include "ui/plot/plot_group.h"

namespace switchyard::ui {

/// One selection shared by all panels: pick an expert in a map, and every panel shows it.
struct Selection {
  int layer = 0;
  int expert = -1;                    ///< -1: none
  std::string series = "train_loss";  ///< what the inspector explains
  std::int64_t answer_id = -1;
  int token = -1;  ///< index in the answer; -1: none
};

/// How the plots of the run are drawn. The group is the time axis that all of them share.
struct PlotSettings {
  PlotGroup group;
  double smoothing = 0.6;  ///< weight per 10 steps
  bool shows_raw = true;
  bool is_log_y = false;
};

struct GalleryState {
  bool is_open = true;   ///< the start screen covers the panels
  std::string group;     ///< empty: the first one
  std::string selected;  ///< preset name; empty: the default
};

enum class NoticeKind { kInfo, kOk, kAttention, kFailure };

/// A short message for the person: becomes a toast.
struct Notice {
  NoticeKind kind = NoticeKind::kInfo;
  std::string title;
  std::string detail;
  std::string action = {};                           ///< words to click: "Undo"
  std::shared_ptr<const Command> command = nullptr;  ///< sent when they are clicked
};

/// All that panels draw from and write to. Owned by the frame thread; snapshots are immutable and
/// replaced as a whole between frames, commands are collected after the frame.
struct Studio {
  Studio();

  std::shared_ptr<const RunView> run;         ///< never null; state kNone when no run is open
  std::shared_ptr<const RunIndex> runs;       ///< never null
  std::shared_ptr<const RunsFeed> runs_feed;  ///< never null
  std::shared_ptr<const PresetList> presets;  ///< never null
  std::shared_ptr<const MachineInfo> machine;
  Selection selection;
  PlotSettings plots;
  Playback playback;
  PromptState prompt;
  GalleryState gallery;
  RunsState runs_state;
  RunMarks marks;                        ///< tags, notes and colours that the person gave to runs
  std::vector<Notice> notices;           ///< new since the last frame
  std::vector<Command> commands;         ///< to be done
  double now = 0.0;                      ///< monotonic seconds at the start of the frame
  double wall_now = 0.0;                 ///< seconds since 1970, for ages only
  bool shows_run_list = true;            ///< a visible screen lists runs: keep the list fresh
  bool wants_runs_workspace = false;     ///< a link asked for the run list
  bool wants_routing_workspace = false;  ///< a link asked for the selected expert

  void send(Command command);

  /// Adds an answer for the draft and asks for it; stops one that is still being written.
  void generate();
  void stop_generating();
};

/// What is remembered between starts besides layout and theme: the open run, the prompt, the plot
/// settings. Text of session.json, and back; unknown keys are ignored, bad values keep the default.
std::string session_text(const Studio& studio);
void restore_session(Studio& studio, const Json& session);

}  // namespace switchyard::ui
