#include "ui/plot/smooth.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

namespace switchyard::ui {

double Smoother::next(double x, double y) {
  if (!std::isfinite(y)) return std::numeric_limits<double>::quiet_NaN();
  const double dx = mass_ > 0.0 ? std::max(0.0, x - last_x_) : kSmoothingUnit;
  if (dx != cached_dx_) {
    cached_dx_ = dx;
    cached_decay_ = std::pow(weight_, dx / kSmoothingUnit);
  }
  mean_ = cached_decay_ * mean_ + (1.0 - cached_decay_) * y;
  mass_ = cached_decay_ * mass_ + (1.0 - cached_decay_);
  last_x_ = x;
  return mass_ > 0.0 ? mean_ / mass_ : y;
}

void Smoother::update(const Column& x, const Column& y) {
  const std::size_t n = std::min(x.size(), y.size());
  std::array<double, 1024> xs, ys;
  while (values_.size() < n) {
    const std::size_t count = std::min(n - values_.size(), xs.size());
    x.read(values_.size(), std::span(xs).first(count));
    y.read(values_.size(), std::span(ys).first(count));
    for (std::size_t i = 0; i < count; ++i) values_.append(next(xs[i], ys[i]));
  }
}

}  // namespace switchyard::ui
