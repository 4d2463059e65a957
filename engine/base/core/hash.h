#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard {

/// Extends a CRC32C over further bytes; start with `crc` = 0.
///
/// Math:   polynomial 0x1EDC6F41 (Castagnoli), reflected, initial value and final xor 0xFFFFFFFF;
///         crc32c("123456789") = 0xE3069283. crc32c(b, crc32c(a)) = crc32c(ab).
/// Determinism: the SSE4.2 and the portable path give the same bits.
/// Source: RFC 3720, appendix B.4.
std::uint32_t crc32c(const void* data, std::size_t bytes, std::uint32_t crc = 0);

inline std::uint32_t crc32c(std::string_view text, std::uint32_t crc = 0) {
  return crc32c(text.data(), text.size(), crc);
}

/// The table-driven path, for machines without SSE4.2 and for tests.
std::uint32_t crc32c_portable(const void* data, std::size_t bytes, std::uint32_t crc = 0);

/// Eight lower-case hexadecimal digits, as checksums are written in manifests.
std::string hex_from_crc(std::uint32_t crc);

}  // namespace switchyard
