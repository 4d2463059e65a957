#include "engine/train/experts/grouped_linear.h"

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/custom_function.h>

#include "engine/base/core/check.h"
#include "engine/train/model/linear_function.h"
#include "kernels/include/expert_permutation.h"

namespace switchyard::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void make_dispatch_on_cpu(const at::Tensor& expert_index, std::int64_t E, Dispatch& dispatch) {
  const std::int64_t num_rows = expert_index.numel();
  const at::Tensor index = expert_index.to(at::kInt).contiguous();
  dispatch.row_from_slot = at::empty({num_rows}, at::kLong);
  dispatch.slot_from_row = at::empty({num_rows}, at::kLong);
  dispatch.tokens_per_expert = at::empty({E}, at::kLong);
  dispatch.offsets = at::empty({E}, at::kInt);
  kernels::expert_permutation_reference(
      {.expert_index = index.const_data_ptr<std::int32_t>(),
       .num_assignments = num_rows,
       .E = static_cast<int>(E),
       .row_from_slot = dispatch.row_from_slot.mutable_data_ptr<std::int64_t>(),
       .slot_from_row = dispatch.slot_from_row.mutable_data_ptr<std::int64_t>(),
       .count = dispatch.tokens_per_expert.mutable_data_ptr<std::int64_t>(),
       .offsets = dispatch.offsets.mutable_data_ptr<std::int32_t>()});
}

#ifdef SY_WITH_CUDA

void make_dispatch_on_gpu(const at::Tensor& expert_index, std::int64_t E, Dispatch& dispatch) {
  const at::Tensor index = expert_index.to(at::kInt).contiguous();
  const auto options = expert_index.options().dtype(at::kLong);
  dispatch.row_from_slot = at::empty({index.numel()}, options);
  dispatch.slot_from_row = at::empty({index.numel()}, options);
  dispatch.tokens_per_expert = at::empty({E}, options);
  dispatch.offsets = at::empty({E}, index.options());
  const auto workspace_bytes = static_cast<std::int64_t>(
      kernels::expert_permutation_workspace_bytes(index.numel(), static_cast<int>(E)));
  const at::Tensor workspace = at::empty({workspace_bytes}, index.options().dtype(at::kByte));
  const c10::impl::VirtualGuardImpl device(index.device().type());
  const kernels::KernelStatus status = kernels::expert_permutation_cuda(
      {.expert_index = index.const_data_ptr<std::int32_t>(),
       .num_assignments = index.numel(),
       .E = static_cast<int>(E),
       .row_from_slot = dispatch.row_from_slot.mutable_data_ptr<std::int64_t>(),
       .slot_from_row = dispatch.slot_from_row.mutable_data_ptr<std::int64_t>(),
       .count = dispatch.tokens_per_expert.mutable_data_ptr<std::int64_t>(),
       .offsets = dispatch.offsets.mutable_data_ptr<std::int32_t>(),
       .workspace = workspace.mutable_data_ptr()},
      device.getStreamNativeHandle(device.getStream(index.device())));
  SY_CHECK(status.ok(), status.message);
}

#else

void make_dispatch_on_gpu(const at::Tensor& expert_index, std::int64_t E, Dispatch& dispatch) {
  const at::Tensor index = expert_index.flatten();
  dispatch.slot_from_row = std::get<1>(at::sort(index.to(at::kInt), /*stable=*/true, 0, false));
  const at::Tensor places = at::arange(index.numel(), index.options());
  dispatch.row_from_slot = at::empty_like(places).scatter_(0, dispatch.slot_from_row, places);
  dispatch.tokens_per_expert =
      at::zeros({E}, index.options()).scatter_add_(0, index, at::ones_like(index));
  dispatch.offsets = dispatch.tokens_per_expert.cumsum(0).to(at::kInt);
}

#endif

/// Rows of x for each sorted assignment; the gradient gathers and sums over the choices.
struct DispatchRows : torch::autograd::Function<DispatchRows> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& x,
                            const at::Tensor& token_from_row,
                            const at::Tensor& row_from_slot,
                            std::int64_t num_choices) {
    context->save_for_backward({row_from_slot});
    context->saved_data["num_choices"] = num_choices;
    return x.index_select(0, token_from_row);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const std::int64_t K = context->saved_data["num_choices"].toInt();
    const at::Tensor row_from_slot = context->get_saved_variables()[0];
    const at::Tensor& dy = gradients[0];
    at::Tensor dx = dy.index_select(0, row_from_slot);
    if (K > 1) dx = dx.view({-1, K, dy.size(1)}).sum(1);
    return {dx, {}, {}, {}};
  }
};

/// The weighted sum over choices; gradients of rows and weights are gathers as well.
struct CombineRows : torch::autograd::Function<CombineRows> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& y,
                            const at::Tensor& combine_weight,
                            const at::Tensor& row_from_slot,
                            const at::Tensor& slot_from_row,
                            const at::Tensor& token_from_row) {
    context->save_for_backward({y, combine_weight, row_from_slot, slot_from_row, token_from_row});
    const std::int64_t N = combine_weight.size(0), K = combine_weight.size(1);
    const at::Tensor rows = y.index_select(0, row_from_slot).view({N, K, y.size(1)});
    return (rows * combine_weight.to(y.scalar_type()).unsqueeze(2)).sum(1);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &y = saved[0], &combine_weight = saved[1];
    const at::Tensor rows_of_gradient = gradients[0].index_select(0, saved[4]);
    const at::Tensor weight_of_row =
        combine_weight.to(y.scalar_type()).flatten().index_select(0, saved[3]).unsqueeze(1);
    const at::Tensor dy = rows_of_gradient * weight_of_row;
    const at::Tensor dot = (rows_of_gradient * y).sum(1, false, combine_weight.scalar_type());
    return {dy, dot.index_select(0, saved[2]).view_as(combine_weight), {}, {}, {}};
  }
};

