#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <ATen/core/Tensor.h>

#include "engine/base/core/json.h"
#include "kernels/include/attention.h"
#include "kernels/include/step_state.h"

namespace switchyard::train {

/// What the fused functions of one model share: matrix products with a choice of algorithms,
/// attention's plans, and the numbers that dropout draws.
///
/// Math:   dropout's mask is a pure function of (seed, pass, site, index), kernels/include/philox.h.
/// Determinism: exact as long as the algorithms of the products stay the same: keep
///         product_choices() with the run and give them back when it goes on. Without
///         `is_deterministic`, gradients of attention are summed in any order.
/// Threads: one thread.
class Fusion {
 public:
  Fusion(at::Device device, std::int64_t num_layers, bool is_deterministic);
  ~Fusion();

  /// The coming passes draw dropout number `pass` of `seed`.
  void begin_pass(std::uint64_t seed, std::uint64_t pass);
  /// In device memory; what kernels take.
  [[nodiscard]] const kernels::StepState* step_state() const;
  /// Seed and offset of the dropout inside a layer's attention: two numbers in device memory.
  [[nodiscard]] const std::int64_t* attention_random(std::int64_t layer) const;

  /// What becomes of a product before it is stored.
  enum class Epilogue {
    kNone,
    kGeluTanh,         ///< aux = product, c = gelu(product)
    kGeluTanhBackward  ///< c = product gelu'(aux)
  };

  /// c = beta c + a b.
  ///
  /// Shapes: a [M, K], b [K, N], c [M, N], aux as c; a and b may be transposed views, c is
  ///         row-major.
  /// Limits: a and b of one type, f32 or bfloat16; c of the same type or f32. beta is 0 or 1, and 0
  ///         with an epilogue.
  void multiply(const at::Tensor& a,
                const at::Tensor& b,
                double beta,
                const at::Tensor& c,
                Epilogue epilogue = Epilogue::kNone,
                const at::Tensor& aux = {});
  /// Do products of this tensor have epilogues?
  [[nodiscard]] static bool has_epilogues(const at::Tensor& x);

  /// From here to end_tuning(), products of new shapes try the algorithms there are.
  void begin_tuning();
  void end_tuning();
  /// {key: algorithm}; empty on the CPU.
  [[nodiscard]] Json product_choices() const;
  /// What does not fit this device is chosen anew.
  void restore_product_choices(const Json& choices);

  /// Attention in one kernel per direction; null on the CPU.
  [[nodiscard]] kernels::Attention* attention();
  /// Builds attention's plans for a shape when it is first met, which must not be while a graph is
  /// recorded. False where there are none; the reason is logged once.
  bool prepare_attention(const kernels::AttentionShape& shape);

  [[nodiscard]] bool is_deterministic() const { return is_deterministic_; }

 private:
  struct Kernels;
  at::Device device_;
  bool is_deterministic_;
  bool is_tuning_ = false;
  bool is_refusal_logged_ = false;
  at::Tensor random_;  ///< StepState, then (seed, offset) of each layer
  std::unique_ptr<Kernels> kernels_;
};

}  // namespace switchyard::train
