#include "ui/shell/theme_tokens.h"

#include <algorithm>
#include <cmath>

namespace switchyard::ui {
namespace {

struct Linear {
  double r = 0.0, g = 0.0, b = 0.0;
};

double linear_from_srgb(unsigned channel) {
  const double v = static_cast<double>(channel) / 255.0;
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

unsigned srgb_from_linear(double v) {
  const double c = std::clamp(v, 0.0, 1.0);
  const double s = c <= 0.0031308 ? c * 12.92 : 1.055 * std::pow(c, 1.0 / 2.4) - 0.055;
  return static_cast<unsigned>(std::lround(s * 255.0));
}

Linear linear(Color c) {
  return {linear_from_srgb(red(c)), linear_from_srgb(green(c)), linear_from_srgb(blue(c))};
}

double luminance(Color c) {
  const Linear v = linear(c);
  return 0.2126 * v.r + 0.7152 * v.g + 0.0722 * v.b;
}

struct Lab {
  double l = 0.0, a = 0.0, b = 0.0;
};

Lab lab_from_color(Color c) {
  const Linear v = linear(c);
  const double x = (0.4124564 * v.r + 0.3575761 * v.g + 0.1804375 * v.b) / 0.95047;
  const double y = 0.2126729 * v.r + 0.7151522 * v.g + 0.0721750 * v.b;
  const double z = (0.0193339 * v.r + 0.1191920 * v.g + 0.9503041 * v.b) / 1.08883;
  const auto f = [](double t) {
    return t > 216.0 / 24389.0 ? std::cbrt(t) : (24389.0 / 27.0 * t + 16.0) / 116.0;
  };
  return {116.0 * f(y) - 16.0, 500.0 * (f(x) - f(y)), 200.0 * (f(y) - f(z))};
}

constexpr std::array<Color, kNumRunColors> kDarkRuns = {rgb(0x38BDF8),
                                                        rgb(0xF3AF4C),
                                                        rgb(0x6DBB97),
                                                        rgb(0xB072AE),
                                                        rgb(0xD0643F),
                                                        rgb(0xEDEBA5),
                                                        rgb(0x3F7FEA),
                                                        rgb(0xCBECF7)};
constexpr std::array<Color, kNumRunColors> kLightRuns = {rgb(0x0B8FDB),
                                                         rgb(0xB98000),
                                                         rgb(0x3F9A82),
                                                         rgb(0x8E5496),
                                                         rgb(0x7A2B0C),
                                                         rgb(0x8D914E),
                                                         rgb(0x0A3FA8),
                                                         rgb(0x414741)};
constexpr std::array<Color, kNumExpertColors> kExperts = {rgb(0x5AB4F0),
                                                          rgb(0xE8A33D),
                                                          rgb(0x2FC39A),
                                                          rgb(0xDE8ABF),
                                                          rgb(0xF07B4A),
                                                          rgb(0xE9DC5B),
                                                          rgb(0x8C9EFF),
                                                          rgb(0xB4BCC6),
                                                          rgb(0x4DD0E1),
                                                          rgb(0xC49BFF),
                                                          rgb(0xA5D65A),
                                                          rgb(0xFF9E9E),
                                                          rgb(0x6FAE90),
                                                          rgb(0xC9A27A),
                                                          rgb(0x6F8FB8),
                                                          rgb(0xD96C8F)};

ThemeTokens dark_tokens() {
  ThemeTokens t;
  t.kind = ThemeKind::kDark;
  t.bg0 = rgb(0x0B0D10), t.bg1 = rgb(0x12151A), t.bg2 = rgb(0x181C22), t.bg3 = rgb(0x1C2128);
  t.popup = rgb(0x181C22), t.chip = rgb(0x1C2128);
  t.hover = rgb(0x252B34), t.active = rgb(0x2D3440);
  t.line = rgb(0x22272F), t.line2 = rgb(0x323A46);
  t.text1 = rgb(0xE7EAEF), t.text2 = rgb(0xA9B2BF), t.text3 = rgb(0x808B99);
  t.accent = rgb(0x6AA5FF), t.link = rgb(0x8CBBFF);
  t.primary = rgb(0x2F6BDE), t.primary_text = rgb(0xFFFFFF);
  t.selection = with_alpha(t.accent, 0.12F);
  t.ok = rgb(0x3CCB8B), t.attention = rgb(0xF2B544), t.failure = rgb(0xFF6E6E);
  t.dead = rgb(0xD652C6), t.no_data = rgb(0x2A2F37), t.surprise = rgb(0x9B7BFF);
  t.soft = 0.14F, t.shadow = 0.055F;
  t.runs = kDarkRuns, t.experts = kExperts;
  return t;
}

ThemeTokens light_tokens() {
  ThemeTokens t;
  t.kind = ThemeKind::kLight;
  t.bg0 = rgb(0xEDEFF2), t.bg1 = rgb(0xFFFFFF), t.bg2 = rgb(0xF6F7F9), t.bg3 = rgb(0xFFFFFF);
  t.popup = rgb(0xFFFFFF), t.chip = rgb(0xEEF1F5);
  t.hover = rgb(0xEEF1F5), t.active = rgb(0xE3E8EE);
  t.line = rgb(0xE2E6EB), t.line2 = rgb(0xCBD2DB);
  t.text1 = rgb(0x14181F), t.text2 = rgb(0x47505D), t.text3 = rgb(0x616B78);
  t.accent = rgb(0x1B62D4), t.link = rgb(0x1554BD);
  t.primary = rgb(0x1F66DB), t.primary_text = rgb(0xFFFFFF);
  t.selection = with_alpha(t.accent, 0.09F);
  t.ok = rgb(0x0E7A55), t.attention = rgb(0x935F00), t.failure = rgb(0xC22B2B);
  t.dead = rgb(0x7A2BA8), t.no_data = rgb(0xD9DEE4), t.surprise = rgb(0x7A55E0);
  t.soft = 0.11F, t.shadow = 0.014F;
  t.runs = kLightRuns, t.experts = kExperts;
  return t;
}

ThemeTokens contrast_tokens() {
  ThemeTokens t;
  t.kind = ThemeKind::kContrast;
  t.bg0 = rgb(0x000000), t.bg1 = rgb(0x000000), t.bg2 = rgb(0x0A0A0A), t.bg3 = rgb(0x000000);
  t.popup = rgb(0x0A0A0A), t.chip = rgb(0x000000);
  t.hover = rgb(0x262626), t.active = rgb(0x3A3A3A);
  t.line = rgb(0x8C8C8C), t.line2 = rgb(0xBDBDBD);
  t.text1 = rgb(0xFFFFFF), t.text2 = rgb(0xEDEDED), t.text3 = rgb(0xC9C9C9);
  t.accent = rgb(0x7CC4FF), t.link = rgb(0x7CC4FF);
  t.primary = rgb(0x7CC4FF), t.primary_text = rgb(0x000000);
  t.selection = with_alpha(t.accent, 0.25F);
  t.ok = rgb(0x5CFFA0), t.attention = rgb(0xFFD23F), t.failure = rgb(0xFF8080);
  t.dead = rgb(0xFF6BF0), t.no_data = rgb(0x4D4D4D), t.surprise = rgb(0xB9A3FF);
  t.soft = 0.16F, t.shadow = 0.055F;
  t.runs = kDarkRuns, t.experts = kExperts;
  return t;
}

}  // namespace

Color mix(Color a, Color b, float t) {
  const float u = std::clamp(t, 0.0F, 1.0F);
  Color out = 0;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    const auto x = static_cast<float>((a >> shift) & 0xFFU);
    const auto y = static_cast<float>((b >> shift) & 0xFFU);
    out |= static_cast<Color>(x + (y - x) * u + 0.5F) << shift;
  }
  return out;
}

Color over(Color top, Color bottom) {
  return mix(bottom | 0xFF000000U, top | 0xFF000000U, static_cast<float>(alpha(top)) / 255.0F);
}

double contrast_ratio(Color a, Color b) {
  const double la = luminance(a), lb = luminance(b);
  return (std::max(la, lb) + 0.05) / (std::min(la, lb) + 0.05);
}

double delta_e(Color a, Color b) {
  const Lab x = lab_from_color(a), y = lab_from_color(b);
  return std::sqrt((x.l - y.l) * (x.l - y.l) + (x.a - y.a) * (x.a - y.a) +
                   (x.b - y.b) * (x.b - y.b));
}

Color simulate(Color c, Vision vision) {
  using Matrix = std::array<double, 9>;
  static constexpr Matrix kProtan = {
      0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998};
  static constexpr Matrix kDeutan = {
      0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881};
  static constexpr Matrix kTritanWarm = {
      1.01277, 0.13548, -0.14826, -0.01243, 0.86812, 0.14431, 0.07589, 0.80500, 0.11911};
  static constexpr Matrix kTritanCold = {
      0.93678, 0.18979, -0.12657, 0.06154, 0.81526, 0.12320, -0.37562, 1.12767, 0.24796};
  if (vision == Vision::kNormal) return c;
  const Linear v = linear(c);
  const bool is_warm = 0.03901 * v.r - 0.02788 * v.g - 0.01113 * v.b >= 0.0;
  const Matrix& tritan = is_warm ? kTritanWarm : kTritanCold;
  const Matrix& m =
      vision == Vision::kProtan ? kProtan : (vision == Vision::kDeutan ? kDeutan : tritan);
  const unsigned r = srgb_from_linear(m[0] * v.r + m[1] * v.g + m[2] * v.b);
  const unsigned g = srgb_from_linear(m[3] * v.r + m[4] * v.g + m[5] * v.b);
  const unsigned b = srgb_from_linear(m[6] * v.r + m[7] * v.g + m[8] * v.b);
  return (c & 0xFF000000U) | (b << 16) | (g << 8) | r;
}

Color readable_on(Color background) {
  const Color black = rgb(0x000000), white = rgb(0xFFFFFF);
  return contrast_ratio(background, black) >= contrast_ratio(background, white) ? black : white;
}

std::string_view theme_name(ThemeKind kind) {
  switch (kind) {
    case ThemeKind::kLight:
      return "light";
    case ThemeKind::kContrast:
      return "contrast";
    case ThemeKind::kDark:
      break;
  }
  return "dark";
}

ThemeKind theme_from_name(std::string_view name) {
  if (name == "light") return ThemeKind::kLight;
  if (name == "contrast") return ThemeKind::kContrast;
  return ThemeKind::kDark;
}

ThemeKind next_theme(ThemeKind kind) {
  return static_cast<ThemeKind>((static_cast<int>(kind) + 1) % 3);
}

const ThemeTokens& theme_tokens(ThemeKind kind) {
  static const std::array<ThemeTokens, 3> kAll = {dark_tokens(), light_tokens(), contrast_tokens()};
  return kAll[static_cast<std::size_t>(kind)];
}

}  // namespace switchyard::ui
