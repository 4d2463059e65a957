#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace switchyard::ui {

/// Encodes an RGBA picture as PNG: filter 0, stored (uncompressed) deflate blocks, so the bytes are
/// the same on every machine. Shapes: pixels [height, width, 4], top row first.
std::string png_from_rgba(std::span<const std::uint8_t> pixels, int width, int height);

}  // namespace switchyard::ui
