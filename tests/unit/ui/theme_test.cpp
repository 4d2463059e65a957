// Colours that can be read and told apart, numbers as people write them, pictures that open.
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ui/plot/palette.h"
#include "ui/plot/ticks.h"
#include "ui/shell/png.h"
#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {
namespace {

constexpr std::array kThemes = {ThemeKind::kDark, ThemeKind::kLight, ThemeKind::kContrast};
constexpr const char* kThin = "\xE2\x80\x89";

TEST(Theme, TextReadsOnEverySurface) {
  for (const ThemeKind kind : kThemes) {
    const ThemeTokens& t = theme_tokens(kind);
    for (const Color surface : {t.bg0, t.bg1, t.bg2, t.bg3, t.popup}) {
      for (const Color ink : {t.text1, t.text2, t.text3, t.link}) {
        EXPECT_GE(contrast_ratio(ink, surface), 4.5)
            << theme_name(kind) << " text " << std::hex << ink << " on " << surface;
      }
      for (const Color ink : {t.ok, t.attention, t.failure}) {
        EXPECT_GE(contrast_ratio(ink, surface), 4.5)
            << theme_name(kind) << " status " << std::hex << ink << " on " << surface;
      }
    }
    for (const Color surface : {t.hover, t.active}) {  // text3 becomes text2 there
      EXPECT_GE(contrast_ratio(t.text2, surface), 4.5) << theme_name(kind);
    }
    EXPECT_GE(contrast_ratio(t.primary_text, t.primary), 4.5) << theme_name(kind);
    EXPECT_GE(contrast_ratio(t.text1, over(t.selection, t.bg1)), 4.5) << theme_name(kind);
  }
}

/// Least distance asked of two run colours. Tritan vision on light surfaces is the weak spot of the
/// palette (blue and teal): there names beside the lines carry the difference.
double least_distance(ThemeKind kind, Vision vision) {
  if (vision != Vision::kTritan) return 19.0;
  return kind == ThemeKind::kLight ? 10.0 : 18.0;
}

TEST(Theme, RunColoursDifferForEveryEye) {
  for (const ThemeKind kind : kThemes) {
    const ThemeTokens& t = theme_tokens(kind);
    for (const Vision vision :
         {Vision::kNormal, Vision::kProtan, Vision::kDeutan, Vision::kTritan}) {
      for (std::size_t a = 0; a < t.runs.size(); ++a) {
        for (std::size_t b = a + 1; b < t.runs.size(); ++b) {
          EXPECT_GE(delta_e(simulate(t.runs[a], vision), simulate(t.runs[b], vision)),
                    least_distance(kind, vision))
              << theme_name(kind) << " runs " << a + 1 << " and " << b + 1 << " vision "
              << static_cast<int>(vision);
        }
      }
    }
  }
}

TEST(Theme, ExpertColoursDiffer) {
  const ThemeTokens& t = theme_tokens(ThemeKind::kDark);
  for (std::size_t a = 0; a < t.experts.size(); ++a) {
    for (std::size_t b = a + 1; b < t.experts.size(); ++b)
      EXPECT_GE(delta_e(t.experts[a], t.experts[b]), 10.0) << a << " " << b;
  }
}

TEST(Theme, NamesRoundTrip) {
  for (const ThemeKind kind : kThemes) EXPECT_EQ(theme_from_name(theme_name(kind)), kind);
  EXPECT_EQ(theme_from_name("no such theme"), ThemeKind::kDark);
}

TEST(Palette, RunsFromFirstToLastStop) {
  EXPECT_EQ(color_table(Palette::kViridis, ThemeKind::kDark).front(), rgb(0x440154));
  EXPECT_EQ(color_table(Palette::kViridis, ThemeKind::kDark).back(), rgb(0xFDE725));
  EXPECT_EQ(palette_color(color_table(Palette::kMagma, ThemeKind::kDark), 2.0F), rgb(0xFCFDBF));
}

TEST(Palette, HealthyEndLiesNearTheBackground) {
  for (const ThemeKind kind : {ThemeKind::kDark, ThemeKind::kLight}) {
    const ThemeTokens& t = theme_tokens(kind);
    const ColorTable& entropy = color_table(Palette::kEntropy, kind);
    EXPECT_LT(delta_e(entropy.back(), t.bg1), delta_e(entropy.front(), t.bg1)) << theme_name(kind);
    EXPECT_LT(delta_e(color_table(Palette::kDiverging, kind)[128], t.bg1), 10.0)
        << theme_name(kind);
  }
}

TEST(Ticks, AreRoundAndFew) {
  for (const double high : {0.37, 1.0, 4.6, 97.0, 2000.0, 404e6}) {
    for (const int limit : {3, 4, 6}) {
      const std::vector<Tick> ticks = linear_ticks(0.0, high, limit);
      EXPECT_LE(static_cast<int>(ticks.size()), limit);
      EXPECT_GE(ticks.size(), 2U) << high << " " << limit;
      for (const Tick& tick : ticks) EXPECT_LE(tick.value, high * (1 + 1e-9));
    }
  }
  EXPECT_TRUE(linear_ticks(1.0, 1.0, 5).empty());
  EXPECT_TRUE(linear_ticks(0.0, HUGE_VAL, 5).empty());
}

TEST(Ticks, ShareTheirDecimals) {
  const std::vector<Tick> ticks = linear_ticks(3.0, 6.0, 6);
  ASSERT_EQ(ticks.size(), 4U);
  EXPECT_EQ(ticks[0].label, "3");
  EXPECT_EQ(linear_ticks(3.0, 4.9, 5)[1].label, "3.5");
  EXPECT_EQ(linear_ticks(0.0, 400e6, 5).back().label, std::string("400") + kThin + "M");
  EXPECT_EQ(linear_ticks(0.0, 2000.0, 5).back().label, "2,000");
}

TEST(Ticks, CoverLogAxes) {
  const std::vector<Tick> ticks = log_ticks(0.5, 5000.0, 6);
  EXPECT_GE(ticks.size(), 2U);
  EXPECT_LE(ticks.size(), 6U);
  EXPECT_TRUE(log_ticks(0.0, 5.0, 5).empty());
}

TEST(Numbers, ReadAsPeopleWriteThem) {
  EXPECT_EQ(short_number(182'345.0), std::string("182") + kThin + "k");
  EXPECT_EQ(short_number(3.214, 4), "3.214");
  EXPECT_EQ(short_number(64.0), "64");
  EXPECT_EQ(short_number(-0.00021, 2),
            "\xE2\x88\x92"
            "2.1e-4");
  EXPECT_EQ(grouped_number(12340), "12,340");
  EXPECT_EQ(grouped_number(-1234567),
            "\xE2\x88\x92"
            "1,234,567");
  EXPECT_EQ(plain_number(HUGE_VAL), "\xE2\x80\x93");
  EXPECT_EQ(plain_number(0.0), "0");
  EXPECT_EQ(duration_text(45.2), std::string("45") + kThin + "s");
  EXPECT_EQ(duration_text(6720.0), std::string("1") + kThin + "h" + kThin + "52");
  EXPECT_EQ(bytes_text(310e6), std::string("310") + kThin + "MB");
  EXPECT_EQ(bytes_text(17.9e9), std::string("17.9") + kThin + "GB");
}

TEST(Png, HasTheFormOfTheStandard) {
  constexpr int kWidth = 300, kHeight = 100;  // more than one stored block
  std::vector<std::uint8_t> pixels(std::size_t{kWidth} * kHeight * 4);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 7);
  const std::string png = png_from_rgba(pixels, kWidth, kHeight);
  EXPECT_EQ(png.substr(0, 8), std::string("\x89PNG\r\n\x1A\n", 8));
  EXPECT_EQ(png.substr(12, 4), "IHDR");
  // The checksum of an empty IEND chunk is a constant of the standard.
  EXPECT_EQ(png.substr(png.size() - 8), std::string("IEND\xAE\x42\x60\x82", 8));
  const std::size_t raw = (std::size_t{kWidth} * 4 + 1) * kHeight;
  const std::size_t blocks = (raw + 65534) / 65535;
  EXPECT_EQ(png.size(), 8 + 25 + 12 + 2 + blocks * 5 + raw + 4 + 12);
}

}  // namespace
}  // namespace switchyard::ui
