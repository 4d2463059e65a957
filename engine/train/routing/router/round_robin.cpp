#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"
#include "engine/train/routing/router/assigned.h"

namespace switchyard::train {
namespace {

/// Experts in turn along a sequence.
///
/// Math:   expert k of the token at position t = (t K + k) mod E.
/// Shapes: [N, K].
/// Determinism: exact.
/// Source: the uniform assignment that MegaBlocks and Megatron-Core use in benchmarks.
class RoundRobinRouter final : public AssignedRouter {
 public:
  using AssignedRouter::AssignedRouter;

 private:
  at::Tensor assign(const TokenView& tokens) override {
    return neighbours_from(positions(tokens) * top_k());
  }
};

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<RoundRobinRouter>(options, shape);
}

}  // namespace

RouterEntry round_robin_entry() {
  return {{"round_robin",
           "experts in turn along a sequence: exact balance, for benchmarks",
           "Gale et al. 2022, arXiv 2211.15841, released code"},
          &AssignedRouter::describe_assignment,
          &create};
}

}  // namespace switchyard::train
