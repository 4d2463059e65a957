#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace switchyard::train {

/// A time in which the process stood still although the clock went on.
struct Gap {
  double seconds = 0.0;
  bool is_suspend = false;  ///< the machine slept; otherwise the process was stopped
};

/// Notices that the whole process was stopped (SIGSTOP, a debugger, a frozen container) or that the
/// machine slept, and tells time without these gaps.
///
/// Math:   a thread looks at the clocks twice a second; two looks more than 5 s apart mean that no
///         thread ran in between, however long a training step takes. Sleep of the machine is the
///         difference between CLOCK_BOOTTIME and CLOCK_MONOTONIC, which stands still meanwhile.
/// Threads: any.
class GapWatch {
 public:
  GapWatch();
  ~GapWatch();
  GapWatch(const GapWatch&) = delete;
  GapWatch& operator=(const GapWatch&) = delete;

  /// Monotonic seconds less all gaps so far.
  double active_seconds();
  /// The gaps since the last call.
  std::vector<Gap> take();

  static constexpr double kLeastGapSeconds = 5.0;

  /// The rule itself, without clocks and threads: what two looks at the clocks tell.
  class Rule {
   public:
    Rule(double monotonic, double boot) : monotonic_(monotonic), boot_(boot) {}

    /// Notes a look and returns the gaps since the one before.
    std::vector<Gap> look(double monotonic, double boot);

    /// Seconds of the monotonic clock that lie in gaps.
    [[nodiscard]] double stopped_seconds() const { return stopped_seconds_; }

   private:
    double monotonic_, boot_;
    double stopped_seconds_ = 0.0;
  };

 private:
  void look();  ///< caller holds mutex_
  void watch();

  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_stopping_ = false;
  Rule rule_;
  std::vector<Gap> gaps_;
  std::thread thread_;
};

}  // namespace switchyard::train
