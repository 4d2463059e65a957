#pragma once

#include <cstdint>
#include <vector>

#include "ui/model/run_view.h"

namespace switchyard::ui {

/// Play-back of the recorded routing: where the head stands, and whether it moves by itself.
///
/// Math:   while it plays, the head moves by `speed` recorded samples every kSecondsPerSample.
/// Units:  step in training steps, seconds.
/// Threads: the frame's.
struct Playback {
  static constexpr double kSecondsPerSample = 0.1;

  bool is_live = true;  ///< the newest sample is shown, whatever arrives
  bool is_playing = false;
  std::int64_t speed = 4;  ///< samples per kSecondsPerSample
  std::int64_t step = 0;   ///< of the head, while it is not live
  double last_move = 0.0;  ///< monotonic seconds

  /// The head, clamped to what is recorded: the newest step while live.
  [[nodiscard]] std::int64_t head(const std::vector<std::int64_t>& steps) const;

  /// Leaves the live view and stands on the sample at or before `at`.
  void seek(const std::vector<std::int64_t>& steps, std::int64_t at);

  /// One sample back or forth; stops the motion.
  void move_by(const std::vector<std::int64_t>& steps, std::int64_t samples);

  /// Plays from the head, from the beginning when the head is at the end; a second time stops.
  void toggle(const std::vector<std::int64_t>& steps, double now);

  /// Moves a playing head; at the end it stops there. True while it plays.
  bool advance(const std::vector<std::int64_t>& steps, double now);

  void go_live();
};

/// Steps at which routing was recorded (first steps of the merged columns), ascending.
std::vector<std::int64_t> routing_steps(const RunView& run);

/// The newest column that begins at or before `step`; 0 when all begin later. Needs a column.
std::size_t column_at(const MapColumns& columns, std::int64_t step);

}  // namespace switchyard::ui
