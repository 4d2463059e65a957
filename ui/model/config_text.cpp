#include "ui/model/config_text.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "engine/base/core/text.h"

namespace switchyard::ui {
namespace {

std::string number_text(double value) {
  if (value != 0.0 && (std::abs(value) < 1e-2 || std::abs(value) >= 1e7)) {
    std::string text = short_number(value);
    // 0.001 reads better as 1e-3.
    std::array<char, 32> buffer{};
    const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-12));
    const double mantissa = value / std::pow(10.0, exponent);
    std::snprintf(buffer.data(), buffer.size(), "%.6ge%d", mantissa, exponent);
    return std::string(buffer.data()).size() <= text.size() + 1 ? std::string(buffer.data()) : text;
  }
  return short_number(value);
}

}  // namespace

std::string config_value_text(const Json& value) {
  if (value.is_bool()) return value.as_bool() ? "on" : "off";
  if (value.is_integer()) return grouped(value.as_integer());
  if (value.is_number()) return number_text(value.as_number());
  if (value.is_string()) return value.as_string().empty() ? "–" : value.as_string();
  return value.is_null() ? "–" : value.dump();
}

}  // namespace switchyard::ui
