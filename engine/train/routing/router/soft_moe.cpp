#include <algorithm>

#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Every expert computes a few weighted sums of a sequence's tokens, and every token is a weighted
/// sum of their results: nothing is chosen, nothing is dropped.
///
/// Math:   L = x phi, or scale (x / |x|) (phi / |phi|) with |v| = sqrt(sum v^2 + 1e-6), over the
///         features of a token and of a slot; dispatch = softmax of L over the tokens of a
///         sequence, combine = softmax of L over the slots.
/// Shapes: x [B, T, D]; phi [D, S], S = E x slots_per_expert, expert by expert; dispatch, combine
///         [B, T, S]. expert_index [N, 1] and probs [N, E] tell what share of a token's output each
///         expert has; no product follows them.
/// Limits: not causal: every output depends on all tokens of the sequence.
/// Determinism: exact for a device and thread count.
/// Source: Puigcerver et al. 2023, arXiv 2308.00951, eq. 1-3 and section 2.3 (normalised).
class SoftMoeRouter final : public Router {
 public:
  SoftMoeRouter(const config::Node& options, const RoutingShape& shape)
      : shape_(shape), is_normalized_(options.boolean("is_normalized")) {
    const std::int64_t given = options.integer("slots_per_expert");
    slots_per_expert_ =
        given > 0 ? given : std::max<std::int64_t>(1, shape.seq_len / shape.num_experts);
  }

  void declare(ParameterStore& parameters) const override {
    parameters.declare({shape_.name + ".phi.weight",
                        {shape_.d_model, shape_.num_experts * slots_per_expert_},
                        true,
                        true});
    if (is_normalized_) {
      parameters.declare({shape_.name + ".phi.scale", {1}, false, true, true, 1, /*fill=*/1.0});
    }
  }

  void bind(ParameterStore& parameters) override {
    phi_ = parameters.compute(shape_.name + ".phi.weight");
    if (is_normalized_) scale_ = parameters.compute(shape_.name + ".phi.scale");
  }

  Choice choose(const Scores& /*scores*/, const TokenView& tokens) override {
    const std::int64_t N = tokens.num_tokens(), E = shape_.num_experts;
    const at::Tensor x =
        tokens.x.to(phi_.scalar_type()).view({tokens.num_sequences, -1, shape_.d_model});
    const at::Tensor logits = is_normalized_
                                  ? at::matmul(normalized(x, 2), normalized(phi_, 0)) * scale_
                                  : at::matmul(x, phi_);
    Choice choice;
    choice.slot_dispatch = at::softmax(logits, 1);
    choice.slot_combine = at::softmax(logits, 2);
    choice.probs = choice.slot_combine.view({N, E, slots_per_expert_}).sum(2);
    choice.expert_index = largest(choice.probs.detach(), 1);
    choice.combine_weight = at_chosen(choice.probs, choice.expert_index);
    return choice;
  }

  [[nodiscard]] bool mixes_tokens() const override { return true; }

  [[nodiscard]] std::int64_t top_k() const override { return 1; }

  [[nodiscard]] bool needs_logits() const override { return false; }

 private:
  static at::Tensor normalized(const at::Tensor& v, std::int64_t dimension) {
    return v * (v.square().sum(dimension, true) + 1e-6).rsqrt();
  }

  RoutingShape shape_;
  bool is_normalized_;
  std::int64_t slots_per_expert_;
  at::Tensor phi_, scale_;
};

void describe(config::Schema& s) {
  s.integer("slots_per_expert", 0)
      .range(0, 1 << 20)
      .in("slots")
      .named("Slots per expert")
      .says(
          "weighted sums of tokens that an expert computes for each sequence; 0: as many in all as "
          "a sequence has tokens")
      .at_level(config::Level::kEssential);
  s.boolean("is_normalized", true).says("unit vectors and a learned scale: stable for wide models");
}

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<SoftMoeRouter>(options, shape);
}

}  // namespace

RouterEntry soft_moe_entry() {
  return {{"soft_moe",
           "experts compute weighted sums of all tokens; not causal",
           "Puigcerver et al. 2023, arXiv 2308.00951, eq. 1-3",
           /*is_causal=*/false},
          &describe,
          &create};
}

}  // namespace switchyard::train
