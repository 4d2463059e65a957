#pragma once

namespace switchyard::ui {

/// When a frame may be drawn that is drawn only because new data came: watching must not slow the
/// training that is watched, least of all where the processor draws the pixels.
///
/// Math:   a budget in seconds of processor time fills by kShare of one core up to kBurst; each
///         frame takes from it what it cost, at most down to -kBurst. While it is overdrawn the
///         frames wait, but never longer than kLongestWait after the last.
/// Units:  seconds; `now` of any one clock.
/// Threads: a value.
class DataPace {
 public:
  static constexpr double kShare = 0.1;
  static constexpr double kBurst = 0.1;
  static constexpr double kLongestWait = 0.5;

  /// From when on the next frame may be drawn; frames lie at least `interval` apart.
  [[nodiscard]] double due(double interval) const;

  /// New data was drawn at `now`. `processor_seconds`: what the frame cost; 0 where it had another
  /// cause as well.
  void drawn(double now, double processor_seconds);

 private:
  double last_ = -1e9;
  double full_at_ = -1e9;  ///< when the budget will be full again
};

}  // namespace switchyard::ui
