#include <numeric>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "engine/base/core/check.h"
#include "engine/base/core/mix.h"
#include "engine/train/routing/registry.h"
#include "engine/train/routing/router/assigned.h"

namespace switchyard::train {
namespace {

/// The same experts for a token id always, from a random balanced table.
///
/// Math:   expert_index = table[token id]. Ids in random order are cut into blocks of E; id i of a
///         block with the random permutation p has experts p[(i + k) mod E], so that every expert
///         has as many ids as any other, up to one block.
/// Shapes: table [V, K] int64; result [N, K].
/// Limits: token ids in [0, V). The table is made from the seed anew, not saved.
/// Determinism: exact; a function of the token id and the seed.
/// Source: Roller et al. 2021, arXiv 2106.04426 (hash layers), section 3 ("balanced").
class HashRouter final : public AssignedRouter {
 public:
  HashRouter(const config::Node& options, const RoutingShape& shape)
      : AssignedRouter(options, shape),
        vocab_size_(shape.vocab_size),
        seed_(static_cast<std::uint64_t>(options.integer("seed"))) {}

  void bind(ParameterStore& parameters) override {
    table_ = make_table().to(parameters.flat_master.device());
  }

 private:
  at::Tensor assign(const TokenView& tokens) override {
    SY_CHECK(tokens.token_ids.defined(), "hash routing needs token ids");
    return table_.index_select(0, tokens.token_ids);
  }

  void shuffle(std::vector<std::int64_t>& values) {
    for (std::size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[mix(mix(seed_) + num_drawn_++) % i]);
    }
  }

  at::Tensor make_table() {
    const std::int64_t E = num_experts(), K = top_k();
    std::vector<std::int64_t> ids(static_cast<std::size_t>(vocab_size_));
    std::iota(ids.begin(), ids.end(), 0);
    shuffle(ids);
    std::vector<std::int64_t> experts(static_cast<std::size_t>(E));
    std::iota(experts.begin(), experts.end(), 0);
    at::Tensor table = at::empty({vocab_size_, K}, at::kLong);
    auto* const rows = table.mutable_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < vocab_size_; ++i) {
      if (i % E == 0) shuffle(experts);
      for (std::int64_t k = 0; k < K; ++k) {
        rows[ids[static_cast<std::size_t>(i)] * K + k] =
            experts[static_cast<std::size_t>((i + k) % E)];
      }
    }
    return table;
  }

  std::int64_t vocab_size_;
  std::uint64_t seed_, num_drawn_ = 0;
  at::Tensor table_;
};

void describe(config::Schema& s) {
  AssignedRouter::describe_assignment(s);
  s.integer("seed", 1)
      .range(0, 1e9)
      .in("number")
      .says("which of the random tables; layers with different seeds group ids differently")
      .at_level(config::Level::kAll);
}

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<HashRouter>(options, shape);
}

}  // namespace

RouterEntry hash_entry() {
  return {{"hash",
           "the same experts for a token id always, from a balanced random table",
           "Roller et al. 2021, arXiv 2106.04426, section 3"},
          &describe,
          &create};
}

}  // namespace switchyard::train
