#include "ui/shell/data_pace.h"

#include <algorithm>

namespace switchyard::ui {

double DataPace::due(double interval) const {
  const double is_paid_at = full_at_ - kBurst / kShare;
  return std::max(last_ + interval, std::min(is_paid_at, last_ + kLongestWait));
}

void DataPace::drawn(double now, double processor_seconds) {
  last_ = now;
  full_at_ =
      std::min(std::max(full_at_, now) + processor_seconds / kShare, now + 2.0 * kBurst / kShare);
}

}  // namespace switchyard::ui
