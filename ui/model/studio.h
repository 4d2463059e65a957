#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ui/model/commands.h"
#include "ui/model/config_state.h"
#include "ui/model/drawer.h"
#include "ui/model/file_browser.h"
#include "ui/model/fork.h"
#include "ui/model/machine_info.h"
#include "ui/model/notice_list.h"
#include "ui/model/playback.h"
#include "ui/model/plot_board.h"
#include "ui/model/preset_list.h"
#include "ui/model/prompt_state.h"
#include "ui/model/routing_state.h"
#include "ui/model/run_index.h"
#include "ui/model/run_marks.h"
#include "ui/model/run_overlay.h"
#include "ui/model/run_table.h"
#include "ui/model/run_view.h"
#include "ui/model/tour.h"
#include "ui/model/window_settings.h"
#include "ui/plot/plot_group.h"

namespace switchyard::ui {

/// One selection shared by all panels: pick an expert in a map, and every panel shows it.
struct Selection {
  int layer = 0;
  int expert = -1;                    ///< -1: none
  std::string series = "train_loss";  ///< what the inspector explains
  bool is_visible_range = false;      ///< the inspector speaks of what plots show only
  std::int64_t event = -1;            ///< sequence of the event; -1: none
  std::int64_t answer_id = -1;
  int token = -1;  ///< index in the answer; -1: none
};

/// How the plots of the run are drawn. The group is the time axis that all of them share.
struct PlotSettings {
  PlotGroup group;
  double smoothing = 0.6;  ///< weight per 10 steps
  bool shows_raw = true;
  YScaleKind y_scale = YScaleKind::kLinear;  ///< of metrics that may be logarithmic
  bool is_clipped = false;                   ///< outliers do not decide y axes
  bool has_line_ends = false;                ///< names at the ends of lines
  PlotBoard board;
  std::string export_folder;
  bool is_export_light = true;
  bool is_export_visible = true;  ///< the visible range only
};

struct GalleryState {
  bool is_open = true;   ///< the start screen covers the panels
  std::string group;     ///< empty: the first one
  std::string selected;  ///< preset name; empty: the default
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
  RunOverlay overlay;  ///< runs shown over the open one
  Playback playback;
  RoutingState routing;  ///< how the Routing workspace shows what is recorded
  PromptState prompt;
  GalleryState gallery;
  RunsState runs_state;
  ForkState fork;
  FailureCardState failure;
  ConfigState config;  ///< the draft, its figures, its data
  RunMarks marks;      ///< tags, notes and colours that the person gave to runs
  DrawerState drawer;
  FileBrowser files;
  WindowSettings settings;
  TourState tour;
  NoticeList past_notices;
  std::vector<std::string> recent_actions;  ///< titles of the palette, newest first
  bool wants_settings = false;              ///< opens the settings at the next frame
  std::vector<Notice> notices;              ///< new since the last frame
  std::vector<Command> commands;            ///< to be done
  double now = 0.0;                         ///< monotonic seconds at the start of the frame
  double wall_now = 0.0;                    ///< seconds since 1970, for ages only
  bool shows_run_list = true;               ///< a visible screen lists runs: keep the list fresh
  bool reads_texts = false;                 ///< the workspace in front is for texts of the person's
  bool wants_run_folder = false;            ///< opens the file browser for a run to open
  bool wants_runs_workspace = false;        ///< a link asked for the run list
  bool wants_routing_workspace = false;     ///< a link asked for the selected expert
  std::string wants_panel;                  ///< id of a panel to bring to the front; empty: none
  std::string clipboard;  ///< text that a thread made for the clipboard; empty: none

  void send(Command command);
  void remember_action(const std::string& title);

  /// Adds an answer for the draft and asks for it; stops one that is still being written.
  void generate();
  void stop_generating();
};

/// What is remembered between starts besides layout and theme: the open run, the prompt, the plot
/// settings. Text of session.json, and back; unknown keys are ignored, bad values keep the default.
std::string session_text(const Studio& studio);
void restore_session(Studio& studio, const Json& session);

/// The part of the session that belongs to the frame of the window: drawer, notices, palette.
void add_shell_state(Json& session, const Studio& studio);
void restore_shell_state(Studio& studio, const Json& session);

}  // namespace switchyard::ui
