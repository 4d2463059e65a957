#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/include/dtype.h"

namespace switchyard::kernels {

/// Stored elements of the host references: read as f64, written with one rounding.
///
/// Shapes: none; a value.
/// Source: own.
struct F32Element {
  float value;

  [[nodiscard]] double get() const { return static_cast<double>(value); }

  void set(double number) { value = static_cast<float>(number); }
};

/// The upper half of a float, rounded to nearest, ties to even.
///
/// Shapes: none; a value.
/// Source: own.
struct Bf16Element {
  std::uint16_t bits;

  [[nodiscard]] double get() const {
    const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16U;
    float number = 0.0F;
    std::memcpy(&number, &wide, sizeof(number));
    return static_cast<double>(number);
  }

  void set(double number) {
    const auto narrow = static_cast<float>(number);
    std::uint32_t wide = 0;
    std::memcpy(&wide, &narrow, sizeof(wide));
    if ((wide & 0x7FFFFFFFU) > 0x7F800000U) {  // the carry could turn a NaN into an infinity
      bits = 0x7FC0U;
      return;
    }
    wide += 0x7FFFU + ((wide >> 16U) & 1U);
    bits = static_cast<std::uint16_t>(wide >> 16U);
  }
};

/// An array whose element type is known when the program runs.
///
/// Shapes: any; index in elements.
/// Source: own.
class Elements {
 public:
  Elements(void* data, Dtype dtype) : data_(data), is_f32_(dtype == Dtype::kF32) {}

  [[nodiscard]] double get(std::int64_t i) const {
    return is_f32_ ? static_cast<const F32Element*>(data_)[i].get()
                   : static_cast<const Bf16Element*>(data_)[i].get();
  }

  void set(std::int64_t i, double number) {
    if (is_f32_) {
      static_cast<F32Element*>(data_)[i].set(number);
    } else {
      static_cast<Bf16Element*>(data_)[i].set(number);
    }
  }

 private:
  void* data_;
  bool is_f32_;
};

/// The same for reading.
///
/// Shapes: any; index in elements.
/// Source: own.
class ConstElements {
 public:
  ConstElements(const void* data, Dtype dtype) : data_(data), is_f32_(dtype == Dtype::kF32) {}

  [[nodiscard]] double get(std::int64_t i) const {
    return is_f32_ ? static_cast<const F32Element*>(data_)[i].get()
                   : static_cast<const Bf16Element*>(data_)[i].get();
  }

 private:
  const void* data_;
  bool is_f32_;
};

}  // namespace switchyard::kernels
