#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

/// One step through UTF-8 text: the code point at `position` and its length in bytes.
struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;  ///< 0 when the bytes are not valid UTF-8 (overlong, surrogate, cut)
};

/// Decodes the code point that starts at `position`.
/// Source: RFC 3629, table of well-formed sequences.
CodePoint code_point_at(std::string_view text, std::size_t position);

/// Appends the UTF-8 form of a code point.
void append_utf8(std::string& text, char32_t code_point);

/// Offset of the first byte that is not part of valid UTF-8, or npos.
std::size_t find_invalid_utf8(std::string_view text);

/// The text with every byte that is not valid UTF-8 replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

/// A code point for messages: `"é" (U+00E9)`, control characters without the glyph.
std::string describe_code_point(char32_t code_point);

/// 1115394 -> "1,115,394".
std::string grouped(std::int64_t value);

/// The shortest text of a number that reads back as the same one: 0.001, 1e-08, 64.
std::string short_number(double value);

/// Joins with `separator`: {"a","b"}, ", " -> "a, b".
std::string join(const std::vector<std::string>& words, std::string_view separator);

/// A field of comma-separated text, in quotation marks where it needs them. Source: RFC 4180.
std::string csv_field(const std::string& text);

/// Lower-case hexadecimal of bytes.
std::string hex(std::string_view bytes);

/// "14:03:59", the local time of day. Units: seconds since 1970; for display only.
std::string local_clock_text(double wall_seconds);

}  // namespace switchyard
