#include "ui/plot/smooth.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace switchyard::ui {

void Smoother::update(const Column& x, std::span<const double> y) {
  const std::size_t n = std::min(x.size(), y.size());
  values_.reserve(n);
  for (std::size_t i = values_.size(); i < n; ++i) {
    if (!std::isfinite(y[i])) {
      values_.push_back(std::numeric_limits<double>::quiet_NaN());
      continue;
    }
    const double dx = mass_ > 0.0 ? std::max(0.0, x[i] - last_x_) : kSmoothingUnit;
    if (dx != cached_dx_) {
      cached_dx_ = dx;
      cached_decay_ = std::pow(weight_, dx / kSmoothingUnit);
    }
    mean_ = cached_decay_ * mean_ + (1.0 - cached_decay_) * y[i];
    mass_ = cached_decay_ * mass_ + (1.0 - cached_decay_);
    last_x_ = x[i];
    values_.push_back(mass_ > 0.0 ? mean_ / mass_ : y[i]);
  }
}

}  // namespace switchyard::ui
