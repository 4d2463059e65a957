#pragma once

#include "ui/plot/decimate.h"

namespace switchyard::ui {

/// The smoothing slider speaks of weight per this many steps; on other axes, per what about as many
/// steps take there.
inline constexpr double kSmoothingUnit = 10.0;

/// The unit of x on an axis for the weight: 10 steps, else the tokens, seconds or FLOPs of about 10
/// steps of `reference`, rounded to 1, 2 or 5 times a power of ten. The same for all runs of a
/// plot, so that runs with other batch sizes are smoothed alike.
double smoothing_unit(XAxis axis, const Series& reference);

/// Debiased exponential mean over the full series, before any decimation.
///
/// Math:   d = weight^(Δx / unit); m ← d·m + (1-d)·y; w ← d·w + (1-d); s = m / w. The
///         division removes the start's pull towards zero; the exponent makes runs comparable that
///         log at different intervals.
/// Shapes: x, y of equal length, x not decreasing; one output per sample.
/// Limits: weight in [0, 0.999]; 0 returns the samples.
/// Errors: a non-finite sample gives NaN at its place and leaves the mean as it was.
/// Threads: a value; `update` continues where it stopped, O(new samples).
class Smoother {
 public:
  explicit Smoother(double weight = 0.0, double unit = kSmoothingUnit)
      : weight_(weight), unit_(unit) {}

  /// Takes in at most `most` further samples; how many it took.
  std::size_t update(const Column& x,
                     const Column& y,
                     std::size_t most = static_cast<std::size_t>(-1));

  [[nodiscard]] const Values& values() const { return values_; }

  [[nodiscard]] double weight() const { return weight_; }

  [[nodiscard]] double unit() const { return unit_; }

 private:
  double next(double x, double y);

  double weight_;
  double unit_;
  double mean_ = 0.0;
  double mass_ = 0.0;
  double last_x_ = 0.0;
  double cached_dx_ = -1.0;
  double cached_decay_ = 0.0;
  Values values_;
};

}  // namespace switchyard::ui
