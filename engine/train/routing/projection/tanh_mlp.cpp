#include <ATen/ATen.h>

#include "engine/train/model/linear_function.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// Two layers with a tanh between them.
///
/// Math:   logits = W tanh(H x).
/// Shapes: x [N, D]; H [R, D]; W [E, R]; result [N, E] in master precision.
/// Determinism: exact for a device and thread count.
/// Source: Jin et al. 2024, arXiv 2410.07348 (MoE++), released code.
class TanhMlpProjection final : public Projection {
 public:
  TanhMlpProjection(RoutingShape shape, std::int64_t router_dim)
      : shape_(std::move(shape)), router_dim_(router_dim) {}

  void declare(ParameterStore& parameters) const override {
    parameters.declare(
        {shape_.name + ".hidden.weight", {router_dim_, shape_.d_model}, true, true});
    parameters.declare({shape_.name + ".weight", {shape_.num_experts, router_dim_}, true, true});
  }

  void bind(ParameterStore& parameters) override {
    hidden_ = parameters.compute(shape_.name + ".hidden.weight");
    weight_ = parameters.compute(shape_.name + ".weight");
  }

  at::Tensor logits(const TokenView& tokens) override {
    const at::Tensor hidden =
        accumulating_linear(tokens.x.to(hidden_.scalar_type()), hidden_, {});
    return accumulating_linear(at::tanh(hidden), weight_, {});
  }

 private:
  RoutingShape shape_;
  std::int64_t router_dim_;
  at::Tensor hidden_, weight_;
};

void describe(config::Schema& s) {
  s.integer("router_dim", 64)
      .range(1, 65536)
      .in("features")
      .says("hidden features of the router; typically the number of experts to a few hundred");
}

std::unique_ptr<Projection> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<TanhMlpProjection>(shape, options.integer("router_dim"));
}

}  // namespace

ProjectionEntry tanh_mlp_projection_entry() {
  return {{"tanh_mlp",
           "two layers with a tanh between them: MoE++",
           "Jin et al. 2024, arXiv 2410.07348"},
          &describe,
          &create};
}

}  // namespace switchyard::train
