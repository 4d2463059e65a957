#include <cmath>

#include <ATen/ATen.h>

#include "engine/train/model/linear_function.h"
#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

at::Tensor unit_rows(const at::Tensor& rows) {
  constexpr double kShortest = 1e-12;
  return rows / at::linalg_vector_norm(rows, 2, at::IntArrayRef({1}), true).clamp_min(kShortest);
}

/// The angle between a token and each expert's prototype, in a space of few dimensions.
///
/// Math:   h = x P^T; logits[n, e] = cos(h[n], prototype[e]) / exp(log_temperature).
/// Shapes: x [N, D]; P [R, D]; prototypes [E, R]; log_temperature [1]; result [N, E].
/// Limits: vectors shorter than 1e-12 count as that long.
/// Determinism: exact for a device and thread count.
/// Source: Chi et al. 2022, arXiv 2204.09179 (X-MoE), eq. 4-6.
class CosineProjection final : public Projection {
 public:
  CosineProjection(RoutingShape shape, std::int64_t router_dim, double temperature)
      : shape_(std::move(shape)), router_dim_(router_dim), temperature_(temperature) {}

  void declare(ParameterStore& parameters) const override {
    const std::string& name = shape_.name;
    parameters.declare({name + ".reduction.weight", {router_dim_, shape_.d_model}, true, true});
    parameters.declare({name + ".weight", {shape_.num_experts, router_dim_}, true, true});
    parameters.declare(
        {name + ".log_temperature", {1}, false, true, true, 1, std::log(temperature_)});
  }

  void bind(ParameterStore& parameters) override {
    reduction_ = parameters.compute(shape_.name + ".reduction.weight");
    prototypes_ = parameters.compute(shape_.name + ".weight");
    log_temperature_ = parameters.compute(shape_.name + ".log_temperature");
  }

  at::Tensor logits(const TokenView& tokens) override {
    const at::Tensor h =
        accumulating_linear(tokens.x.to(reduction_.scalar_type()), reduction_, {});
    return at::matmul(unit_rows(h), unit_rows(prototypes_).t()) * at::exp(-log_temperature_);
  }

 private:
  RoutingShape shape_;
  std::int64_t router_dim_;
  double temperature_;
  at::Tensor reduction_, prototypes_, log_temperature_;
};

void describe(config::Schema& s) {
  s.integer("router_dim", 16)
      .range(1, 4096)
      .in("features")
      .says("dimensions in which tokens and experts are compared; typically 8 to 64");
  s.number("temperature", 0.5)
      .above(0.0, 100.0)
      .says("divides cosines in the beginning; learned afterwards; typically 0.07 to 1");
}

std::unique_ptr<Projection> create(const config::Node& options, const RoutingShape& shape) {
  return std::make_unique<CosineProjection>(
      shape, options.integer("router_dim"), options.number("temperature"));
}

}  // namespace

ProjectionEntry cosine_projection_entry() {
  return {{"cosine",
           "the angle to a prototype of each expert, with a learned temperature: X-MoE",
           "Chi et al. 2022, arXiv 2204.09179, eq. 4"},
          &describe,
          &create};
}

}  // namespace switchyard::train
