#include "engine/train/fused/routed.h"

#include <ATen/ATen.h>

#include "engine/train/fused/launch.h"
#include "engine/train/fused/swiglu.h"
#include "engine/train/fused/tape.h"
#include "kernels/include/activate_rows.h"
#include "kernels/include/combine_rows.h"
#include "kernels/include/gather_rows.h"

namespace switchyard::train {
namespace {

struct RouteFunction : torch::autograd::Function<RouteFunction> {
  static variable_list forward(AutogradContext* context,
                               const at::Tensor& logits,
                               const at::Tensor& bias,
                               const kernels::RouteTopK& options) {
    const auto floats = logits.options();
    const at::Tensor index = at::empty({options.N, options.K}, floats.dtype(at::kInt));
    const at::Tensor weight = at::empty({options.N, options.K}, floats);
    const at::Tensor probs = at::empty_like(logits), logsumexp = at::empty({options.N}, floats);
    const at::Tensor counts = at::empty({options.E}, floats.dtype(at::kLong));
    const at::Tensor importance = at::empty({options.E}, floats);
    const at::Tensor balance = at::empty({}, floats), z = at::empty({}, floats);
    const at::Tensor sums = at::empty({2}, floats);
    kernels::RouteTopKForward args;
    at::Tensor workspace;
    if constexpr (kHasKernels) {
      const std::size_t bytes = kernels::route_top_k_workspace_bytes(options.N, options.E);
      workspace = at::empty({static_cast<std::int64_t>(bytes)}, floats.dtype(at::kByte));
      args.workspace = workspace.mutable_data_ptr();
    }
    args.router_logits = logits.const_data_ptr<float>();
    args.selection_bias = bias.numel() > 0 ? bias.const_data_ptr<float>() : nullptr;
    args.expert_index = index.mutable_data_ptr<std::int32_t>();
    args.combine_weight = weight.mutable_data_ptr<float>();
    args.router_probs = probs.mutable_data_ptr<float>();
    args.logsumexp = logsumexp.mutable_data_ptr<float>();
    args.tokens_per_expert = counts.mutable_data_ptr<std::int64_t>();
    args.importance = importance.mutable_data_ptr<float>();
    args.load_balance_loss = balance.mutable_data_ptr<float>();
    args.router_z_loss = z.mutable_data_ptr<float>();
    args.token_entropy_nats = sums.mutable_data_ptr<float>();
    args.top1_margin = sums.mutable_data_ptr<float>() + 1;
    run_kernel(
        logits.device(),
        [&] { kernels::route_top_k_reference(options, args); },
        [&](auto stream) { return kernels::route_top_k_cuda(options, args, stream); });
    context->save_for_backward({logits, logsumexp, index, counts});
    context->saved_data["K"] = static_cast<std::int64_t>(options.K);
    context->saved_data["score"] = static_cast<std::int64_t>(options.score);
    context->saved_data["renormalized"] = options.use_renormalized_weights;
    context->saved_data["eps"] = static_cast<double>(options.eps);
    context->saved_data["scale"] = static_cast<double>(options.scale);
    context->mark_non_differentiable({index, probs, counts, importance, sums});
    context->set_materialize_grads(false);
    return {index, weight, probs, counts, balance, z, importance, sums};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& logits = saved[0];
    kernels::RouteTopK options;
    options.N = logits.size(0);
    options.E = static_cast<int>(logits.size(1));
    options.K = static_cast<int>(context->saved_data["K"].toInt());
    options.score = static_cast<kernels::RouterScore>(context->saved_data["score"].toInt());
    options.use_renormalized_weights = context->saved_data["renormalized"].toBool();
    options.eps = static_cast<float>(context->saved_data["eps"].toDouble());
    options.scale = static_cast<float>(context->saved_data["scale"].toDouble());
    const at::Tensor dweight =
        gradients[1].defined() ? gradients[1].contiguous() : at::Tensor();
    const at::Tensor dlogits = at::empty_like(logits);
    const auto floats_or_null = [](const at::Tensor& x) {
      return x.defined() ? x.const_data_ptr<float>() : nullptr;
    };
    kernels::RouteTopKBackward args;
    args.router_logits = logits.const_data_ptr<float>();
    args.logsumexp = saved[1].const_data_ptr<float>();
    args.expert_index = saved[2].const_data_ptr<std::int32_t>();
    args.tokens_per_expert = saved[3].const_data_ptr<std::int64_t>();
    args.dcombine_weight = floats_or_null(dweight);
    args.dload_balance_loss = floats_or_null(gradients[4]);
    args.drouter_z_loss = floats_or_null(gradients[5]);
    args.drouter_logits = dlogits.mutable_data_ptr<float>();
    run_kernel(
        logits.device(),
        [&] { kernels::route_top_k_backward_reference(options, args); },
        [&](auto stream) { return kernels::route_top_k_backward_cuda(options, args, stream); });
    return {dlogits, {}, {}};
  }
};

struct GatherFunction : torch::autograd::Function<GatherFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& x,
                            const at::Tensor& row_from_slot,
                            std::int64_t num_rows) {
    const std::int64_t N = x.size(0), D = x.size(1), K = row_from_slot.numel() / N;
    const at::Tensor y = at::empty({num_rows, D}, x.options());
    const auto* const rows = row_from_slot.const_data_ptr<std::int64_t>();
    const auto run = [&](const auto& gather, auto... stream) {
      return gather(dtype_of(x),
                    x.const_data_ptr(),
                    rows,
                    N,
                    K,
                    D,
                    num_rows,
                    y.mutable_data_ptr(),
                    stream...);
    };
    run_kernel(
        x.device(),
        [&] { run(kernels::gather_rows_reference); },
        [&](auto stream) { return run(kernels::gather_rows_cuda, stream); });
    context->save_for_backward({row_from_slot});
    context->saved_data["N"] = N;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor row_from_slot = context->get_saved_variables()[0];
    const at::Tensor dy = gradients[0].contiguous();
    const std::int64_t N = context->saved_data["N"].toInt(), D = dy.size(1);
    const std::int64_t K = row_from_slot.numel() / N;
    const at::Tensor dx = at::empty({N, D}, dy.options());
    const auto run = [&](const auto& gather, auto... stream) {
      return gather(dtype_of(dy),
                    dy.const_data_ptr(),
                    row_from_slot.const_data_ptr<std::int64_t>(),
                    N,
                    K,
                    D,
                    nullptr,
                    dx.mutable_data_ptr(),
                    stream...);
    };
    run_kernel(
        dy.device(),
        [&] { run(kernels::gather_rows_backward_reference); },
        [&](auto stream) { return run(kernels::gather_rows_backward_cuda, stream); });
    return {dx, {}, {}};
  }
};

