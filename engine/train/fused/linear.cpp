#include <ATen/ATen.h>

#include "engine/train/fused/functions.h"
#include "engine/train/fused/launch.h"
#include "engine/train/fused/swiglu.h"
#include "engine/train/fused/tape.h"
#include "kernels/include/gelu.h"
#include "kernels/include/swiglu.h"

namespace switchyard::train {
void swiglu(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& y) {
  const std::int64_t N = up.size(0), F = up.size(1);
  run_kernel(
      up.device(),
      [&] {
        kernels::swiglu_reference(dtype_of(up),
                                  gate.const_data_ptr(),
                                  up.const_data_ptr(),
                                  N,
                                  F,
                                  y.mutable_data_ptr());
      },
      [&](auto stream) {
        return kernels::swiglu_cuda(dtype_of(up),
                                    gate.const_data_ptr(),
                                    up.const_data_ptr(),
                                    N,
                                    F,
                                    y.mutable_data_ptr(),
                                    stream);
      });
}

at::Tensor swiglu_backward(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& dy) {
  const std::int64_t N = up.size(0), F = up.size(1);
  at::Tensor packed = at::empty({N, 2 * F}, up.options());
  run_kernel(
      up.device(),
      [&] {
        kernels::swiglu_backward_reference(dtype_of(up),
                                           dy.const_data_ptr(),
                                           gate.const_data_ptr(),
                                           up.const_data_ptr(),
                                           N,
                                           F,
                                           packed.mutable_data_ptr());
      },
      [&](auto stream) {
        return kernels::swiglu_backward_cuda(dtype_of(up),
                                             dy.const_data_ptr(),
                                             gate.const_data_ptr(),
                                             up.const_data_ptr(),
                                             N,
                                             F,
                                             packed.mutable_data_ptr(),
                                             stream);
      });
  return packed;
}

namespace {

/// rows W^T + b, [N, out].
at::Tensor apply_linear(Fusion& fusion, const at::Tensor& rows, const LinearSlots& slots) {
  at::Tensor y = at::empty({rows.size(0), slots.weight.value.size(0)}, rows.options());
  fusion.multiply(rows, slots.weight.value.t(), 0.0, y);
  if (slots.bias.defined()) y.add_(slots.bias.value);
  return y;
}

/// Adds what dy [N, out] says about the parameters.
void add_gradients(Fusion& fusion,
                   const at::Tensor& rows,
                   const at::Tensor& dy,
                   const LinearSlots& slots) {
  fusion.multiply(dy.t(), rows, 1.0, slots.weight.gradient);
  if (slots.bias.defined()) {
    at::Tensor sum = slots.bias.gradient;
    sum.add_(dy.sum(0, /*keepdim=*/false, at::kFloat));
  }
}

at::Tensor input_gradient(Fusion& fusion, const at::Tensor& dy, const LinearSlots& slots) {
  const at::Tensor dx = at::empty({dy.size(0), slots.weight.value.size(1)}, dy.options());
  fusion.multiply(dy, slots.weight.value, 0.0, dx);
  return dx;
}

void keep(AutogradContext& context, const std::string& name, const LinearSlots& slots) {
  train::keep(context, name, slots.weight);
  train::keep(context, name + ".bias", slots.bias);
}

LinearSlots kept_linear(AutogradContext& context, const std::string& name) {
  return {kept_slot(context, name), kept_slot(context, name + ".bias")};
}

std::vector<std::int64_t> with_width(const at::Tensor& x, std::int64_t width) {
  std::vector<std::int64_t> sizes = x.sizes().vec();
  sizes.back() = width;
  return sizes;
}

struct FusedLinearFunction : torch::autograd::Function<FusedLinearFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& x,
                            Fusion& fusion,
                            const LinearSlots& slots) {
    const at::Tensor rows = rows_of(x);
    context->save_for_backward({rows});
    train::keep(*context, fusion);
    keep(*context, "linear", slots);
    return apply_linear(fusion, rows, slots).view(with_width(x, slots.weight.value.size(0)));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    if (!gradients[0].defined()) return {{}, {}, {}};
    const at::Tensor rows = context->get_saved_variables()[0];
    const LinearSlots slots = kept_linear(*context, "linear");
    Fusion& fusion = kept_fusion(*context);
    const at::Tensor dy = rows_of(gradients[0]);
    add_gradients(fusion, rows, dy, slots);
    if (!context->needs_input_grad(0)) return {{}, {}, {}};
    return {input_gradient(fusion, dy, slots).view(with_width(gradients[0], rows.size(1))), {}, {}};
  }
};

kernels::GeluKind gelu_kind(Activation activation) {
  return activation == Activation::kGeluErf ? kernels::GeluKind::kErf : kernels::GeluKind::kTanh;
}

