#include "engine/base/core/clock.h"

#include <time.h>

namespace switchyard {
namespace {

double seconds_of(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

class SystemClock final : public Clock {
 public:
  [[nodiscard]] double monotonic_seconds() const override { return seconds_of(CLOCK_MONOTONIC); }

  [[nodiscard]] double wall_seconds() const override { return seconds_of(CLOCK_REALTIME); }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace switchyard
