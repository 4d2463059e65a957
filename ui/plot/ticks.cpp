#include "ui/plot/ticks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace switchyard::ui {
namespace {

constexpr const char* kThinSpace = "\xE2\x80\x89";
constexpr const char* kMinus = "\xE2\x88\x92";
constexpr const char* kDash = "\xE2\x80\x93";

std::string signed_text(bool is_negative, const std::string& magnitude) {
  std::string text = is_negative ? kMinus : "";
  text += magnitude;
  return text;
}

std::string fixed(double value, int decimals) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, std::abs(value));
  const std::string digits = buffer.data();
  const bool is_zero = digits.find_first_not_of("0.") == std::string::npos;
  return signed_text(value < 0.0 && !is_zero, digits);
}

/// 2.4e-4: no zeros in the exponent, no padding.
std::string scientific(double value, int digits) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*e", std::max(0, digits - 1), std::abs(value));
  std::string text = buffer.data();
  const std::size_t e = text.find('e');
  if (e == std::string::npos) return text;
  std::string mantissa = text.substr(0, e);
  if (mantissa.find('.') != std::string::npos) {
    mantissa.erase(mantissa.find_last_not_of('0') + 1);
    if (mantissa.back() == '.') mantissa.pop_back();
  }
  const int exponent = std::atoi(text.c_str() + e + 1);
  mantissa += 'e';
  mantissa += std::to_string(exponent);
  return signed_text(value < 0.0, mantissa);
}

int decimals_of(double step) {
  for (int decimals = 0; decimals < 9; ++decimals) {
    const double scaled = step * std::pow(10.0, decimals);
    if (std::abs(scaled - std::round(scaled)) < 1e-6 * std::max(1.0, scaled)) return decimals;
  }
  return 9;
}

double round_step(double range, int max_count) {
  const double raw = range / std::max(1, max_count);
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0, 10.0}) {
    if (raw <= factor * power * (1.0 + 1e-9)) return factor * power;
  }
  return 10.0 * power;
}

struct Suffix {
  double scale;
  const char* letter;
};

Suffix suffix_for(double magnitude) {
  if (magnitude >= 1e18) return {1e18, "E"};
  if (magnitude >= 1e15) return {1e15, "P"};
  if (magnitude >= 1e12) return {1e12, "T"};
  if (magnitude >= 1e9) return {1e9, "G"};
  if (magnitude >= 1e6) return {1e6, "M"};
  if (magnitude >= 1e3) return {1e3, "k"};
  return {1.0, ""};
}

std::string tick_label(double value, double step, double magnitude) {
  if (value == 0.0) return magnitude < 1e3 ? fixed(0.0, decimals_of(step)) : "0";
  if (magnitude < 1e-3) return scientific(value, 3);
  const Suffix suffix = suffix_for(magnitude >= 1e4 ? magnitude : 1.0);
  if (suffix.scale == 1.0 && std::abs(value) >= 1e3 && decimals_of(step) == 0) {
    return grouped_number(std::llround(value));
  }
  std::string label = fixed(value / suffix.scale, decimals_of(step / suffix.scale));
  if (*suffix.letter != '\0') label += std::string(kThinSpace) + suffix.letter;
  return label;
}

std::vector<Tick> ticks_with_step(double min, double max, double step) {
  std::vector<Tick> ticks;
  const double magnitude = std::max(std::abs(min), std::abs(max));
  const double first = std::ceil(min / step - 1e-9);
  for (double i = first; i * step <= max + step * 1e-9 && ticks.size() < 64; i += 1.0) {
    ticks.push_back({i * step, tick_label(i * step, step, magnitude)});
  }
  return ticks;
}

bool is_usable(double min, double max) {
  return std::isfinite(min) && std::isfinite(max) && max > min;
}

}  // namespace

std::vector<Tick> linear_ticks(double min, double max, int max_count) {
  if (!is_usable(min, max) || max_count < 1) return {};
  double step = round_step(max - min, max_count);
  std::vector<Tick> ticks = ticks_with_step(min, max, step);
  while (static_cast<int>(ticks.size()) > max_count) {
    step = round_step(step * max_count * 1.01, max_count);
    ticks = ticks_with_step(min, max, step);
  }
  return ticks;
}

std::vector<Tick> log_ticks(double min, double max, int max_count) {
  if (!is_usable(min, max) || min <= 0.0) return {};
  static constexpr std::array<std::array<double, 3>, 3> kSets = {
      {{1.0, 2.0, 5.0}, {1.0, 3.0, 0.0}, {1.0, 0.0, 0.0}}};
  for (const auto& set : kSets) {
    std::vector<Tick> ticks;
    for (double e = std::floor(std::log10(min)); e <= std::ceil(std::log10(max)); e += 1.0) {
      for (const double factor : set) {
        const double value = factor * std::pow(10.0, e);
        if (factor > 0.0 && value >= min * (1 - 1e-9) && value <= max * (1 + 1e-9)) {
          ticks.push_back(
              {value,
               value >= 1e6 || value < 1e-3 ? scientific(value, 2) : short_number(value, 2)});
        }
      }
    }
    if (static_cast<int>(ticks.size()) <= max_count) {
      return ticks.size() >= 2 ? ticks : linear_ticks(min, max, max_count);
    }
  }
  std::vector<Tick> ticks;
  const double decades = std::log10(max / min);
  const double stride = std::ceil(decades / std::max(1, max_count));
  for (double e = std::ceil(std::log10(min)); e <= std::log10(max) + 1e-9; e += stride) {
    ticks.push_back({std::pow(10.0, e), scientific(std::pow(10.0, e), 1)});
  }
  return ticks;
}

