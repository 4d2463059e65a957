#include "engine/base/core/text.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace switchyard {
namespace {

unsigned byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

bool is_continuation(std::string_view text, std::size_t i) {
  return i < text.size() && (byte_at(text, i) & 0xC0U) == 0x80U;
}

}  // namespace

CodePoint code_point_at(std::string_view text, std::size_t position) {
  if (position >= text.size()) return {};
  const unsigned first = byte_at(text, position);
  if (first < 0x80U) return {static_cast<char32_t>(first), 1};
  std::size_t length = 0;
  unsigned value = 0;
  unsigned smallest = 0;
  if ((first & 0xE0U) == 0xC0U) {
    length = 2;
    value = first & 0x1FU;
    smallest = 0x80U;
  } else if ((first & 0xF0U) == 0xE0U) {
    length = 3;
    value = first & 0x0FU;
    smallest = 0x800U;
  } else if ((first & 0xF8U) == 0xF0U) {
    length = 4;
    value = first & 0x07U;
    smallest = 0x10000U;
  } else {
    return {};
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text, position + i)) return {};
    value = (value << 6U) | (byte_at(text, position + i) & 0x3FU);
  }
  const bool is_surrogate = value >= 0xD800U && value <= 0xDFFFU;
  if (value < smallest || value > 0x10FFFFU || is_surrogate) return {};
  return {static_cast<char32_t>(value), length};
}

void append_utf8(std::string& text, char32_t code_point) {
  const auto value = static_cast<unsigned>(code_point);
  const auto put = [&text](unsigned byte) { text.push_back(static_cast<char>(byte)); };
  if (value < 0x80U) {
    put(value);
  } else if (value < 0x800U) {
    put(0xC0U | (value >> 6U));
    put(0x80U | (value & 0x3FU));
  } else if (value < 0x10000U) {
    put(0xE0U | (value >> 12U));
    put(0x80U | ((value >> 6U) & 0x3FU));
    put(0x80U | (value & 0x3FU));
  } else {
    put(0xF0U | (value >> 18U));
    put(0x80U | ((value >> 12U) & 0x3FU));
    put(0x80U | ((value >> 6U) & 0x3FU));
    put(0x80U | (value & 0x3FU));
  }
}

std::size_t find_invalid_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const CodePoint point = code_point_at(text, i);
    if (point.length == 0) return i;
    i += point.length;
  }
  return std::string_view::npos;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t i = 0;
  while (i < text.size()) {
    const CodePoint point = code_point_at(text, i);
    if (point.length == 0) {
      append_utf8(out, 0xFFFD);
      ++i;
    } else {
      out.append(text, i, point.length);
      i += point.length;
    }
  }
  return out;
}

std::string describe_code_point(char32_t code_point) {
  std::array<char, 16> name{};
  std::snprintf(name.data(), name.size(), "U+%04X", static_cast<unsigned>(code_point));
  if (code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0)) return name.data();
  std::string text = "\"";
  append_utf8(text, code_point);
  return text + "\" (" + name.data() + ")";
}

std::string grouped(std::int64_t value) {
  std::string digits = std::to_string(value);
  const std::size_t first = digits[0] == '-' ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

std::string short_number(double value) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

std::string join(const std::vector<std::string>& words, std::string_view separator) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += separator;
    text += word;
  }
  return text;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string result = "\"";
  for (const char c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + "\"";
}

std::string hex(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 0x0FU]);
  }
  return text;
}

std::string local_clock_text(double wall_seconds) {
  const auto whole = static_cast<time_t>(wall_seconds);
  tm parts{};
  localtime_r(&whole, &parts);
  char text[16] = {};
  std::snprintf(text,
                sizeof text,
                "%02d:%02d:%02d",
                parts.tm_hour % 100,
                parts.tm_min % 100,
                parts.tm_sec % 100);
  return text;
}

}  // namespace switchyard
