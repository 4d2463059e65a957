#include "ui/plot/palette.h"

#include <algorithm>
#include <cstdint>
#include <span>

namespace switchyard::ui {
namespace {

constexpr std::uint32_t kViridis[] = {0x440154,
                                      0x482878,
                                      0x3E4A89,
                                      0x31688E,
                                      0x26828E,
                                      0x1F9E89,
                                      0x35B779,
                                      0x6DCD59,
                                      0xB4DE2C,
                                      0xFDE725};
constexpr std::uint32_t kCividis[] = {0x00224E,
                                      0x123570,
                                      0x3B496C,
                                      0x575D6D,
                                      0x707173,
                                      0x8A8678,
                                      0xA59C74,
                                      0xC3B369,
                                      0xE1CC55,
                                      0xFEE838};
constexpr std::uint32_t kMagma[] = {0x000004,
                                    0x180F3D,
                                    0x440F76,
                                    0x721F81,
                                    0x9E2F7F,
                                    0xCD4071,
                                    0xF1605D,
                                    0xFD9668,
                                    0xFECA8D,
                                    0xFCFDBF};
constexpr std::uint32_t kDivergingDark[] = {
    0x8FD3FF, 0x4FA3E0, 0x2A6FAE, 0x1C4468, 0x1B222B, 0x5C331E, 0xA8552A, 0xE8894A, 0xFFC79A};
constexpr std::uint32_t kDivergingLight[] = {
    0x0B4A8F, 0x2F79BC, 0x78AEDB, 0xC3DDEE, 0xF4F4F2, 0xF9D2BC, 0xEE9A73, 0xCF5A3E, 0x96201F};

ColorTable interpolate(std::span<const std::uint32_t> stops, float from = 0.0F, float to = 1.0F) {
  ColorTable table{};
  const auto last = static_cast<float>(stops.size() - 1);
  for (std::size_t i = 0; i < table.size(); ++i) {
    const float t = (from + (to - from) * static_cast<float>(i) / 255.0F) * last;
    const auto left = std::min(static_cast<std::size_t>(t), stops.size() - 2);
    table[i] = mix(rgb(stops[left]), rgb(stops[left + 1]), t - static_cast<float>(left));
  }
  return table;
}

}  // namespace

const ColorTable& color_table(Palette palette, ThemeKind theme) {
  static const ColorTable kTables[] = {interpolate(kViridis),
                                       interpolate(kViridis, 0.4F, 1.0F),
                                       interpolate(kViridis, 1.0F, 0.0F),
                                       interpolate(kCividis),
                                       interpolate(kMagma),
                                       interpolate(kDivergingDark),
                                       interpolate(kDivergingLight)};
  const bool is_light = theme == ThemeKind::kLight;
  switch (palette) {
    case Palette::kViridis:
      return kTables[0];
    case Palette::kScores:
      return kTables[1];
    case Palette::kEntropy:
      return is_light ? kTables[0] : kTables[2];
    case Palette::kDeviation:
      return is_light ? kTables[2] : kTables[0];
    case Palette::kCividis:
      return kTables[3];
    case Palette::kMagma:
      return kTables[4];
    case Palette::kDiverging:
      return is_light ? kTables[6] : kTables[5];
  }
  return kTables[0];
}

}  // namespace switchyard::ui
