#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "ui/plot/series.h"

namespace switchyard::ui {

/// How the values of a series are spread, for the inspector.
///
/// Limits: at most kMostValues evenly spread values are looked at.
struct Distribution {
  static constexpr std::size_t kMostValues = 16'384;
  static constexpr std::size_t kNumBins = 36;

  std::size_t num_values = 0;                                    ///< looked at, finite
  double percentile_5 = 0.0, median = 0.0, percentile_95 = 0.0;  ///< NaN without values
  double low = 0.0, high = 0.0;                                  ///< ends of the bins
  std::array<float, kNumBins> bins{};                            ///< share of the fullest bin
};

/// Of the samples [first, last). The bins span the 0.5 to 99.5 percentiles, so that one outlier
/// does not squeeze the rest into one bin; values outside count in the end bins.
Distribution distribution_of(const Values& values, std::size_t first, std::size_t last);

/// The samples whose x lies in [x_min, x_max], as [first, last).
std::pair<std::size_t, std::size_t> visible_samples(const Series& series,
                                                    XAxis axis,
                                                    double x_min,
                                                    double x_max);

}  // namespace switchyard::ui
