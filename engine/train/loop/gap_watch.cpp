#include "engine/train/loop/gap_watch.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

namespace switchyard::train {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(500);

double seconds_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

std::vector<Gap> GapWatch::Rule::look(double monotonic, double boot) {
  std::vector<Gap> gaps;
  const double passed = monotonic - monotonic_;
  const double slept = (boot - boot_) - passed;
  monotonic_ = monotonic;
  boot_ = boot;
  if (passed > kLeastGapSeconds) {
    stopped_seconds_ += passed;
    gaps.push_back({passed, false});
  }
  if (slept > kLeastGapSeconds) gaps.push_back({slept, true});
  return gaps;
}

GapWatch::GapWatch()
    : rule_(seconds_of(CLOCK_MONOTONIC), seconds_of(CLOCK_BOOTTIME)),
      thread_([this] { watch(); }) {}

GapWatch::~GapWatch() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void GapWatch::look() {
  const std::vector<Gap> found =
      rule_.look(seconds_of(CLOCK_MONOTONIC), seconds_of(CLOCK_BOOTTIME));
  gaps_.insert(gaps_.end(), found.begin(), found.end());
}

double GapWatch::active_seconds() {
  const std::lock_guard lock(mutex_);
  look();  // after a stop this thread may run before the watching one
  return seconds_of(CLOCK_MONOTONIC) - rule_.stopped_seconds();
}

std::vector<Gap> GapWatch::take() {
  const std::lock_guard lock(mutex_);
  look();
  return std::exchange(gaps_, {});
}

void GapWatch::watch() {
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    wake_.wait_for(lock, kInterval);
    look();
  }
}

}  // namespace switchyard::train
