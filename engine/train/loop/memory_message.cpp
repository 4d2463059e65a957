#include "engine/train/loop/memory_message.h"

#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>

namespace switchyard::train {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 5> kUnits{
    {{"bytes", 1.0}, {"KiB", 1024.0}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}}};
constexpr double kMostBytes = 0x1p60;

/// The size that begins at `at`: a number and its unit.
std::optional<std::int64_t> size_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() &&
         (std::isdigit(static_cast<unsigned char>(text[end])) != 0 || text[end] == '.')) {
    ++end;
  }
  if (end == at || end - at > 30) return std::nullopt;
  const double number = std::strtod(std::string(text.substr(at, end - at)).c_str(), nullptr);
  while (end < text.size() && text[end] == ' ') ++end;
  for (const auto& [name, factor] : kUnits) {
    if (!text.substr(end).starts_with(name)) continue;
    const double bytes = number * factor;
    if (!(bytes >= 0.0 && bytes < kMostBytes)) return std::nullopt;
    return static_cast<std::int64_t>(std::llround(bytes));
  }
  return std::nullopt;
}

std::optional<std::int64_t> size_after(std::string_view text, std::string_view words) {
  const std::size_t found = text.find(words);
  if (found == std::string_view::npos) return std::nullopt;
  return size_at(text, found + words.size());
}

}  // namespace

MemoryMessage memory_message_from(std::string_view message) {
  MemoryMessage numbers;
  numbers.needed_bytes = size_after(message, "ried to allocate ");
  if (message.find(" is free") != std::string_view::npos) {
    numbers.free_bytes = size_after(message, "of which ");
  }
  return numbers;
}

}  // namespace switchyard::train
