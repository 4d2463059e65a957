#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/Tensor.h>

#include "engine/base/core/json.h"
#include "kernels/include/step_state.h"

namespace switchyard::train {

/// What the fused functions of one model share: matrix products with a choice of algorithms, and
/// the numbers that dropout draws.
///
/// Math:   dropout's mask is a pure function of (seed, pass, site, index), kernels/include/philox.h.
/// Determinism: exact as long as the algorithms of the products stay the same: keep
///         product_choices() with the run and give them back when it goes on.
/// Threads: one thread.
class Fusion {
 public:
  explicit Fusion(at::Device device);
  ~Fusion();

  /// The coming passes draw dropout number `pass` of `seed`.
  void begin_pass(std::uint64_t seed, std::uint64_t pass);

  /// In device memory; what kernels take.
  [[nodiscard]] const kernels::StepState* step_state() const;
  /// Seed and offset of the dropout inside attention, two int64 on the device.
  [[nodiscard]] at::Tensor attention_random(std::int64_t layer) const;

  /// c = beta c + a b.
  ///
  /// Shapes: a [M, K], b [K, N], c [M, N]; a and b may be transposed views, c is row-major.
  /// Limits: a and b of one type, f32 or bfloat16; c of the same type or f32. beta is 0 or 1.
  void multiply(const at::Tensor& a, const at::Tensor& b, double beta, at::Tensor& c);

  /// From here to end_tuning(), products of new shapes try the algorithms there are.
  void begin_tuning();
  void end_tuning();
  [[nodiscard]] Json product_choices() const;
  /// Errors: none; what does not fit this device is chosen anew.
  void restore_product_choices(const Json& choices);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace switchyard::train
