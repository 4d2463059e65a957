#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "ui/client/client.h"
#include "ui/model/studio.h"
#include "ui/panels/drawer_panel.h"
#include "ui/panels/palette.h"
#include "ui/panels/settings_popover.h"
#include "ui/shell/dock_shell.h"
#include "ui/shell/frame_loop.h"
#include "ui/shell/keyboard_focus.h"
#include "ui/shell/state_writer.h"
#include "ui/shell/window.h"
#include "ui/widgets/overlays.h"

namespace switchyard::ui {

/// The whole window: screen, panels, threads behind them, what is remembered between starts.
///
/// Errors: as Window::create.
/// Threads: the main thread.
class StudioApp {
 public:
  struct Options {
    WindowOptions window;
    std::string run;     ///< shown first; empty: the last one, else the gallery
    float scale = 0.0F;  ///< pixels per virtual pixel; 0: the monitor's
  };

  static Result<std::unique_ptr<StudioApp>> create(const Options& options);
  ~StudioApp();
  StudioApp(const StudioApp&) = delete;
  StudioApp& operator=(const StudioApp&) = delete;

  /// Draws until the window is closed. Training goes on.
  void run();

  /// One turn of the loop without waiting; whether a frame was drawn.
  bool turn();

  /// Draws frames of the given size, off screen, and returns the last one.
  Picture picture(int width, int height, int num_frames = 4);

  /// Draws what is known already once more, without new data: the pixels of the window have to be
  /// those of the second, which is drawn whole and off screen.
  void repeat_frame();
  Picture repeat_frame_to_picture();

  Studio& studio() { return studio_; }

  DockShell& shell() { return *shell_; }

  FrameLoop& loop() { return *loop_; }

  Window& window() { return *window_; }

  [[nodiscard]] std::size_t num_toasts() const { return toasts_.size(); }

 private:
  explicit StudioApp(const Options& options) : options_(options) {}

  void start();
  void restore();
  void restore_draft();
  void restore_settings();
  void apply_settings();
  void show_help();
  void between_frames();
  void frame();
  void handle_keys();
  void take_dropped();
  void show_notices();
  void follow_requests();
  void draw_top_right();
  void remember();

  Options options_;
  std::unique_ptr<Window> window_;
  std::unique_ptr<StateWriter> writer_;
  std::unique_ptr<FrameLoop> loop_;
  std::unique_ptr<DockShell> shell_;
  Studio studio_;
  Toasts toasts_;
  CommandPalette palette_;
  KeyboardFocus keyboard_;
  Drawer drawer_;
  SettingsButton settings_;
  FilePlaces places_;
  WindowSettings saved_settings_;   ///< as on disk
  std::unique_ptr<Client> client_;  ///< last: its threads wake the loop
  std::map<std::string, std::shared_ptr<const Command>> toast_commands_;  ///< by action
  std::int64_t saved_marks_ = 0;
  std::string session_;
  std::int64_t answers_revision_ = 0;  ///< of what answers.json holds
  std::string title_;
  int seen_requests_ = 0;
  bool shows_shortcuts_ = false;
};

}  // namespace switchyard::ui
