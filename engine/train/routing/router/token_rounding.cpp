#include <algorithm>

#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// The K best experts of each token, and then every expert's load rounded to whole tiles of a
/// matrix product.
///
/// Math:   c_e = tokens that choose e; target = c_e rounded to a multiple of tile (nearest, up,
///         down), at most the tokens of the pass. Expert e takes the first `target` tokens, its own
///         before all others, each part by descending score. Evaluation: the K best alone.
/// Shapes: ranked [N, E]; expert_index [N, E].
/// Limits: training is not causal: a token's experts depend on the other tokens of the pass.
/// Determinism: exact; the earlier token first on ties.
/// Source: Guo et al. 2025, SonicMoE, token rounding.
class TokenRoundingRouter final : public Router {
 public:
  TokenRoundingRouter(const config::Node& options, const RoutingShape& shape)
      : top_k_(options.integer("top_k")),
        tile_(options.integer("tile")),
        rounding_(options.text("rounding")),
        num_experts_(shape.num_experts) {}

  Choice choose(const Scores& scores, const TokenView& tokens) override {
    const at::Tensor& ranked = scores.ranked;
    const std::int64_t N = tokens.num_tokens(), E = num_experts_;
    at::Tensor is_member = at::zeros({N, E}, ranked.options().dtype(at::kBool))
                               .scatter_(1, largest(ranked, top_k_), 1);
    if (tokens.is_training) is_member = with_whole_tiles(is_member, ranked);
    Choice choice;
    choice.expert_index = index_of_members(is_member, ranked);
    choice.num_assignments_at_most = std::min(N * E, N * top_k_ + E * tile_);
    return choice;
  }

  [[nodiscard]] std::int64_t top_k() const override { return num_experts_; }

  [[nodiscard]] bool may_leave_slots_empty() const override { return true; }

 private:
  [[nodiscard]] at::Tensor with_whole_tiles(const at::Tensor& is_own,
                                            const at::Tensor& ranked) const {
    const std::int64_t N = ranked.size(0);
    const at::Tensor count = is_own.sum(0);  // [E]
    const std::int64_t more = rounding_ == "up" ? tile_ - 1 : rounding_ == "down" ? 0 : tile_ / 2;
    const at::Tensor target = at::div(count + more, tile_, "floor").clamp_max(N / tile_).mul(tile_);
    // Two stable sorts along the tokens: by score, then own tokens first.
    const at::Tensor by_score = std::get<1>(at::sort(ranked, /*stable=*/true, 0, true));
    const at::Tensor is_other = is_own.gather(0, by_score).logical_not().to(at::kInt);
    const at::Tensor order =
        by_score.gather(0, std::get<1>(at::sort(is_other, /*stable=*/true, 0, false)));
    const at::Tensor is_taken = at::arange(N, count.options()).unsqueeze(1) < target;
    return at::zeros_like(is_own).scatter_(0, order, is_taken);
  }

  std::int64_t top_k_, tile_;
  std::string rounding_;
  std::int64_t num_experts_;
};

void describe(config::Schema& s) {
  s.integer("top_k", 2)
      .range(1, 64)
      .in("experts")
      .named("Active per token")
      .says("experts that each token uses before loads are rounded")
      .at_level(config::Level::kEssential);
  s.integer("tile", 128)
      .range(1, 4096)
      .in("tokens")
      .says("an expert's tokens come in multiples of this: 128, the rows of a product's tile");
  s.choice("rounding", "nearest", {"nearest", "up", "down"})
      .says("which multiple: the nearest, or always more or fewer tokens");
}

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<TokenRoundingRouter>(options, shape);
}

}  // namespace

RouterEntry token_rounding_entry() {
  return {{"token_rounding",
           "the K best experts, loads rounded to whole tiles; training is not causal",
           "Guo et al. 2025, SonicMoE, token rounding",
           /*is_causal=*/false},
          &describe,
          &create};
}

}  // namespace switchyard::train
