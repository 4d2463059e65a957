#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"

namespace switchyard::kernels {

/// Everything about one self-attention that its plan depends on.
///
/// Shapes: q, k, v, out and their gradients are [B, T, H, C]: element (b, t, h, c) stands at
///         b * T * row + t * row + h * C + c, where `row` is the tensor's own number of elements
///         from position to position. packed() gives the rows of one buffer qkv [B, T, 3, H, C].
/// Source: own.
struct AttentionShape {
  std::int64_t B = 0;
  std::int64_t T = 0;
  std::int64_t H = 0;
  std::int64_t C = 0;
  std::int64_t q_row = 0;
  std::int64_t k_row = 0;
  std::int64_t v_row = 0;
  std::int64_t out_row = 0;  ///< of out and its gradient
  std::int64_t dq_row = 0;
  std::int64_t dk_row = 0;
  std::int64_t dv_row = 0;
  float dropout_frac = 0.0F;  ///< share of the weights that is dropped, in [0, 1)
  bool is_causal = true;
  bool is_deterministic = false;  ///< of the backward

  /// q, k, v (and dq, dk, dv) in one buffer [B, T, 3, H, C], out [B, T, H, C] without gaps.
  ///
  /// Shapes: as above.
  /// Source: own.
  static AttentionShape packed(std::int64_t B,
                               std::int64_t T,
                               std::int64_t H,
                               std::int64_t C,
                               float dropout_frac = 0.0F,
                               bool is_deterministic = false,
                               bool is_causal = true);
};

/// Where the inputs stand.
///
/// Shapes: as AttentionShape, starts of element (0, 0, 0, 0).
/// Source: own.
struct AttentionInputs {
  const void* q = nullptr;
  const void* k = nullptr;
  const void* v = nullptr;

  /// The three parts of qkv [B, T, 3, H, C] of `dtype`.
  ///
  /// Shapes: as above.
  /// Source: own.
  static AttentionInputs packed(const void* qkv,
                                std::int64_t H,
                                std::int64_t C,
                                Dtype dtype = Dtype::kBf16);
};

/// Where the gradients go: the same layout rules.
///
/// Shapes: as AttentionShape with the rows dq_row, dk_row, dv_row.
/// Source: own.
struct AttentionGradients {
  void* dq = nullptr;
  void* dk = nullptr;
  void* dv = nullptr;

  static AttentionGradients packed(void* dqkv,
                                   std::int64_t H,
                                   std::int64_t C,
                                   Dtype dtype = Dtype::kBf16);
};

/// What is wrong with a shape, in words; null when nothing is.
///
/// Shapes: as AttentionShape.
/// Source: own.
const char* fault_of_attention_shape(const AttentionShape& shape);

/// Attends on the host: the definition that the device is held to.
///
/// Math:   s[t, u] = q[t] . k[u] / sqrt(C) for u <= t (all u without is_causal);
///         stats[t] = log sum_u exp s[t, u]; p = exp(s - stats); out[t] = sum_u p[t, u] v[u].
///         Backward, with r[t] = dout[t] . out[t]: dv[u] = sum_t p[t, u] dout[t];
///         ds[t, u] = p[t, u] (dout[t] . v[u] - r[t]); dq[t] = sum_u ds[t, u] k[u] / sqrt(C);
///         dk[u] = sum_t ds[t, u] q[t] / sqrt(C). Sums in f64, one rounding at the end.
/// Shapes: as AttentionShape, of `dtype`; stats [B, H, T] f32. Backward reads out and stats.
/// Units:  stats in nats.
/// Limits: dropout_frac = 0; T * T numbers of scratch on the heap, so small shapes only.
/// Determinism: exact.
/// Source: Vaswani et al. 2017, arXiv 1706.03762, equation 1; Dao et al. 2022, arXiv 2205.14135,
///         appendix B.2 (backward).
void attention_forward_reference(
    const AttentionShape& shape, Dtype dtype, const AttentionInputs& in, void* out, float* stats);
void attention_backward_reference(const AttentionShape& shape,
                                  Dtype dtype,
                                  const AttentionInputs& in,
                                  const void* out,
                                  const float* stats,
                                  const void* dout,
                                  const AttentionGradients& gradients);

/// Attends in one fused kernel per direction, through cuDNN's graph interface; plans are kept by
/// shape.
///
/// Math:   as the reference, with p replaced by p * m / (1 - dropout_frac) in out and dv, where the
///         mask m (0 with probability dropout_frac, else 1) is a function of (seed, offset, shape):
///         the backward needs the forward's two numbers. stats do not see the mask. Weights are
///         rounded to bf16 before they multiply v; sums in f32.
/// Shapes: as AttentionShape, bf16; stats [B, H, T] f32; seed, offset: one int64 on the device
///         each, read when the kernel runs (so a captured graph sees new values), null without
///         dropout.
/// Units:  stats in nats.
/// Limits: C a multiple of 8 in [8, 128]; rows multiples of 8 elements, pointers of 16 bytes.
/// Errors: KernelStatus::message says why a shape is refused (also: built without cuDNN, no cuDNN
///         library, GPU too old); it is valid until the next call on this object. The caller then
///         uses another implementation.
/// Determinism: forward: exact. Backward: exact with is_deterministic; else dq is summed in the
///         order of arrival (a floating-point atomic inside cuDNN).
/// Threads: one object per device and host thread; the device current at construction.
/// Source: cuDNN 9 graph API, scaled dot-product attention; Dao 2023, arXiv 2307.08691.
class Attention {
 public:
  Attention();
  ~Attention();
  Attention(const Attention&) = delete;
  Attention& operator=(const Attention&) = delete;

  /// Builds the plans of a shape (about 0.1 s each; both directions, or the forward only). Never
  /// inside capture. A shape that is prepared already costs a look-up.
  ///
  /// Shapes: as AttentionShape.
  /// Source: own.
  KernelStatus prepare(const AttentionShape& shape, bool with_backward = true);

  /// Bytes of workspace of a prepared shape; 0 for one that is not.
  ///
  /// Shapes: none.
  /// Source: own.
  [[nodiscard]] std::size_t forward_workspace_bytes(const AttentionShape& shape) const;
  [[nodiscard]] std::size_t backward_workspace_bytes(const AttentionShape& shape) const;

  /// out and stats from q, k, v. The shape is prepared; may be captured.
  ///
  /// Shapes: workspace [forward_workspace_bytes(shape)] bytes aligned to 256, null if that is 0.
  /// Source: own.
  KernelStatus forward(const AttentionShape& shape,
                       const AttentionInputs& in,
                       void* out,
                       float* stats,
                       const std::int64_t* seed,
                       const std::int64_t* offset,
                       void* workspace,
                       CudaStream stream);

  /// dq, dk, dv, each written whole, from the forward's inputs and outputs and out's gradient. The
  /// shape is prepared with its backward; may be captured. The gradients may not overlap the
  /// inputs.
  ///
  /// Shapes: workspace [backward_workspace_bytes(shape)] bytes aligned to 256, null if that is 0.
  /// Source: own.
  KernelStatus backward(const AttentionShape& shape,
                        const AttentionInputs& in,
                        const void* out,
                        const float* stats,
                        const void* dout,
                        const AttentionGradients& gradients,
                        const std::int64_t* seed,
                        const std::int64_t* offset,
                        void* workspace,
                        CudaStream stream);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace switchyard::kernels
