#include <ATen/ATen.h>

#include "engine/train/model/linear_function.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

/// One row of weights per expert.
///
/// Math:   logits = x W^T + b, in master precision.
/// Shapes: x [N, D]; W [E, D]; b [E], absent without use_bias; result [N, E].
/// Determinism: exact for a device and thread count.
/// Source: Shazeer et al. 2017, arXiv 1701.06538, eq. 3 (without noise).
class LinearProjection final : public Projection {
 public:
  LinearProjection(RoutingShape shape, bool use_bias)
      : shape_(std::move(shape)), use_bias_(use_bias) {}

  void declare(ParameterStore& parameters) const override {
    parameters.declare({shape_.name + ".weight", {shape_.num_experts, shape_.d_model}, true, true});
    if (use_bias_) {
      parameters.declare({shape_.name + ".bias", {shape_.num_experts}, false, true});
    }
  }

  void bind(ParameterStore& parameters) override {
    weight_ = parameters.compute(shape_.name + ".weight");
    if (use_bias_) bias_ = parameters.compute(shape_.name + ".bias");
  }

  at::Tensor logits(const TokenView& tokens) override {
    return accumulating_linear(tokens.x.to(weight_.scalar_type()), weight_, bias_);
  }

 private:
  RoutingShape shape_;
  bool use_bias_;
  at::Tensor weight_, bias_;
};

void describe(config::Schema& s) {
  s.boolean("use_bias", false).says("a learned offset per expert");
}

std::unique_ptr<Projection> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<LinearProjection>(shape, options.boolean("use_bias"));
}

}  // namespace

ProjectionEntry linear_projection_entry() {
  return {{"linear",
           "one row of weights per expert",
           "Shazeer et al. 2017, arXiv 1701.06538, eq. 3"},
          &describe,
          &create};
}

}  // namespace switchyard::train