/// Calls body(e, first row, number of rows) for every expert that has rows.
template <typename Body>
void for_each_segment(const at::Tensor& tokens_per_expert, const Body& body) {
  const auto* count = tokens_per_expert.const_data_ptr<std::int64_t>();
  std::int64_t first = 0;
  for (std::int64_t e = 0; e < tokens_per_expert.numel(); ++e) {
    if (count[e] > 0) body(e, first, count[e]);
    first += count[e];
  }
}

struct GroupedLinearCpu : torch::autograd::Function<GroupedLinearCpu> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& x,
                            const at::Tensor& weight,
                            const at::Tensor& tokens_per_expert) {
    context->save_for_backward({x, weight, tokens_per_expert});
    at::Tensor y = at::empty({x.size(0), weight.size(1)}, x.options());
    for_each_segment(tokens_per_expert,
                     [&](std::int64_t e, std::int64_t first, std::int64_t count) {
                       at::Tensor out = y.narrow(0, first, count);
                       at::mm_out(out, x.narrow(0, first, count), weight[e].t());
                     });
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const at::Tensor dy = gradients[0].contiguous();
    const bool needs_dx = context->needs_input_grad(0);
    at::Tensor dx = needs_dx ? at::empty_like(x) : at::Tensor();
    const at::Tensor sum = gradient_buffer(weight, dy.scalar_type());
    at::Tensor dweight = sum.defined() ? at::Tensor() : at::zeros_like(weight);
    for_each_segment(saved[2], [&](std::int64_t e, std::int64_t first, std::int64_t count) {
      const at::Tensor rows = dy.narrow(0, first, count);
      if (needs_dx) {
        at::Tensor out = dx.narrow(0, first, count);
        at::mm_out(out, rows, weight[e]);
      }
      (sum.defined() ? sum : dweight)[e].addmm_(rows.t(), x.narrow(0, first, count));
    });
    return {dx, dweight, {}};
  }
};

/// Any type on a GPU without counts on the host: every expert sees all rows, masked to its own.
at::Tensor grouped_linear_masked(const at::Tensor& x,
                                 const at::Tensor& weight,
                                 const Dispatch& dispatch) {
  const std::int64_t E = weight.size(0), M = x.size(0);
  const at::Tensor row = at::arange(M, dispatch.offsets.options());
  const at::Tensor end = dispatch.offsets.unsqueeze(1);
  const at::Tensor begin = end - dispatch.tokens_per_expert.to(end.scalar_type()).unsqueeze(1);
  const at::Tensor is_mine = (row.unsqueeze(0) >= begin).logical_and(row.unsqueeze(0) < end);
  const at::Tensor masked = x.unsqueeze(0) * is_mine.to(x.scalar_type()).view({E, M, 1});
  return at::bmm(masked, weight.transpose(1, 2)).sum(0);
}

}  // namespace

Dispatch make_dispatch(const at::Tensor& expert_index, std::int64_t E) {
  const at::NoGradGuard no_grad;
  Dispatch dispatch;
  dispatch.num_tokens = expert_index.size(0);
  dispatch.num_choices = expert_index.size(1);
  if (expert_index.is_cpu()) {
    make_dispatch_on_cpu(expert_index, E, dispatch);
  } else {
    make_dispatch_on_gpu(expert_index, E, dispatch);
  }
  dispatch.token_from_row =
      at::div(dispatch.slot_from_row, dispatch.num_choices, /*rounding_mode=*/"floor");
  return dispatch;
}

at::Tensor dispatch_rows(const at::Tensor& x, const Dispatch& dispatch) {
  return DispatchRows::apply(
      x, dispatch.token_from_row, dispatch.row_from_slot, dispatch.num_choices);
}

at::Tensor combine_rows(const at::Tensor& y,
                        const at::Tensor& combine_weight,
                        const Dispatch& dispatch) {
  return CombineRows::apply(
      y, combine_weight, dispatch.row_from_slot, dispatch.slot_from_row, dispatch.token_from_row);
}

at::Tensor grouped_linear(const at::Tensor& x, const at::Tensor& weight, const Dispatch& dispatch) {
  if (x.is_cpu()) return GroupedLinearCpu::apply(x, weight, dispatch.tokens_per_expert);
  const bool is_aligned = weight.size(1) % 8 == 0 && weight.size(2) % 8 == 0;
  if (x.scalar_type() == at::kBFloat16 && is_aligned && x.size(0) > 0) {
    return at::_grouped_mm(x, weight.transpose(1, 2), dispatch.offsets);
  }
  return grouped_linear_masked(x, weight, dispatch);
}

}  // namespace switchyard::train
