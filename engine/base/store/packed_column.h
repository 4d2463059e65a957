#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/result.h"

namespace switchyard::store {

/// One column of a chunk of samples in few bytes, every bit kept, each element read in place.
///
/// Math:   element i = ((base + i · slope + rest[i]) mod 2^64) << shift, rest in `width` bytes. An
///         arithmetic progression has width 0, anything at all fits width 8. Reals are taken as
///         whole numbers, as whole millionths, or as their bits, whichever is shortest.
/// Limits: at most 2^20 elements.
/// Errors: from_bytes: kInputFile for bytes that no column writes.
/// Threads: immutable.
class PackedColumn {
 public:
  PackedColumn() = default;
  static PackedColumn of_integers(std::span<const std::int64_t> values);
  static PackedColumn of_reals(std::span<const double> values);

  [[nodiscard]] std::size_t size() const { return size_; }

  [[nodiscard]] std::int64_t integer(std::size_t i) const {
    return static_cast<std::int64_t>(word(i));
  }

  [[nodiscard]] double real(std::size_t i) const { return real_of(word(i)); }

  /// Elements [first, first + out.size()).
  void read(std::size_t first, std::span<std::int64_t> out) const;
  void read(std::size_t first, std::span<double> out) const;

  /// Little-endian: form, shift, width, 0, base, slope, then size() · width bytes.
  void append_to(std::string& bytes) const;
  /// Reads a column of `size` elements from the front of `bytes` and cuts it off.
  static Result<PackedColumn> from_bytes(std::string_view& bytes, std::size_t size);

  [[nodiscard]] std::size_t memory_bytes() const { return sizeof *this + rest_.capacity(); }

  friend bool operator==(const PackedColumn&, const PackedColumn&) = default;

 private:
  static constexpr double kMillion = 1e6;

  enum class Form : std::uint8_t { kInteger, kWhole, kMillionths, kBits };

  static PackedColumn of_words(std::span<const std::uint64_t> words, Form form);

  [[nodiscard]] std::uint64_t rest(std::size_t i) const {
    if (width_ == 0) return 0;
    std::uint64_t eight = 0;
    std::memcpy(&eight, rest_.data() + i * width_, sizeof eight);
    return eight & (~std::uint64_t{0} >> (64U - 8U * width_));
  }

  [[nodiscard]] double real_of(std::uint64_t word) const {
    if (form_ == Form::kBits) return std::bit_cast<double>(word);
    const auto whole = static_cast<double>(static_cast<std::int64_t>(word));
    return form_ == Form::kMillionths ? whole / kMillion : whole;
  }

  [[nodiscard]] std::uint64_t word(std::size_t i) const {
    return (base_ + static_cast<std::uint64_t>(i) * slope_ + rest(i)) << shift_;
  }

  Form form_ = Form::kInteger;
  std::uint8_t shift_ = 0;
  std::uint8_t width_ = 0;
  std::uint32_t size_ = 0;
  std::uint64_t base_ = 0;
  std::uint64_t slope_ = 0;
  std::vector<char> rest_;  ///< and seven bytes more, so that eight can be read anywhere
};

/// A chunk of scalar samples of one metric, in the order of their sequence.
struct PackedSamples {
  PackedColumn sequence, step, tokens, seconds, flops, value;

  [[nodiscard]] std::size_t size() const { return value.size(); }
};

}  // namespace switchyard::store
