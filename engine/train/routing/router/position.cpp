#include <algorithm>

#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"
#include "engine/train/routing/router/assigned.h"

namespace switchyard::train {
namespace {

/// Each expert has its part of the sequence.
///
/// Math:   expert k of the token at position t = (floor(t E / T) + k) mod E, T = the model's context.
/// Shapes: [N, K].
/// Determinism: exact.
/// Source: a baseline; compare Kudugunta et al. 2021, arXiv 2110.03742, section 3 (routing by what
///         is known of a token beforehand).
class PositionRouter final : public AssignedRouter {
 public:
  PositionRouter(const config::Node& options, const RoutingShape& shape)
      : AssignedRouter(options, shape), seq_len_(std::max<std::int64_t>(shape.seq_len, 1)) {}

 private:
  at::Tensor assign(const TokenView& tokens) override {
    return neighbours_from(at::floor_divide(positions(tokens) * num_experts(), seq_len_));
  }

  std::int64_t seq_len_;
};

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<PositionRouter>(options, shape);
}

}  // namespace

RouterEntry position_entry() {
  return {{"position",
           "each expert has its part of the sequence: a baseline",
           "Kudugunta et al. 2021, arXiv 2110.03742, section 3"},
          &AssignedRouter::describe_assignment,
          &create};
}

}  // namespace switchyard::train
