#include "tests/kernels/host_array.h"

#include <cstring>

namespace switchyard::kernels {

double HostArray::operator[](std::int64_t i) const {
  std::uint32_t wide = 0;
  const char* at = bytes_.data() + static_cast<std::size_t>(i) * element_bytes(dtype_);
  if (dtype_ == Dtype::kF32) {
    std::memcpy(&wide, at, 4);
  } else {
    std::uint16_t narrow = 0;
    std::memcpy(&narrow, at, 2);
    wide = static_cast<std::uint32_t>(narrow) << 16U;
  }
  float number = 0.0F;
  std::memcpy(&number, &wide, 4);
  return static_cast<double>(number);
}

void HostArray::set(std::int64_t i, double value) {
  const auto number = static_cast<float>(value);
  std::uint32_t wide = 0;
  std::memcpy(&wide, &number, 4);
  char* at = bytes_.data() + static_cast<std::size_t>(i) * element_bytes(dtype_);
  if (dtype_ == Dtype::kF32) {
    std::memcpy(at, &wide, 4);
    return;
  }
  wide += 0x7FFFU + ((wide >> 16U) & 1U);
  const auto narrow = static_cast<std::uint16_t>(wide >> 16U);
  std::memcpy(at, &narrow, 2);
}

}  // namespace switchyard::kernels
