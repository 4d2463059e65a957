#include "ui/plot/smooth.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

namespace switchyard::ui {

double smoothing_unit(XAxis axis, const Series& reference) {
  if (axis == XAxis::kSteps || reference.empty()) return kSmoothingUnit;
  const std::size_t last = reference.size() - 1;
  const double from = last == 0 ? 0.0 : reference.x(axis, 0);
  const double first_step = last == 0 ? 0.0 : static_cast<double>(reference.step(0));
  const double steps = static_cast<double>(reference.step(last)) - first_step;
  const double exact =
      steps > 0.0 ? (reference.x(axis, last) - from) / steps * kSmoothingUnit : 0.0;
  if (!(exact > 0.0) || !std::isfinite(exact)) return 1.0;
  const double power = std::pow(10.0, std::floor(std::log10(exact)));
  const double lead = exact / power;
  return (lead < 1.5 ? 1.0 : (lead < 3.5 ? 2.0 : (lead < 7.5 ? 5.0 : 10.0))) * power;
}

double Smoother::next(double x, double y) {
  if (!std::isfinite(y)) return std::numeric_limits<double>::quiet_NaN();
  const double dx = mass_ > 0.0 ? std::max(0.0, x - last_x_) : unit_;
  if (dx != cached_dx_) {
    cached_dx_ = dx;
    cached_decay_ = std::pow(weight_, dx / unit_);
  }
  mean_ = cached_decay_ * mean_ + (1.0 - cached_decay_) * y;
  mass_ = cached_decay_ * mass_ + (1.0 - cached_decay_);
  last_x_ = x;
  return mass_ > 0.0 ? mean_ / mass_ : y;
}

std::size_t Smoother::update(const Column& x, const Column& y, std::size_t most) {
  const std::size_t first = values_.size(), size = std::min(x.size(), y.size());
  const std::size_t n = size > first ? first + std::min(size - first, most) : first;
  std::array<double, 1024> xs, ys;
  while (values_.size() < n) {
    const std::size_t count = std::min(n - values_.size(), xs.size());
    x.read(values_.size(), std::span(xs).first(count));
    y.read(values_.size(), std::span(ys).first(count));
    for (std::size_t i = 0; i < count; ++i) values_.append(next(xs[i], ys[i]));
  }
  return n - first;
}

}  // namespace switchyard::ui
