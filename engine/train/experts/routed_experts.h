#pragma once

#include <memory>
#include <string>

#include "engine/train/model/parts.h"
#include "engine/train/routing/router.h"

namespace switchyard::train {

/// A feed-forward layer of E experts of which every token uses those its router chose; nothing is
/// dropped.
///
/// Math:   out[n] = sum_k combine_weight[n, k] * expert[expert_index[n, k]](x[n]); logits = W x in
/// master
///         precision; experts as DenseFeedForward without biases.
/// Shapes: x [B, T, D]; weights up, gate [E, F, D], down [E, D, F], router [E, D].
/// Limits: d_model and d_ff multiples of 8 for the fast path on a GPU.
/// Determinism: exact for a device and thread count; gathers only, no atomics.
/// Source: Shazeer et al. 2017, arXiv 1701.06538, eq. 1; dropless after Gale et al. 2022, arXiv
/// 2211.15841.
class RoutedExperts {
 public:
  RoutedExperts(const config::Node& model, const config::Node& options, const std::string& name);
  void declare(ParameterStore& parameters) const;
  void bind(ParameterStore& parameters, Fusion* fusion = nullptr);

  struct Output {
    at::Tensor y;  ///< [B, T, D]
    RoutingPlan plan;
    at::Tensor tokens_per_expert;  ///< [E] int64
  };

  [[nodiscard]] Output forward(const at::Tensor& x, bool is_training) const;

  [[nodiscard]] std::int64_t num_experts() const { return num_experts_; }

  [[nodiscard]] double load_balance_coef() const { return load_balance_coef_; }

  [[nodiscard]] double router_z_coef() const { return router_z_coef_; }

 private:
  std::string name_;
  std::int64_t num_experts_, d_model_, d_ff_;
  double load_balance_coef_, router_z_coef_;
  Activation activation_;
  std::unique_ptr<Router> router_;
  at::Tensor router_weight_, up_, gate_, down_;
};

}  // namespace switchyard::train
