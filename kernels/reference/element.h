#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/include/dtype.h"
#include "kernels/include/philox.h"
#include "kernels/include/step_state.h"

namespace switchyard::kernels::reference {

struct F32 {
  float value;

  [[nodiscard]] double get() const { return static_cast<double>(value); }

  void set(double number) { value = static_cast<float>(number); }
};

/// The upper half of a float, rounded to nearest, ties to even; what is not a number stays so.
struct Bf16 {
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
    if (std::isnan(narrow)) {
      bits = 0x7FFFU;
      return;
    }
    wide += 0x7FFFU + ((wide >> 16U) & 1U);
    bits = static_cast<std::uint16_t>(wide >> 16U);
  }
};

/// An array whose element type is known when the program runs; index in elements.
class Elements {
 public:
  Elements(void* data, Dtype dtype) : data_(data), is_f32_(dtype == Dtype::kF32) {}

  [[nodiscard]] double get(std::int64_t i) const {
    return is_f32_ ? static_cast<const F32*>(data_)[i].get()
                   : static_cast<const Bf16*>(data_)[i].get();
  }

  void set(std::int64_t i, double number) {
    if (is_f32_) {
      static_cast<F32*>(data_)[i].set(number);
    } else {
      static_cast<Bf16*>(data_)[i].set(number);
    }
  }

 private:
  void* data_;
  bool is_f32_;
};

/// The same for reading.
class ConstElements {
 public:
  ConstElements(const void* data, Dtype dtype) : data_(data), is_f32_(dtype == Dtype::kF32) {}

  [[nodiscard]] double get(std::int64_t i) const {
    return is_f32_ ? static_cast<const F32*>(data_)[i].get()
                   : static_cast<const Bf16*>(data_)[i].get();
  }

 private:
  const void* data_;
  bool is_f32_;
};

/// Calls `run` with a null pointer of the element type that `dtype` names.
template <typename Run>
void with_type(Dtype dtype, const Run& run) {
  if (dtype == Dtype::kF32) {
    run(static_cast<F32*>(nullptr));
  } else {
    run(static_cast<Bf16*>(nullptr));
  }
}

/// The factor of dropout by flat index: 0, or one over the share that is kept.
class DropoutMask {
 public:
  DropoutMask(float p, std::uint32_t site, const StepState* state)
      : threshold_(dropout_threshold(p)), site_(site) {
    if (threshold_ == 0) return;
    kept_ = dropout_scale(threshold_);
    seed_ = state->seed;
    step_ = state->step;
  }

  [[nodiscard]] bool is_active() const { return threshold_ != 0; }

  [[nodiscard]] bool is_kept(std::int64_t index) const {
    const auto flat = static_cast<std::uint64_t>(index);
    return !is_active() || philox_number(seed_, step_, site_, flat) >= threshold_;
  }

  [[nodiscard]] double factor_if(bool is_kept) const { return is_kept ? kept_ : 0.0; }

  [[nodiscard]] double factor(std::int64_t index) const { return factor_if(is_kept(index)); }

 private:
  std::uint32_t threshold_;
  std::uint32_t site_;
  double kept_ = 1.0;
  std::uint64_t seed_ = 0;
  std::uint64_t step_ = 0;
};

}  // namespace switchyard::kernels::reference
