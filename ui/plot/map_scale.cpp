#include "ui/plot/map_scale.h"

#include "ui/plot/ticks.h"

namespace switchyard::ui {
namespace {

constexpr double kLeast = 1e-6;
constexpr double kMost = 1e6;
constexpr double kLeastReach = 0.1;  ///< a factor of 1.07: an even layer shows as even

/// Two digits, "8" rather than "8.0".
std::string short_text(double factor) {
  std::string text = plain_number(factor, 2);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string times(double factor) {
  return short_text(factor) + "\xC3\x97";
}

std::string part(double factor) {
  return factor >= 1.0 ? times(factor) : "1/" + short_text(1.0 / factor);
}

}  // namespace

MapScale ratio_scale(double reach_log2) {
  MapScale scale;
  scale.palette = Palette::kDiverging;
  scale.low = -reach_log2;
  scale.high = reach_log2;
  scale.is_log2 = true;
  scale.low_label = part(std::exp2(-reach_log2));
  scale.high_label = times(std::exp2(reach_log2));
  return scale;
}

MapScale fair_share_scale() {
  MapScale scale = ratio_scale(3.0);
  scale.is_zero_dead = true;
  scale.low_label = "1/8";
  scale.middle_label = "fair";
  scale.high_label = "8\xC3\x97";
  return scale;
}

MapScale entropy_scale(double low) {
  MapScale scale;
  scale.palette = Palette::kEntropy;
  scale.low = low;
  scale.high = 1.0;
  scale.low_label = plain_number(low, 2);
  scale.high_label = "1";
  return scale;
}

std::vector<float> scale_histogram(std::span<const float> values, const MapScale& scale) {
  std::vector<float> bins(32, 0.0F);
  float highest = 0.0F;
  for (const float value : values) {
    if (!std::isfinite(value) || scale.is_dead(static_cast<double>(value))) continue;
    const float place = scale.place(static_cast<double>(value));
    float& bin = bins[std::min<std::size_t>(31, static_cast<std::size_t>(place * 32.0F))];
    highest = std::max(highest, ++bin);
  }
  for (float& bin : bins) bin = highest > 0.0F ? bin / highest : 0.0F;
  return bins;
}

void LoadColors::set_low(double low) {
  Range& range = ranges[static_cast<std::size_t>(kind)];
  if (!std::isfinite(low)) return;
  if (kind == Kind::kRelative) {
    set_high(1.0 / std::clamp(low, kLeast, kMost));
    return;
  }
  const double least = kind == Kind::kLinear ? 0.0 : kLeast;
  range.low = std::clamp(low, least, kMost * 0.5);
  range.high = std::max(range.high, range.low * 1.1 + kLeast);
}

void LoadColors::set_high(double high) {
  Range& range = ranges[static_cast<std::size_t>(kind)];
  if (!std::isfinite(high)) return;
  if (kind == Kind::kRelative) {
    range.high = std::clamp(high, std::exp2(kLeastReach), kMost);
    range.low = 1.0 / range.high;
    return;
  }
  range.high = std::clamp(high, 2.0 * kLeast, kMost);
  range.low = std::min(range.low, range.high / 1.1);
}

MapScale load_scale(const LoadColors& colors, std::span<const float> loads) {
  using Kind = LoadColors::Kind;
  LoadColors::Range range = colors.range();
  if (!colors.is_fixed) {
    double low = kMost, high = 0.0;
    for (const float load : loads) {
      if (!(load > 0.0F) || !std::isfinite(load)) continue;
      low = std::min(low, static_cast<double>(load));
      high = std::max(high, static_cast<double>(load));
    }
    if (high > 0.0) range = {low, std::max(high, low * 1.01)};
    if (colors.kind == Kind::kLinear) range.low = 0.0;
  }
  if (colors.kind == Kind::kRelative) {
    const double reach =
        std::max({kLeastReach, std::abs(std::log2(range.low)), std::abs(std::log2(range.high))});
    MapScale scale = ratio_scale(reach);
    scale.is_zero_dead = true;
    scale.middle_label = "fair";
    return scale;
  }
  MapScale scale;
  scale.palette = colors.palette;
  scale.is_zero_dead = true;
  scale.is_log2 = colors.kind == Kind::kLog;
  scale.low = scale.is_log2 ? std::log2(range.low) : range.low;
  scale.high = scale.is_log2 ? std::log2(range.high) : range.high;
  scale.low_label = scale.is_log2 ? part(range.low) : times(range.low);
  scale.high_label = times(range.high);
  return scale;
}

}  // namespace switchyard::ui
