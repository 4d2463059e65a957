#pragma once

#include <array>

#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {

/// The colour maps of heat maps. Each is a table of 256 colours, interpolated from equal steps.
/// Source: viridis, cividis, magma of matplotlib (public domain, CC0), thinned to ten stops.
enum class Palette {
  kViridis,    ///< counts
  kScores,     ///< viridis, upper 60 %
  kEntropy,    ///< viridis whose healthy end (1) lies at the background: reversed on dark
  kCividis,    ///< colour-blind choice of viridis
  kMagma,      ///< print
  kDeviation,  ///< viridis whose healthy end (0) lies at the background: reversed on light
  kDiverging,  ///< load ÷ fair share; the middle recedes into the background
};

using ColorTable = std::array<Color, 256>;

const ColorTable& color_table(Palette palette, ThemeKind theme);

/// The colour of `t` in [0, 1]; values outside are clamped.
inline Color palette_color(const ColorTable& table, float t) {
  const float clamped = t < 0.0F ? 0.0F : (t > 1.0F ? 1.0F : t);
  return table[static_cast<std::size_t>(clamped * 255.0F + 0.5F)];
}

}  // namespace switchyard::ui
