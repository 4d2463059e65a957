#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace switchyard::ui {

/// A colour as draw lists take it: red in the lowest byte, alpha in the highest.
using Color = std::uint32_t;

constexpr Color rgb(std::uint32_t hex) {
  return 0xFF000000U | ((hex & 0xFFU) << 16) | (hex & 0xFF00U) | ((hex >> 16) & 0xFFU);
}

constexpr unsigned red(Color c) {
  return c & 0xFFU;
}

constexpr unsigned green(Color c) {
  return (c >> 8) & 0xFFU;
}

constexpr unsigned blue(Color c) {
  return (c >> 16) & 0xFFU;
}

constexpr unsigned alpha(Color c) {
  return c >> 24;
}

/// The colour with its alpha replaced. Units: fraction of 1.
constexpr Color with_alpha(Color c, float fraction) {
  const float clamped = fraction < 0.0F ? 0.0F : (fraction > 1.0F ? 1.0F : fraction);
  return (c & 0x00FFFFFFU) | (static_cast<Color>(clamped * 255.0F + 0.5F) << 24);
}

/// The colour with its alpha multiplied. Units: fraction of 1.
constexpr Color faded(Color c, float fraction) {
  return with_alpha(c, static_cast<float>(alpha(c)) / 255.0F * fraction);
}

/// Mixes channel by channel, alpha included: 0 gives `a`, 1 gives `b`.
Color mix(Color a, Color b, float t);

/// `top` with its alpha laid over the opaque `bottom`.
Color over(Color top, Color bottom);

/// Contrast of two opaque colours, 1 to 21. Source: WCAG 2.1, relative luminance.
double contrast_ratio(Color a, Color b);

/// Distance of two opaque colours in CIE Lab (1976), D65.
double delta_e(Color a, Color b);

/// How a colour looks to an eye without long, middle or short cones.
///
/// Source: Machado et al. 2009 (protan, deutan, severity 1); Brettel et al. 1997 (tritan).
enum class Vision { kNormal, kProtan, kDeutan, kTritan };
Color simulate(Color c, Vision vision);

/// Black or white, whichever reads better on `background`.
Color readable_on(Color background);

enum class ThemeKind { kDark, kLight, kContrast };

std::string_view theme_name(ThemeKind kind);       ///< "dark", "light", "contrast"
ThemeKind theme_from_name(std::string_view name);  ///< dark when unknown
ThemeKind next_theme(ThemeKind kind);              ///< dark, light, contrast, dark, …

inline constexpr int kNumRunColors = 8;
inline constexpr int kNumExpertColors = 16;

/// Every colour of the window, by purpose. One value per theme; nothing else in ui/ names a colour.
struct ThemeTokens {
  ThemeKind kind = ThemeKind::kDark;
  Color bg0, bg1, bg2, bg3;      ///< behind cards; panels; table heads; fields and buttons
  Color popup, chip;             ///< menus, tooltips, toasts; neutral badges
  Color hover, active;           ///< surfaces under the mouse and pressed; tracks of bars
  Color line, line2;             ///< hairline; border of controls
  Color text1, text2, text3;     ///< value; label; caption and unit
  Color accent, link;            ///< lines, focus, selection; words to click
  Color primary, primary_text;   ///< the one filled button of a view
  Color selection;               ///< background of a selected row
  Color ok, attention, failure;  ///< status, never decoration
  Color dead, no_data;           ///< map cells outside the scale
  Color surprise;                ///< tint of unlikely tokens
  float soft = 0.14F;            ///< alpha of a status colour used as background
  float shadow = 0.055F;         ///< alpha of one of the seven layers of a popup's shadow
  std::array<Color, kNumRunColors> runs;
  std::array<Color, kNumExpertColors> experts;

  /// Colour of the n-th run; from the ninth on the colours repeat and lines are dashed.
  [[nodiscard]] Color run(int n) const {
    return runs[static_cast<std::size_t>(n < 0 ? 0 : n) % runs.size()];
  }

  [[nodiscard]] static bool is_dashed(int n) { return n >= kNumRunColors; }

  /// Colour of expert `n` where at most 16 are shown by colour.
  [[nodiscard]] Color expert(int n) const {
    return experts[static_cast<std::size_t>(n < 0 ? 0 : n) % experts.size()];
  }
};

const ThemeTokens& theme_tokens(ThemeKind kind);

}  // namespace switchyard::ui
