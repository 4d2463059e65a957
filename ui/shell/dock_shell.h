#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ui/panels/panel.h"
#include "ui/shell/arrangement.h"
#include "ui/shell/state_writer.h"
#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {

/// What the caller draws around the docked panels. Each is called inside a strip of its own, whose
/// background and hairline are drawn; sizes in em. An empty function leaves the strip out.
struct ShellParts {
  std::function<void()> run_bar;       ///< below the top bar, 4.15 em, Train to Runs
  std::function<void()> status_strip;  ///< at the bottom, 2 em
  std::function<void()> top_right;     ///< icon buttons right of the theme toggle, SameLine
  int num_top_right = 0;               ///< how many of them
  std::function<void()> open_palette;  ///< Ctrl+K and the search field of the top bar
  std::function<void()> drawer;        ///< above the status strip
  float drawer_height = 0.0F;          ///< pixels; 0: closed
  std::function<void()> full_page;     ///< replaces the dock space (start screen)
  bool is_outside_workspaces = false;  ///< the page belongs to no workspace: no tab is lit
  std::string search_hint = "Search actions, runs, settings";
};

/// The frame around all panels: top bar, workspaces, dock spaces with default and saved layouts,
/// zoom and theme. Keys: Ctrl+1…4 workspaces, Ctrl and + - 0 zoom, Ctrl+K palette.
///
/// A layout is loaded between frames, before the dock space is submitted; window names end in the
/// panel's id, so titles may change. Unknown panels are ignored, new ones appear in their slot.
/// Threads: main thread; the disk is touched by the StateWriter only.
class DockShell {
 public:
  /// `panels` outlive the shell; `writer` may be null (nothing is remembered).
  DockShell(std::span<const PanelEntry> panels, StateWriter* writer);
  ~DockShell();
  DockShell(const DockShell&) = delete;
  DockShell& operator=(const DockShell&) = delete;

  /// Before Window::begin_frame: applies theme, zoom and layout changes. `content_scale` is the
  /// window's.
  void before_frame(float content_scale);

  /// Inside a frame: everything.
  void draw(Studio& studio, const ShellParts& parts);

  [[nodiscard]] Workspace workspace() const { return workspace_; }

  void set_workspace(Workspace workspace);
  void set_theme(ThemeKind kind);

  /// Grows with every click or key that asks for a workspace, also for the one in use.
  [[nodiscard]] int workspace_requests() const { return workspace_requests_; }

  [[nodiscard]] ThemeKind theme_kind() const { return theme_kind_; }

  void set_zoom(float zoom);  ///< 0.75 to 2.5

  [[nodiscard]] float zoom() const { return zoom_; }

  /// Puts the workspace in use back to its default arrangement.
  void reset_layout();

  /// Arrangements that have a name. Loading one takes effect before the next frame; the name of
  /// none is ignored.
  void save_layout(const std::string& name);
  void load_layout(const std::string& name);
  void delete_layout(const std::string& name);
  [[nodiscard]] std::vector<std::string> layout_names() const;

  /// Names of the windows that Tab walks through, in order.
  [[nodiscard]] const std::vector<std::string>& focus_areas() const { return focus_areas_; }

  /// Shows the panel, switches to its workspace and brings its tab to the front.
  void focus_panel(std::string_view id);
  void set_panel_open(std::string_view id, bool is_open);
  [[nodiscard]] bool is_panel_open(std::string_view id) const;

  [[nodiscard]] std::span<const PanelEntry> panels() const { return entries_; }

 private:
  struct PanelState {
    std::unique_ptr<Panel> panel;
    std::string window_name;
    bool is_open = true;
    bool was_visible = false;
    bool wants_focus = false;
  };

  void load_settings();
  void save_settings();
  [[nodiscard]] Arrangement arrangement() const;
  void use_arrangement(const Arrangement& arrangement);
  void follow_room(float width, float height);
  void fit_slots(Workspace workspace, float height, std::array<Slot, 4>& place) const;
  void build_default_layout(Workspace workspace, float width, float height);
  void draw_top_bar(const ShellParts& parts);
  void draw_workspace_tab(Workspace workspace);
  void draw_dock_space(float top, float bottom);
  void draw_panels(Studio& studio);
  void draw_panel(std::size_t index, Studio& studio);
  void handle_keys(const ShellParts& parts);
  [[nodiscard]] unsigned dock_id(Workspace workspace) const;

  std::span<const PanelEntry> entries_;
  StateWriter* writer_;
  std::vector<PanelState> states_;
  std::map<int, unsigned> slot_nodes_;  ///< workspace · 4 + slot
  Workspace workspace_ = Workspace::kTrain;
  int workspace_requests_ = 0;
  ThemeKind theme_kind_ = ThemeKind::kDark;
  float zoom_ = 1.0F;
  float applied_scale_ = 0.0F;
  ThemeKind applied_theme_ = ThemeKind::kDark;
  std::string pending_ini_;
  bool wants_reset_[4] = {false, false, false, false};
  bool is_built_[4] = {false, false, false, false};
  int front_frames_[4] = {0, 0, 0, 0};  ///< frames until the first tab of each slot is selected
  bool is_dirty_ = false;
  bool is_outside_workspaces_ = false;
  float pending_scale_ = 0.0F;  ///< of the layout that is to be loaded
  RoomClass room_ = RoomClass::kWide;
  std::array<Arrangement, kNumRoomClasses> arrangements_;  ///< of the classes not in use
  std::map<std::string, NamedLayout> layouts_;
  std::vector<std::string> focus_areas_;
};

/// Our mark: two tracks that part at a switch. `size` in pixels.
void draw_logo(float x, float y, float size);

const char* workspace_name(Workspace workspace);

}  // namespace switchyard::ui
