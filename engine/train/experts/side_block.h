#pragma once

#include <string>

#include "engine/train/model/parts.h"

namespace switchyard::train {

/// A dense feed-forward block beside a layer of routed experts, with a norm of its own.
///
/// Math:   x + down(scale x act(up norm(x))), scale where the layer's experts have one.
/// Shapes: [B, T, D].
/// Determinism: exact for a device and thread count.
/// Source: Zoph et al. 2022, arXiv 2202.08906, section 4.3.
class SideBlock {
 public:
  /// `options` are those of the layer of routed experts.
  SideBlock(const config::Node& model,
            const config::Node& options,
            std::int64_t d_ff,
            const std::string& name);
  void declare(ParameterStore& parameters) const;
  void bind(ParameterStore& parameters, Fusion* fusion);

  /// x becomes x + dropout(delta), unless `delta` is undefined; the result is what the block adds.
  [[nodiscard]] at::Tensor forward(at::Tensor& x,
                                   const at::Tensor& delta,
                                   const Dropout& dropout,
                                   at::ScalarType compute) const;

 private:
  Norm norm_;
  DenseFeedForward feed_forward_;
};

}  // namespace switchyard::train
