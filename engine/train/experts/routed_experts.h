#pragma once

#include <memory>
#include <string>

#include "engine/base/core/json.h"
#include "engine/train/experts/free_experts.h"
#include "engine/train/experts/grouped_linear.h"
#include "engine/train/experts/side_block.h"
#include "engine/train/model/parts.h"
#include "engine/train/routing/layer_routing.h"

namespace switchyard::train {

/// A feed-forward layer of E experts of which every token uses those its router chose.
///
/// Math:   out[n] = sum_k combine_weight[n, k] x expert[expert_index[n, k]](x[n]) + shared(x[n]),
///         the free experts among them;
///         expert(x) = down(scale x act(up x + b) ) + b', scale and biases where the config asks for
///         them. Layers that mix tokens (slot_dispatch): expert inputs are weighted sums of tokens.
/// Shapes: tokens N x D; weights up, gate [E, F, D], down [E, D, F], biases [E, F] and [E, D],
///         scale [E, F]; result [N, D].
/// Limits: d_model and d_ff multiples of 8 for the fast path on a GPU.
/// Determinism: exact for a device and thread count; gathers only, no atomics.
/// Source: Shazeer et al. 2017, arXiv 1701.06538, eq. 1; dropless after Gale et al. 2022, arXiv
///         2211.15841; shared experts: Dai et al. 2024, arXiv 2401.06066, eq. 9; scale: Zoph et al.
///         2022, arXiv 2202.08906, section 4.3.
class RoutedExperts {
 public:
  RoutedExperts(const config::Node& model,
                const config::Node& options,
                const std::string& name,
                std::int64_t vocab_size);
  void declare(ParameterStore& parameters) const;
  void bind(ParameterStore& parameters, Fusion* fusion = nullptr);

  struct Output {
    at::Tensor y;  ///< [N, D]
    RoutingPlan plan;
    at::Tensor tokens_per_expert;  ///< [E] int64, what experts took, after dropping
  };

  [[nodiscard]] Output forward(const TokenView& tokens) const;
  /// The same from given router logits [N, E].
  [[nodiscard]] Output forward_logits(const at::Tensor& logits, const TokenView& tokens) const;

  void begin_step() { routing_.begin_step(); }

  void end_step() { routing_.end_step(); }

  /// Of the router: those without products included.
  [[nodiscard]] std::int64_t num_experts() const { return num_experts_ + free_.size(); }

  /// Dense blocks before and after the layer, each with its own norm; null without.
  [[nodiscard]] const SideBlock* before() const { return before_.get(); }

  [[nodiscard]] const SideBlock* after() const { return after_.get(); }

  [[nodiscard]] const LayerRouting& routing() const { return routing_; }

 private:
  [[nodiscard]] Output compute(RoutingPlan plan, const TokenView& tokens) const;
  [[nodiscard]] at::Tensor mix(const RoutingPlan& plan, const TokenView& tokens) const;
  [[nodiscard]] at::Tensor experts(const at::Tensor& rows, const Dispatch& dispatch) const;

  std::string name_;
  std::int64_t num_experts_, d_model_, d_ff_;
  bool use_bias_, use_scale_, use_shared_gate_;
  Activation activation_;
  FreeExperts free_;
  LayerRouting routing_;
  Json shared_options_;
  std::unique_ptr<DenseFeedForward> shared_;
  bool is_fused_ = false;  ///< experts as fused functions over the slots
  Slot up_slot_, gate_slot_, down_slot_;
  std::unique_ptr<SideBlock> before_, after_;
  at::Tensor up_, gate_, down_, up_bias_, gate_bias_, down_bias_, scale_, shared_gate_;
};

}  // namespace switchyard::train
