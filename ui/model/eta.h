#pragma once

#include <cstdint>
#include <optional>

#include "ui/plot/series.h"

namespace switchyard::ui {

/// Time left as a range. Units: seconds.
struct TimeLeft {
  double low = 0.0;
  double high = 0.0;
};

/// Estimates the time left from recent steps.
///
/// Math:   seconds per step of the last 64 intervals between samples; low and high are the median's
///         25 % and 75 % quantile times the steps left, so that evaluations and checkpoints, which
///         make few intervals long, do not move it.
/// Limits: nothing before 20 steps of this life, or with fewer than 3 intervals.
std::optional<TimeLeft> time_left(const Column& step,
                                  const Column& seconds,
                                  std::int64_t max_steps);

enum class Trend { kUnknown, kDown, kFlat, kUp };

/// Whether a noisy series falls: the mean of the newest 32 finite samples against the 32 before, in
/// units of their standard error (2 decides). Limits: unknown below 16 samples.
Trend trend(const Column& values);

/// The debiased running mean at the end of a series, as the run bar shows it; NaN when empty.
double smoothed_last(const Column& step, const Column& values, double weight);

}  // namespace switchyard::ui
