#include "engine/train/model/linear_function.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace switchyard::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& x,
                            const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    context->save_for_backward({x, weight, bias.value_or(at::Tensor())});
    return at::linear(x, weight, bias);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &bias = saved[2];
    const at::Tensor dy = gradients[0].reshape({-1, weight.size(0)});
    at::Tensor dx, dweight, dbias;
    if (context->needs_input_grad(0)) dx = at::mm(dy, weight).view_as(x);
    const at::Tensor rows = x.reshape({-1, weight.size(1)});
    if (const at::Tensor sum = gradient_buffer(weight, dy.scalar_type()); sum.defined()) {
      sum.addmm_(dy.t(), rows);
    } else if (context->needs_input_grad(1)) {
      dweight = at::mm(dy.t(), rows);
    }
    if (!bias.defined()) return {dx, dweight, dbias};
    if (const at::Tensor sum = gradient_buffer(bias, dy.scalar_type()); sum.defined()) {
      sum.add_(dy.sum(0));
    } else if (context->needs_input_grad(2)) {
      dbias = dy.sum(0);
    }
    return {dx, dweight, dbias};
  }
};

}  // namespace

at::Tensor gradient_buffer(const at::Tensor& leaf, at::ScalarType type) {
  const bool can_add = leaf.is_leaf() && leaf.requires_grad() && leaf.grad().defined() &&
                       leaf.grad().scalar_type() == type && !at::GradMode::is_enabled();
  return can_add ? leaf.grad() : at::Tensor();
}

at::Tensor accumulating_linear(const at::Tensor& x,
                               const at::Tensor& weight,
                               const at::Tensor& bias) {
  const std::optional<at::Tensor> maybe_bias =
      bias.defined() ? std::optional<at::Tensor>(bias) : std::nullopt;
  if (!at::GradMode::is_enabled()) return at::linear(x, weight, maybe_bias);
  return LinearFunction::apply(x, weight, maybe_bias);
}

}  // namespace switchyard::train
