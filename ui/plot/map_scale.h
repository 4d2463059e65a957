#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "ui/plot/palette.h"

namespace switchyard::ui {

/// How values become colours. `low` and `high` are in the unit of the transform's result.
struct MapScale {
  Palette palette = Palette::kViridis;
  double low = 0.0;
  double high = 1.0;
  bool is_log2 = false;         ///< value → log2(value) before the range is applied
  bool is_zero_dead = false;    ///< an exact zero is a dead expert: magenta, outside the scale
  std::string low_label = "0";  ///< ends and middle of the legend, in words
  std::string middle_label;
  std::string high_label = "1";

  /// Place on the palette, 0 … 1; clamped.
  [[nodiscard]] float place(double value) const {
    const double v = is_log2 ? std::log2(std::max(value, 1e-12)) : value;
    return static_cast<float>(std::clamp((v - low) / (high - low), 0.0, 1.0));
  }

  [[nodiscard]] bool is_dead(double value) const { return is_zero_dead && value == 0.0; }
};

/// Load ÷ fair share: log2 from 1/8 to 8, diverging, "fair" recedes.
MapScale fair_share_scale();

/// Entropy divided by its maximum; the healthy 1 recedes. `low` is the lower end shown.
MapScale entropy_scale(double low = 0.6);

/// How often each 32nd of the scale occurs; for the legend.
std::vector<float> scale_histogram(std::span<const float> values, const MapScale& scale);

/// What a person chose for the colours of a map of loads ÷ fair share.
struct LoadColors {
  enum class Kind {
    kRelative,  ///< log2 around the fair share, diverging
    kLinear,
    kLog,
  };
  static constexpr std::size_t kNumKinds = 3;

  /// Ends of a fixed range, in load ÷ fair share.
  struct Range {
    double low = 0.0;
    double high = 8.0;

    friend bool operator==(const Range&, const Range&) = default;
  };

  Kind kind = Kind::kRelative;
  Palette palette = Palette::kViridis;  ///< of kLinear and kLog
  bool is_fixed = true;                 ///< the same colours at all times and in all layers
  std::array<Range, kNumKinds> ranges = {{{0.125, 8.0}, {0.0, 4.0}, {0.01, 8.0}}};

  [[nodiscard]] const Range& range() const { return ranges[static_cast<std::size_t>(kind)]; }

  /// Takes over an end of the range of the kind in use, so that low stays below high; kRelative
  /// keeps both ends the same factor from fair. Limits: 1e-6 … 1e6; kLinear from 0.
  void set_low(double low);
  void set_high(double high);

  friend bool operator==(const LoadColors&, const LoadColors&) = default;
};

/// The scale for `loads` (÷ fair share): the fixed range, or one that follows the finite loads
/// above 0. Zero is dead in all kinds.
MapScale load_scale(const LoadColors& colors, std::span<const float> loads);

/// log2 of a quotient of two loads, diverging, the same reach on both sides.
MapScale ratio_scale(double reach_log2);

}  // namespace switchyard::ui
