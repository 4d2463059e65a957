#include "ui/shell/png.h"

#include <algorithm>
#include <array>

namespace switchyard::ui {
namespace {

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t n = 0; n < 256; ++n) {
    std::uint32_t c = n;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1U) != 0 ? 0xEDB88320U ^ (c >> 1) : c >> 1;
    table[n] = c;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kCrcTable = make_crc_table();

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t c = 0xFFFFFFFFU;
  for (const char b : bytes) c = kCrcTable[(c ^ static_cast<std::uint8_t>(b)) & 0xFFU] ^ (c >> 8);
  return c ^ 0xFFFFFFFFU;
}

std::uint32_t adler32(std::string_view bytes) {
  std::uint32_t a = 1, b = 0;
  for (const char byte : bytes) {
    a = (a + static_cast<std::uint8_t>(byte)) % 65521U;
    b = (b + a) % 65521U;
  }
  return (b << 16) | a;
}

void put_be32(std::string& out, std::uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>((v >> shift) & 0xFFU));
}

void put_chunk(std::string& out, std::string_view type, std::string_view body) {
  put_be32(out, static_cast<std::uint32_t>(body.size()));
  const std::string typed = std::string(type) + std::string(body);
  out += typed;
  put_be32(out, crc32(typed));
}

std::string stored_zlib(std::string_view raw) {
  std::string out("\x78\x01", 2);
  std::size_t at = 0;
  do {
    const std::size_t length = std::min<std::size_t>(65535, raw.size() - at);
    out.push_back(at + length == raw.size() ? '\x01' : '\x00');
    const auto n = static_cast<std::uint16_t>(length);
    const auto inverse = static_cast<std::uint16_t>(~n);
    for (const std::uint16_t v : {n, inverse}) {
      out.push_back(static_cast<char>(v & 0xFFU));
      out.push_back(static_cast<char>(v >> 8));
    }
    out += raw.substr(at, length);
    at += length;
  } while (at < raw.size());
  put_be32(out, adler32(raw));
  return out;
}

}  // namespace

std::string png_from_rgba(std::span<const std::uint8_t> pixels, int width, int height) {
  const auto row_bytes = static_cast<std::size_t>(width) * 4;
  std::string raw;
  raw.reserve((row_bytes + 1) * static_cast<std::size_t>(height));
  for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y) {
    raw.push_back('\0');
    for (std::size_t x = 0; x < row_bytes; ++x) {
      raw.push_back(static_cast<char>(pixels[y * row_bytes + x]));
    }
  }
  std::string out("\x89PNG\r\n\x1A\n", 8);
  std::string header;
  put_be32(header, static_cast<std::uint32_t>(width));
  put_be32(header, static_cast<std::uint32_t>(height));
  header += std::string("\x08\x06\x00\x00\x00", 5);  // 8 bits, RGBA, no interlace
  put_chunk(out, "IHDR", header);
  put_chunk(out, "IDAT", stored_zlib(raw));
  put_chunk(out, "IEND", "");
  return out;
}

}  // namespace switchyard::ui
