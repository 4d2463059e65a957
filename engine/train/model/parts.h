#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/base/config/node.h"
#include "engine/train/fused/functions.h"
#include "engine/train/model/activation.h"
#include "engine/train/model/parameter_store.h"
#include "engine/train/model/transformer.h"

namespace switchyard::train {

/// The parts below declare their parameters in a ParameterStore and look them up once it is
/// allocated (`bind`): as slots of fused functions where a Fusion is given, else as leaves for
/// ordinary operations. All of them take and return [B, T, D] tensors.

/// LayerNorm or RMSNorm, computed in master precision.
///
/// Math:   layer_norm: (x - mean) / sqrt(var + eps) * weight + bias; rms_norm: x / sqrt(mean(x^2) +
/// eps) * weight Source: Ba et al. 2016, arXiv 1607.06450, eq. 4; Zhang & Sennrich 2019, arXiv
/// 1910.07467, eq. 4.
class Norm {
 public:
  Norm(
      const config::Node& model, std::string name, std::int64_t width, bool use_rms, bool use_bias);
  void declare(ParameterStore& parameters) const;
  void bind(ParameterStore& parameters, Fusion* fusion = nullptr);
  [[nodiscard]] at::Tensor forward(const at::Tensor& x) const;
  /// x becomes x + dropout(delta), unless `delta` is undefined; the result is the norm of x in
  /// `compute` precision.
  [[nodiscard]] at::Tensor forward_sum(at::Tensor& x,
                                       const at::Tensor& delta,
                                       const Dropout& dropout,
                                       at::ScalarType compute) const;

 private:
  std::string name_;
  std::int64_t width_;
  bool use_bias_;
  NormOptions options_;
  at::Tensor weight_, bias_;
  Fusion* fusion_ = nullptr;
  Slot weight_slot_, bias_slot_;
};

/// y = x W^T + b, with the initialisation it asks for. W may be `num_stacked` matrices of equal
/// shape on top of each other.
class Linear {
 public:
  Linear(std::string name,
         std::int64_t in,
         std::int64_t out,
         bool use_bias,
         std::int64_t num_stacked = 1);
  void declare(ParameterStore& parameters) const;
  void bind(ParameterStore& parameters, Fusion* fusion = nullptr);
  [[nodiscard]] at::Tensor forward(const at::Tensor& x) const;

  [[nodiscard]] const LinearSlots& slots() const { return slots_; }

 private:
  std::string name_;
  std::int64_t in_, out_, num_stacked_;
  bool use_bias_;
  at::Tensor weight_, bias_;
  Fusion* fusion_ = nullptr;
  LinearSlots slots_;
};

/// Angles position x theta^(-2i / head_dim). Source: Su et al. 2021, arXiv 2104.09864, eq. 15; the
/// pairs are (i, i + head_dim / 2).
RotaryTable rotary_table(std::int64_t seq_len,
                         std::int64_t head_dim,
                         double theta,
                         const at::TensorOptions& options);

/// Causal multi-head self-attention over one packed query-key-value product.
///
/// Math:   softmax(q k^T / sqrt(C) + causal mask) v, then the output product.
/// Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.2.
class Attention {
 public:
  Attention(const config::Node& model, const std::string& name);
  void declare(ParameterStore& parameters) const;
  void bind(ParameterStore& parameters, Fusion* fusion = nullptr);
  /// `rotary` may hold no tensors (learned positions). `cache`, if given, holds `layer`'s earlier
  /// keys and values and receives the new ones; its length is advanced by the caller.
  [[nodiscard]] at::Tensor forward(const at::Tensor& x,
                                   const RotaryTable& rotary,
                                   double dropout,
                                   KvCache* cache,
                                   int layer) const;

 private:
  [[nodiscard]] at::Tensor with_cache(const at::Tensor& query,
                                      const at::Tensor& key,
                                      const at::Tensor& value,
                                      KvCache& cache,
                                      int layer) const;
  std::int64_t num_heads_, head_dim_;
  std::string qk_norm_kind_;
  Fusion* fusion_ = nullptr;
  Linear qkv_, output_;
  Norm query_norm_, key_norm_;
};

/// The feed-forward block of a dense layer.
///
/// Math:   down(act(up x)), or down(silu(gate x) * up x) with SwiGLU; before `down` times a learned
///         factor per hidden feature where options ask for it (use_multiplicative_bias).
/// Source: Vaswani et al. 2017, section 3.3; Shazeer 2020, arXiv 2002.05202, eq. 6.
class DenseFeedForward {
 public:
  DenseFeedForward(const config::Node& model, const config::Node& options, const std::string& name);
  void declare(ParameterStore& parameters) const;
  void bind(ParameterStore& parameters, Fusion* fusion = nullptr);
  [[nodiscard]] at::Tensor forward(const at::Tensor& x) const;

 private:
  std::string name_;
  std::int64_t d_ff_;
  bool use_scale_;
  Activation activation_;
  Fusion* fusion_ = nullptr;
  Linear up_, gate_, down_;
  at::Tensor scale_;
};

}  // namespace switchyard::train