kernels::CombineRows combine_shape(const at::Tensor& y,
                                   const at::Tensor& weight,
                                   const at::Tensor& row_from_slot) {
  return {weight.size(0),
          weight.size(1),
          y.size(1),
          y.size(0),
          dtype_of(y),
          row_from_slot.const_data_ptr<std::int64_t>(),
          weight.const_data_ptr<float>()};
}

struct CombineFunction : torch::autograd::Function<CombineFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& y,
                            const at::Tensor& combine_weight,
                            const at::Tensor& row_from_slot) {
    const at::Tensor weight = combine_weight.contiguous();
    const at::Tensor out = at::empty({weight.size(0), y.size(1)}, y.options());
    const kernels::CombineRows shape = combine_shape(y, weight, row_from_slot);
    const kernels::CombineRowsForward args{y.const_data_ptr(), nullptr, out.mutable_data_ptr()};
    run_kernel(
        y.device(),
        [&] { kernels::combine_rows_reference(shape, args); },
        [&](auto stream) { return kernels::combine_rows_cuda(shape, args, stream); });
    context->save_for_backward({y, weight, row_from_slot});
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &y = saved[0], &weight = saved[1];
    const at::Tensor dout = gradients[0].contiguous();
    const at::Tensor dy = at::empty_like(y), dweight = at::empty_like(weight);
    const kernels::CombineRows shape = combine_shape(y, weight, saved[2]);
    const kernels::CombineRowsBackward args{dout.const_data_ptr(),
                                            y.const_data_ptr(),
                                            dy.mutable_data_ptr(),
                                            dweight.mutable_data_ptr<float>()};
    run_kernel(
        y.device(),
        [&] { kernels::combine_rows_backward_reference(shape, args); },
        [&](auto stream) { return kernels::combine_rows_backward_cuda(shape, args, stream); });
    return {dy, dweight, {}};
  }
};

