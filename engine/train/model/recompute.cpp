#include "engine/train/model/recompute.h"

#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace switchyard::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What the backward pass needs beside tensors.
struct Again : torch::CustomClassHolder {
  RecomputedPart part;
  at::Generator* generator = nullptr;
};

at::Tensor leaf_of(const at::Tensor& x) {
  return x.defined() ? x.detach().requires_grad_(true) : at::Tensor();
}

struct RecomputeFunction : torch::autograd::Function<RecomputeFunction> {
  static variable_list forward(AutogradContext* context,
                               const at::Tensor& x,
                               const std::optional<at::Tensor>& delta,
                               const RecomputedPart& part,
                               at::Generator* generator) {
    const auto again = c10::make_intrusive<Again>();
    again->part = part;
    again->generator = generator;
    context->saved_data["again"] = c10::IValue::make_capsule(again);
    if (generator != nullptr) context->saved_data["random_state"] = generator->get_state();
    context->save_for_backward({x, delta.value_or(at::Tensor())});
    return part(x, delta.value_or(at::Tensor()));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto capsule = context->saved_data["again"].toCapsule();
    const auto& again = static_cast<const Again&>(*capsule);
    at::Tensor random_state;
    if (again.generator != nullptr) {
      random_state = again.generator->get_state();
      again.generator->set_state(context->saved_data["random_state"].toTensor());
    }
    const at::Tensor x = leaf_of(saved[0]), delta = leaf_of(saved[1]);
    variable_list results, given;
    {
      const at::AutoGradMode with_tape(true);
      const variable_list all = again.part(x, delta);
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (!gradients[i].defined()) continue;
        results.push_back(all[i]);
        given.push_back(gradients[i]);
      }
    }
    torch::autograd::backward(results, given);
    if (again.generator != nullptr) again.generator->set_state(random_state);
    return {x.grad(), delta.defined() ? delta.grad() : at::Tensor(), {}, {}};
  }
};

}  // namespace

std::vector<at::Tensor> recomputed(const RecomputedPart& part,
                                   const at::Tensor& x,
                                   const at::Tensor& delta,
                                   at::Generator* generator) {
  const std::optional<at::Tensor> branch =
      delta.defined() ? std::optional<at::Tensor>(delta) : std::nullopt;
  return RecomputeFunction::apply(x, branch, part, generator);
}

}  // namespace switchyard::train
