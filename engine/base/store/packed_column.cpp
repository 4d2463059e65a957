#include "engine/base/store/packed_column.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

namespace switchyard::store {
namespace {

static_assert(std::endian::native == std::endian::little, "columns lie as in memory");

constexpr std::size_t kWord = 8;
constexpr std::size_t kHeaderBytes = 4 + 2 * kWord;
constexpr std::size_t kMaxElements = std::size_t{1} << 20;
constexpr double kLargestWhole = 9.0e18;  ///< below 2^63

std::uint64_t load(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, kWord);
  return word;
}

std::uint8_t width_of(std::uint64_t largest) {
  return static_cast<std::uint8_t>((static_cast<unsigned>(std::bit_width(largest)) + 7U) / 8U);
}

/// The values times `unit` as integers, when dividing them again gives every bit back.
std::optional<std::vector<std::uint64_t>> scaled(std::span<const double> values, double unit) {
  std::vector<std::uint64_t> words(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double whole = std::nearbyint(values[i] * unit);
    if (!(std::abs(whole) < kLargestWhole)) return std::nullopt;
    const auto integer = static_cast<std::int64_t>(whole);
    const double back = static_cast<double>(integer) / unit;
    if (std::bit_cast<std::uint64_t>(back) != std::bit_cast<std::uint64_t>(values[i]))
      return std::nullopt;
    words[i] = static_cast<std::uint64_t>(integer);
  }
  return words;
}

Error damaged(std::string message) {
  return {ErrorCode::kInputFile, "run.db scalar_chunk", std::move(message), "", {}};
}

}  // namespace

PackedColumn PackedColumn::of_words(std::span<const std::uint64_t> words, Form form) {
  PackedColumn column;
  column.form_ = form;
  column.size_ = static_cast<std::uint32_t>(words.size());
  if (words.empty()) return column;
  std::uint64_t all = 0;
  for (const std::uint64_t w : words) all |= w;
  if (form == Form::kBits && all != 0)
    column.shift_ = static_cast<std::uint8_t>(std::countr_zero(all));
  const auto at = [&](std::size_t i) { return words[i] >> column.shift_; };
  const std::size_t n = words.size();
  if (n > 1) {
    // Any slope is right; the one through both ends leaves the least for evenly spaced columns.
    const auto rise = static_cast<std::int64_t>(at(n - 1) - at(0));
    column.slope_ = static_cast<std::uint64_t>(rise / static_cast<std::int64_t>(n - 1));
  }
  std::int64_t lowest = 0, highest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto off = static_cast<std::int64_t>(at(i) - at(0) - i * column.slope_);
    lowest = std::min(lowest, off);
    highest = std::max(highest, off);
  }
  column.base_ = at(0) + static_cast<std::uint64_t>(lowest);
  column.width_ =
      width_of(static_cast<std::uint64_t>(highest) - static_cast<std::uint64_t>(lowest));
  if (column.width_ == 0) return column;
  column.rest_.assign(n * column.width_ + kWord - 1, 0);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t rest = at(i) - column.base_ - i * column.slope_;
    std::memcpy(column.rest_.data() + i * column.width_, &rest, column.width_);
  }
  return column;
}

PackedColumn PackedColumn::of_integers(std::span<const std::int64_t> values) {
  std::vector<std::uint64_t> words(values.size());
  std::transform(values.begin(), values.end(), words.begin(), [](std::int64_t v) {
    return static_cast<std::uint64_t>(v);
  });
  return of_words(words, Form::kInteger);
}

PackedColumn PackedColumn::of_reals(std::span<const double> values) {
  std::vector<std::uint64_t> bits(values.size());
  std::transform(values.begin(), values.end(), bits.begin(), [](double v) {
    return std::bit_cast<std::uint64_t>(v);
  });
  PackedColumn best = of_words(bits, Form::kBits);
  const std::array<std::pair<Form, double>, 2> forms{
      {{Form::kWhole, 1.0}, {Form::kMillionths, kMillion}}};
  for (const auto& [form, unit] : forms) {
    if (best.width_ == 0) break;
    const auto words = scaled(values, unit);
    if (!words.has_value()) continue;
    PackedColumn column = of_words(*words, form);
    if (column.width_ < best.width_) best = std::move(column);
  }
  return best;
}

void PackedColumn::read(std::size_t first, std::span<std::int64_t> out) const {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = integer(first + i);
}

void PackedColumn::read(std::size_t first, std::span<double> out) const {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = real(first + i);
}

void PackedColumn::append_to(std::string& bytes) const {
  const std::array<char, 4> head{
      static_cast<char>(form_), static_cast<char>(shift_), static_cast<char>(width_), 0};
  bytes.append(head.data(), head.size());
  for (const std::uint64_t word : {base_, slope_}) {
    const auto raw = std::bit_cast<std::array<char, kWord>>(word);
    bytes.append(raw.data(), raw.size());
  }
  bytes.append(rest_.data(), static_cast<std::size_t>(size_) * width_);
}

Result<PackedColumn> PackedColumn::from_bytes(std::string_view& bytes, std::size_t size) {
  if (bytes.size() < kHeaderBytes || size > kMaxElements)
    return damaged("expected a column, found " + std::to_string(bytes.size()) + " bytes.");
  PackedColumn column;
  const auto form = static_cast<std::uint8_t>(bytes[0]);
  column.shift_ = static_cast<std::uint8_t>(bytes[1]);
  column.width_ = static_cast<std::uint8_t>(bytes[2]);
  if (form > static_cast<std::uint8_t>(Form::kBits) || column.shift_ > 63 ||
      column.width_ > kWord || bytes[3] != 0)
    return damaged("expected a column of a known form, found form " + std::to_string(form) + ".");
  column.form_ = static_cast<Form>(form);
  column.size_ = static_cast<std::uint32_t>(size);
  column.base_ = load(bytes.data() + 4);
  column.slope_ = load(bytes.data() + 4 + kWord);
  bytes.remove_prefix(kHeaderBytes);
  const std::size_t length = size * column.width_;
  if (bytes.size() < length)
    return damaged("expected " + std::to_string(length) + " bytes of a column, found " +
                   std::to_string(bytes.size()) + ".");
  if (length > 0) {
    column.rest_.assign(length + kWord - 1, 0);
    std::memcpy(column.rest_.data(), bytes.data(), length);
  }
  bytes.remove_prefix(length);
  return column;
}

}  // namespace switchyard::store