std::vector<Tick> duration_ticks(double min, double max, int max_count) {
  if (!is_usable(min, max)) return {};
  static constexpr std::array kSteps = {1.0,
                                        2.0,
                                        5.0,
                                        10.0,
                                        15.0,
                                        30.0,
                                        60.0,
                                        120.0,
                                        300.0,
                                        600.0,
                                        900.0,
                                        1800.0,
                                        3600.0,
                                        7200.0,
                                        14400.0,
                                        21600.0,
                                        43200.0,
                                        86400.0};
  if (max - min < max_count) {
    std::vector<Tick> ticks = linear_ticks(min, max, max_count);
    for (Tick& tick : ticks) tick.label += std::string(kThinSpace) + "s";
    return ticks;
  }
  double step = 86400.0 * std::ceil((max - min) / 86400.0 / max_count);
  for (const double candidate : kSteps) {
    if ((max - min) / candidate <= max_count) {
      step = candidate;
      break;
    }
  }
  std::vector<Tick> ticks;
  for (double t = std::ceil(min / step) * step; t <= max; t += step) {
    const auto seconds = std::llround(t);
    std::string label = "0";
    if (seconds != 0 && step < 60.0 && seconds < 60) {
      label = std::to_string(seconds) + kThinSpace + "s";
    } else if (seconds != 0) {
      label = duration_text(t);
    }
    ticks.push_back({t, label});
  }
  return ticks;
}

std::string short_number(double value, int digits) {
  if (!std::isfinite(value)) return kDash;
  const double magnitude = std::abs(value);
  if (magnitude != 0.0 && magnitude < 1e-3) return scientific(value, std::min(digits, 3));
  const Suffix suffix = suffix_for(magnitude);
  const double scaled = magnitude / suffix.scale;
  const int whole = scaled >= 100.0 ? 3 : (scaled >= 10.0 ? 2 : 1);
  std::string text = fixed(value / suffix.scale, std::max(0, digits - whole));
  if (text.find('.') != std::string::npos && suffix.scale == 1.0 && value == std::round(value)) {
    text.erase(text.find('.'));
  }
  if (*suffix.letter != '\0') text += std::string(kThinSpace) + suffix.letter;
  return text;
}

std::string grouped_number(long long value) {
  std::string digits = std::to_string(value < 0 ? -value : value);
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3) {
    digits.insert(static_cast<std::size_t>(i), ",");
  }
  return signed_text(value < 0, digits);
}

std::string plain_number(double value, int digits) {
  if (!std::isfinite(value)) return kDash;
  const double magnitude = std::abs(value);
  if (magnitude == 0.0) return "0";
  if (magnitude < 1e-3 || magnitude >= 1e7) return scientific(value, std::min(digits, 3));
  const int whole = static_cast<int>(std::floor(std::log10(magnitude))) + 1;
  return fixed(value, std::clamp(digits - whole, 0, 9));
}

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0.0) return kDash;
  const auto total = std::llround(seconds);
  const long long hours = total / 3600, minutes = total / 60 % 60, rest = total % 60;
  const std::string space = kThinSpace;
  if (total < 60) return std::to_string(total) + space + "s";
  if (hours == 0) {
    std::string text = std::to_string(minutes) + space + "min";
    if (rest != 0 && minutes < 10) text += " " + std::to_string(rest) + space + "s";
    return text;
  }
  if (hours >= 48)
    return std::to_string(hours / 24) + space + "d " + std::to_string(hours % 24) + space + "h";
  std::array<char, 8> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%02lld", minutes);
  return std::to_string(hours) + space + "h" + space + buffer.data();
}

namespace {

bool has_binary_bytes = false;

}  // namespace

void use_binary_bytes(bool is_binary) {
  has_binary_bytes = is_binary;
}

std::string bytes_text(double bytes) {
  if (!std::isfinite(bytes) || bytes < 0.0) return kDash;
  static constexpr std::array<const char*, 6> kUnits = {"B", "kB", "MB", "GB", "TB", "PB"};
  std::size_t unit = 0;
  static constexpr std::array<const char*, 6> kBinary = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  const double step = has_binary_bytes ? 1024.0 : 1000.0;
  while (bytes >= step - 0.5 && unit + 1 < kUnits.size()) bytes /= step, ++unit;
  const int decimals = unit == 0 || bytes >= 99.95 ? 0 : 1;
  return fixed(bytes, decimals) + kThinSpace + (has_binary_bytes ? kBinary : kUnits)[unit];
}

}  // namespace switchyard::ui
