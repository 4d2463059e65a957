#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ui/shell/data_pace.h"
#include "ui/shell/window.h"

namespace switchyard::ui {

/// Draws only when there is a cause; between causes the process sleeps in the window system.
///
/// Causes: input (then 3 frames, and single frames 0.2 s and 0.5 s later for tooltips), new data
/// (≤ 10 frames per second, ≤ 4 while unfocused, ≤ 2 in eco; fewer where frames cost much processor
/// time, see DataPace), a frame asked for at a later time.
/// Minimised: no frames at all. Nothing else draws: an idle window costs no CPU time. Threads: run
/// and the request functions on the main thread; notify_data from any thread.
class FrameLoop {
 public:
  static constexpr int kFramesPerCause = 3;

  explicit FrameLoop(Window& window);
  ~FrameLoop();
  FrameLoop(const FrameLoop&) = delete;
  FrameLoop& operator=(const FrameLoop&) = delete;

  /// Loops until the window closes or `stop` is called; `frame` builds one frame between
  /// Window::begin_frame and end_frame. `between` (optional) runs before each begin_frame, where
  /// theme, fonts and layouts may change.
  void run(const std::function<void()>& frame, const std::function<void()>& between = {});

  /// One turn without waiting: draws if a frame is due. Returns whether it drew. For tests.
  bool turn(const std::function<void()>& frame, const std::function<void()>& between = {});

  void stop() { is_stopping_ = true; }

  /// New data is there: draw soon, within the cap. Any thread.
  void notify_data();

  void request_frames(int count = kFramesPerCause);

  /// Draw again after `seconds` (a toast that ends, an age that turns amber).
  void request_frame_after(double seconds);

  /// New data is drawn twice a second instead of ten times.
  void set_eco(bool is_eco) { is_eco_ = is_eco; }

  /// Frames drawn since the start: the measure of idleness.
  [[nodiscard]] std::int64_t frames_drawn() const { return frames_drawn_; }

  /// Frames drawn in the last second, for the status strip.
  [[nodiscard]] int frames_per_second() const;

  /// Paths of what was dropped onto the window since the last call.
  std::vector<std::string> take_dropped() { return std::exchange(dropped_, {}); }

  /// The loop of this process, for panels that need a later frame; nullptr outside of one.
  static FrameLoop* current();

 private:
  void install_callbacks();
  void on_input();
  double next_due() const;
  double data_interval() const;

  Window& window_;
  std::atomic<bool> has_data_{false};
  bool is_stopping_ = false;
  bool is_eco_ = false;
  int pending_ = kFramesPerCause;
  double last_frame_ = -1.0;
  DataPace data_pace_;
  double timed_frames_[3] = {-1.0, -1.0, -1.0};  ///< tooltip, tooltip, asked for
  double recent_[64] = {};
  std::int64_t frames_drawn_ = 0;
  std::vector<std::string> dropped_;
};

}  // namespace switchyard::ui
