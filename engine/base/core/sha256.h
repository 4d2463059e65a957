#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard {

/// Computes SHA-256 over bytes that arrive in pieces.
///
/// Source: FIPS 180-4, sections 5.1.1, 5.3.3 and 6.2.
class Sha256 {
 public:
  Sha256();
  void add(const void* data, std::size_t bytes);

  void add(std::string_view text) { add(text.data(), text.size()); }

  /// Sixty-four lower-case hexadecimal digits; the object is used up afterwards.
  std::string hex_digest();

 private:
  void compress(const unsigned char* block);
  std::array<std::uint32_t, 8> state_{};
  std::array<unsigned char, 64> block_{};
  std::size_t block_bytes_ = 0;
  std::uint64_t total_bytes_ = 0;
};

/// The digest of one text.
std::string sha256_hex(std::string_view text);

}  // namespace switchyard
