#pragma once

namespace switchyard {

/// Tells time. Durations come from `monotonic_seconds`, dates for people from `wall_seconds`, and
/// the two are never mixed: a jump of the wall clock changes no order and no duration.
///
/// Threads: any.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Seconds since an arbitrary point, never going back; stands still during suspend.
  [[nodiscard]] virtual double monotonic_seconds() const = 0;
  /// Seconds since 1970; may jump either way.
  [[nodiscard]] virtual double wall_seconds() const = 0;
};

/// The clocks of the machine (CLOCK_MONOTONIC, CLOCK_REALTIME).
const Clock& system_clock();

/// A clock that moves only when told. Threads: one.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] double monotonic_seconds() const override { return monotonic_seconds_; }

  [[nodiscard]] double wall_seconds() const override { return wall_seconds_; }

  /// Both clocks go on by `seconds` (>= 0).
  void advance(double seconds) {
    monotonic_seconds_ += seconds;
    wall_seconds_ += seconds;
  }

  /// The wall clock alone is set forward or back, as NTP or a person does.
  void jump_wall(double seconds) { wall_seconds_ += seconds; }

 private:
  double monotonic_seconds_ = 1000.0;
  double wall_seconds_ = 1.7e9;
};

}  // namespace switchyard
