#pragma once

#include "ui/plot/decimate.h"

namespace switchyard::ui {

/// The smoothing slider speaks of weight per this many units of x (steps).
inline constexpr double kSmoothingUnit = 10.0;

/// Debiased exponential mean over the full series, before any decimation.
///
/// Math:   d = weight^(Δx / kSmoothingUnit); m ← d·m + (1-d)·y; w ← d·w + (1-d); s = m / w. The
///         division removes the start's pull towards zero; the exponent makes runs comparable that
///         log at different intervals.
/// Shapes: x, y of equal length, x not decreasing; one output per sample.
/// Limits: weight in [0, 0.999]; 0 returns the samples.
/// Errors: a non-finite sample gives NaN at its place and leaves the mean as it was.
/// Threads: a value; `update` continues where it stopped, O(new samples).
class Smoother {
 public:
  explicit Smoother(double weight = 0.0) : weight_(weight) {}

  void update(const Column& x, const Column& y);

  [[nodiscard]] const Values& values() const { return values_; }

  [[nodiscard]] double weight() const { return weight_; }

 private:
  double next(double x, double y);

  double weight_;
  double mean_ = 0.0;
  double mass_ = 0.0;
  double last_x_ = 0.0;
  double cached_dx_ = -1.0;
  double cached_decay_ = 0.0;
  Values values_;
};

}  // namespace switchyard::ui
