#include "engine/train/experts/routed_experts.h"

#include <ATen/ATen.h>

#include "engine/base/core/check.h"
#include "engine/train/experts/grouped_linear.h"
#include "engine/train/model/linear_function.h"

namespace switchyard::train {
namespace {

std::unique_ptr<Router> create_router(const config::Node& options, std::int64_t num_experts) {
  for (const RouterEntry& entry : all_routers()) {
    if (entry.info.name == options.text("type")) return entry.create(options, num_experts);
  }
  SY_CHECK(false, "no router named " + options.text("type"));
  return nullptr;
}

}  // namespace

RoutedExperts::RoutedExperts(const config::Node& model,
                             const config::Node& options,
                             const std::string& name)
    : name_(name),
      num_experts_(options.integer("num_experts")),
      d_model_(model.integer("d_model")),
      d_ff_(options.integer("d_ff")),
      load_balance_coef_(options.number("load_balance_coef")),
      router_z_coef_(options.number("router_z_coef")),
      activation_(activation_from_name(options.text("activation"))),
      router_(create_router(options.child("router"), num_experts_)) {}

void RoutedExperts::declare(ParameterStore& parameters) const {
  parameters.declare({name_ + ".router.weight", {num_experts_, d_model_}, true, true});
  if (activation_ == Activation::kSwiglu) {
    parameters.declare(
        {name_ + ".experts.gate.weight", {num_experts_, d_ff_, d_model_}, true, false});
  }
  parameters.declare({name_ + ".experts.up.weight", {num_experts_, d_ff_, d_model_}, true, false});
  parameters.declare(
      {name_ + ".experts.down.weight", {num_experts_, d_model_, d_ff_}, true, false});
}

void RoutedExperts::bind(ParameterStore& parameters, Fusion* /*fusion*/) {
  router_weight_ = parameters.compute(name_ + ".router.weight");
  if (activation_ == Activation::kSwiglu)
    gate_ = parameters.compute(name_ + ".experts.gate.weight");
  up_ = parameters.compute(name_ + ".experts.up.weight");
  down_ = parameters.compute(name_ + ".experts.down.weight");
}

RoutedExperts::Output RoutedExperts::forward(const at::Tensor& x, bool is_training) const {
  const at::Tensor tokens = x.reshape({-1, d_model_});
  Output output;
  const at::Tensor logits =
      accumulating_linear(tokens.to(router_weight_.scalar_type()), router_weight_, {});
  output.plan = router_->route(logits, is_training);
  const Dispatch dispatch = make_dispatch(output.plan.expert_index, num_experts_);
  const at::Tensor rows = dispatch_rows(tokens, dispatch);
  const at::Tensor gate =
      activation_ == Activation::kSwiglu ? grouped_linear(rows, gate_, dispatch) : at::Tensor();
  const at::Tensor hidden = activate(activation_, grouped_linear(rows, up_, dispatch), gate);
  const at::Tensor results = grouped_linear(hidden, down_, dispatch);
  output.y = combine_rows(results, output.plan.combine_weight, dispatch).view_as(x);
  output.tokens_per_expert = dispatch.tokens_per_expert;
  return output;
}

}  // namespace switchyard::train
