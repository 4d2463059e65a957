#pragma once

#include <span>
#include <vector>

#include "ui/plot/decimate.h"

namespace switchyard::ui {

/// One of several runs of the same configuration.
struct SeedMember {
  Column x;
  const Values* y = nullptr;  ///< smoothed
  double x_shift = 0.0;
};

/// Mean and spread of runs that differ in their seed only.
///
/// Math:   at the x of the member with the most samples, where all have data, the others linearly
///         between their samples; mean m, σ = √(Σ (y − m)² / (n − 1)); low = m − σ, high = m + σ.
/// Errors: where a member is not finite there is a gap (NaN).
/// Threads: a value.
struct SeedBand {
  std::vector<double> x;
  Values mean, low, high;
};

SeedBand seed_band(std::span<const SeedMember> members);

/// The area of a band in pixels: one entry per column that has data; NaN is a gap.
struct BandArea {
  std::vector<double> x, low, high;
};

/// Lowest `low` and highest `high` of each pixel column.
BandArea decimate_band(const SeedBand& band, const ViewRange& view);

}  // namespace switchyard::ui
