#include <ATen/ATen.h>

#include "engine/train/routing/registry.h"
#include "engine/train/routing/router/assigned.h"

namespace switchyard::train {
namespace {

/// K different experts drawn anew for every token, in evaluation too.
///
/// Math:   the K largest of E uniform numbers.
/// Shapes: [N, K]; recorded numbers: [N, E].
/// Determinism: a function of the generator's state.
/// Source: Zuo et al. 2021, arXiv 2110.04260 (THOR), section 3.
class RandomRouter final : public AssignedRouter {
 public:
  using AssignedRouter::AssignedRouter;

  [[nodiscard]] bool draws() const override { return true; }

 private:
  at::Tensor assign(const TokenView& tokens) override {
    if (tokens.random.defined()) return largest(tokens.random, top_k());
    return largest(at::rand({tokens.num_tokens(), num_experts()},
                            tokens.x.options().dtype(at::kFloat).requires_grad(false)),
                   top_k());
  }
};

std::unique_ptr<Router> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<RandomRouter>(options, shape);
}

}  // namespace

RouterEntry random_entry() {
  return {{"random",
           "experts drawn anew for every token: a baseline, and how THOR trains",
           "Zuo et al. 2021, arXiv 2110.04260, section 3"},
          &AssignedRouter::describe_assignment,
          &create};
}

}  // namespace switchyard::train
