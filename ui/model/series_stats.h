#pragma once

#include <cstddef>
#include <cstdint>

#include "ui/plot/series.h"

namespace switchyard::ui {

/// What the inspector says about a series. Numbers are NaN where there is nothing to say.
struct SeriesStats {
  std::int64_t num_samples = 0;
  double last = 0.0;
  double minimum = 0.0;
  std::int64_t minimum_step = 0;
  double maximum = 0.0;
  double slope_per_step = 0.0;  ///< least squares over the newest 128 samples
  double noise = 0.0;           ///< standard deviation of these samples around that line
  std::int64_t num_spikes = 0;  ///< of these, further than 4 × noise above the line
  std::int64_t num_bad = 0;     ///< NaN and infinities of the whole series
};

/// Of the samples [first, last); a `last` beyond the end means all from `first` on.
/// Limits: O(log² n) besides the newest 128 samples.
SeriesStats series_stats(const Series& series,
                         std::size_t first = 0,
                         std::size_t last = static_cast<std::size_t>(-1));

}  // namespace switchyard::ui
