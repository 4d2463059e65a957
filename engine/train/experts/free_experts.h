#pragma once

#include <string>

#include "engine/base/config/node.h"
#include "engine/train/model/parameter_store.h"

namespace switchyard::train {

/// Experts of a layer that cost no matrix product: their indices follow those of the others.
///
/// Math:   zero: 0; copy: x; constant j: a_1 x + a_2 v_j, [a_1, a_2] = softmax(W_j x).
/// Shapes: x [N, D]; v [J, D]; W [2 J, D] in master precision; result [N, D].
/// Determinism: exact for a device and thread count.
/// Source: Jin et al. 2024, arXiv 2410.07348 (MoE++), eq. 3-5.
class FreeExperts {
 public:
  /// `options` of a layer of routed experts.
  FreeExperts(const config::Node& options, std::int64_t d_model, const std::string& name);
  void declare(ParameterStore& parameters) const;
  void bind(ParameterStore& parameters);

  [[nodiscard]] std::int64_t size() const { return num_zero_ + num_copy_ + num_constant_; }

  /// What they add to the output. Shapes: expert_index, combine_weight [N, K]; `first` is the index
  /// of the first of them.
  [[nodiscard]] at::Tensor forward(const at::Tensor& x,
                                   const at::Tensor& expert_index,
                                   const at::Tensor& combine_weight,
                                   std::int64_t first) const;

 private:
  std::string name_;
  std::int64_t num_zero_, num_copy_, num_constant_, d_model_;
  at::Tensor value_, mixture_;
};

}  // namespace switchyard::train