void gelu(Activation activation, const at::Tensor& h, const at::Tensor& y) {
  const kernels::GeluKind kind = gelu_kind(activation);
  run_kernel(
      h.device(),
      [&] {
        kernels::gelu_reference(
            kind, dtype_of(h), h.const_data_ptr(), h.numel(), y.mutable_data_ptr());
      },
      [&](auto stream) {
        return kernels::gelu_cuda(
            kind, dtype_of(h), h.const_data_ptr(), h.numel(), y.mutable_data_ptr(), stream);
      });
}

/// dy becomes the gradient of h.
void gelu_backward(Activation activation, const at::Tensor& h, const at::Tensor& dy) {
  const kernels::GeluKind kind = gelu_kind(activation);
  void* const dh = dy.mutable_data_ptr();
  run_kernel(
      h.device(),
      [&] {
        kernels::gelu_backward_reference(kind, dtype_of(h), dh, h.const_data_ptr(), h.numel(), dh);
      },
      [&](auto stream) {
        return kernels::gelu_backward_cuda(
            kind, dtype_of(h), dh, h.const_data_ptr(), h.numel(), dh, stream);
      });
}

/// Is the activation part of the products around it?
bool is_in_products(const at::Tensor& x, Activation activation, const LinearSlots& up) {
  return activation == Activation::kGeluTanh && !up.bias.defined() && Fusion::has_epilogues(x) &&
         up.weight.value.size(0) % 8 == 0;
}

struct FeedForwardFunction : torch::autograd::Function<FeedForwardFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& x,
                            Fusion& fusion,
                            Activation activation,
                            const LinearSlots& up,
                            const LinearSlots& gate,
                            const LinearSlots& down) {
    const at::Tensor rows = rows_of(x);
    at::Tensor h, g, a;
    if (is_in_products(x, activation, up)) {
      h = at::empty({rows.size(0), up.weight.value.size(0)}, rows.options());
      a = at::empty_like(h);
      fusion.multiply(rows, up.weight.value.t(), 0.0, a, Fusion::Epilogue::kGeluTanh, h);
    } else {
      h = apply_linear(fusion, rows, up);
      a = at::empty_like(h);
      if (activation == Activation::kSwiglu) {
        g = apply_linear(fusion, rows, gate);
        swiglu(g, h, a);
      } else {
        gelu(activation, h, a);
      }
    }
    context->save_for_backward({rows, h, g, a});
    train::keep(*context, fusion);
    keep(*context, "up", up);
    keep(*context, "gate", gate);
    keep(*context, "down", down);
    context->saved_data["activation"] = static_cast<std::int64_t>(activation);
    return apply_linear(fusion, a, down).view(with_width(x, down.weight.value.size(0)));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    if (!gradients[0].defined()) return {{}, {}, {}, {}, {}, {}};
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &rows = saved[0], &h = saved[1], &g = saved[2], &a = saved[3];
    const auto activation = static_cast<Activation>(context->saved_data["activation"].toInt());
    const LinearSlots up = kept_linear(*context, "up"), gate = kept_linear(*context, "gate"),
                      down = kept_linear(*context, "down");
    Fusion& fusion = kept_fusion(*context);
    const at::Tensor dy = rows_of(gradients[0]);
    add_gradients(fusion, a, dy, down);
    at::Tensor dx;
    if (activation == Activation::kSwiglu) {
      const at::Tensor packed = swiglu_backward(g, h, input_gradient(fusion, dy, down));
      const at::Tensor dgate = packed.narrow(1, 0, h.size(1));
      const at::Tensor dup = packed.narrow(1, h.size(1), h.size(1));
      add_gradients(fusion, rows, dgate, gate);
      add_gradients(fusion, rows, dup, up);
      dx = input_gradient(fusion, dup, up);
      fusion.multiply(dgate, gate.weight.value, 1.0, dx);
    } else {
      at::Tensor dh;
      if (is_in_products(rows, activation, up)) {
        dh = at::empty_like(h);
        fusion.multiply(
            dy, down.weight.value, 0.0, dh, Fusion::Epilogue::kGeluTanhBackward, h);
      } else {
        dh = input_gradient(fusion, dy, down);
        gelu_backward(activation, h, dh);
      }
      add_gradients(fusion, rows, dh, up);
      dx = input_gradient(fusion, dh, up);
    }
    return {dx.view(with_width(gradients[0], rows.size(1))), {}, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor fused_linear(Fusion& fusion, const at::Tensor& x, const LinearSlots& slots) {
  return FusedLinearFunction::apply(x, fusion, slots);
}

at::Tensor fused_feed_forward(Fusion& fusion,
                              const at::Tensor& x,
                              Activation activation,
                              const LinearSlots& up,
                              const LinearSlots& gate,
                              const LinearSlots& down) {
  return FeedForwardFunction::apply(x, fusion, activation, up, gate, down);
}

}  // namespace switchyard::train