struct GroupedFunction : torch::autograd::Function<GroupedFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& x,
                            const Slot& weight,
                            const Dispatch& dispatch) {
    context->save_for_backward({x, dispatch.offsets, dispatch.tokens_per_expert});
    keep(*context, "weight", weight);
    return grouped_product(x, weight.value.transpose(1, 2), dispatch);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    Dispatch dispatch;
    dispatch.offsets = saved[1];
    dispatch.tokens_per_expert = saved[2];
    const Slot weight = kept_slot(*context, "weight");
    // Half of a packed gradient is as good as a whole one: only rows must be without gaps.
    const at::Tensor dy = gradients[0].stride(1) == 1 ? gradients[0] : gradients[0].contiguous();
    add_grouped_weight_gradient(dy, x, dispatch, weight.gradient);
    return {grouped_product(dy, weight.value, dispatch), {}, {}};
  }
};

kernels::RowActivation kernel_activation(Activation activation) {
  TORCH_CHECK(activation != Activation::kGeglu, "geglu has no kernel");
  if (activation == Activation::kRelu) return kernels::RowActivation::kRelu;
  return activation == Activation::kGeluErf ? kernels::RowActivation::kGeluErf
                                            : kernels::RowActivation::kGeluTanh;
}

struct ActivationFunction : torch::autograd::Function<ActivationFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& h, Activation activation) {
    const at::Tensor y = at::empty_like(h);
    const kernels::ActivateRows shape{kernel_activation(activation), dtype_of(h), h.size(0), h.size(1)};
    run_kernel(
        h.device(),
        [&] { kernels::activate_rows_reference(shape, h.const_data_ptr(), y.mutable_data_ptr()); },
        [&](auto stream) {
          return kernels::activate_rows_cuda(
              shape, h.const_data_ptr(), y.mutable_data_ptr(), stream);
        });
    context->save_for_backward({h});
    context->saved_data["activation"] = static_cast<std::int64_t>(activation);
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor h = context->get_saved_variables()[0];
    const at::Tensor dy = gradients[0].contiguous(), dh = at::empty_like(h);
    const auto activation = static_cast<Activation>(context->saved_data["activation"].toInt());
    const kernels::ActivateRows shape{kernel_activation(activation), dtype_of(h), h.size(0), h.size(1)};
    run_kernel(
        h.device(),
        [&] {
          kernels::activate_rows_backward_reference(
              shape, dy.const_data_ptr(), h.const_data_ptr(), dh.mutable_data_ptr());
        },
        [&](auto stream) {
          return kernels::activate_rows_backward_cuda(
              shape, dy.const_data_ptr(), h.const_data_ptr(), dh.mutable_data_ptr(), stream);
        });
    return {dh, {}};
  }
};

struct SwigluFunction : torch::autograd::Function<SwigluFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& up, const at::Tensor& gate) {
    const at::Tensor y = at::empty_like(up);
    swiglu(gate, up, y);
    context->save_for_backward({up, gate});
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor packed = swiglu_backward(saved[1], saved[0], gradients[0].contiguous());
    const std::int64_t F = saved[0].size(1);
    return {packed.narrow(1, F, F), packed.narrow(1, 0, F)};
  }
};

}  // namespace

FusedRoute fused_route_top_k(const at::Tensor& router_logits,
                             const at::Tensor& selection_bias,
                             const kernels::RouteTopK& options) {
  const at::Tensor logits = router_logits.contiguous();
  const at::Tensor bias =
      selection_bias.defined() ? selection_bias : at::empty({0}, logits.options());
  const variable_list parts = RouteFunction::apply(logits, bias, options);
  return {parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6], parts[7]};
}

at::Tensor fused_gather_rows(const at::Tensor& x, const Dispatch& dispatch) {
  return GatherFunction::apply(
      x.contiguous(), dispatch.row_from_slot, dispatch.slot_from_row.size(0));
}

at::Tensor fused_combine_rows(const at::Tensor& y,
                              const at::Tensor& combine_weight,
                              const Dispatch& dispatch) {
  return CombineFunction::apply(y, combine_weight, dispatch.row_from_slot);
}

at::Tensor fused_grouped_linear(const at::Tensor& x, const Slot& weight, const Dispatch& dispatch) {
  return GroupedFunction::apply(x, weight, dispatch);
}

bool has_fused_grouped_linear(const Slot& weight) {
  const at::Tensor& value = weight.value;
  if (value.is_cpu()) return value.scalar_type() == at::kFloat;
  return value.scalar_type() == at::kBFloat16 && value.size(1) % 8 == 0 && value.size(2) % 8 == 0;
}

at::Tensor fused_row_activation(Activation activation,
                                const at::Tensor& up,
                                const at::Tensor& gate) {
  if (activation == Activation::kSwiglu) return SwigluFunction::apply(up, gate);
  return ActivationFunction::apply(up, activation);
}

}  // namespace switchyard::train
