#include "engine/train/experts/grouped_linear.h"

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/custom_function.h>

#include "engine/base/core/check.h"
#include "engine/train/model/linear_function.h"
#include "engine/train/routing/router.h"
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
  const at::Tensor row = at::empty_like(places).scatter_(0, dispatch.slot_from_row, places);
  dispatch.row_from_slot = at::where(index < E, row, -1 - row);
  dispatch.tokens_per_expert = count_assignments(index, E);
  dispatch.offsets = dispatch.tokens_per_expert.cumsum(0).to(at::kInt);
}

#endif

/// row_from_slot with the first row for empty slots.
at::Tensor row_or_first(const Dispatch& dispatch) {
  const bool may_be_empty = dispatch.is_empty.numel() > 0;
  return may_be_empty ? dispatch.row_from_slot.clamp_min(0) : dispatch.row_from_slot;
}

/// 0 where a slot is empty, whatever stands there. Shapes: rows [N*K, D].
at::Tensor without_empty(const at::Tensor& rows, const at::Tensor& is_empty) {
  return is_empty.numel() > 0 ? rows.masked_fill(is_empty.view({-1, 1}), 0.0) : rows;
}

/// Rows of x for each sorted assignment; the gradient gathers and sums over the choices.
struct DispatchRows : torch::autograd::Function<DispatchRows> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& x,
                            const at::Tensor& token_from_row,
                            const at::Tensor& row_from_slot,
                            const at::Tensor& is_empty,
                            std::int64_t num_choices) {
    context->save_for_backward({row_from_slot, is_empty});
    context->saved_data["num_choices"] = num_choices;
    return x.index_select(0, token_from_row);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const std::int64_t K = context->saved_data["num_choices"].toInt();
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& dy = gradients[0];
    at::Tensor dx = without_empty(dy.index_select(0, saved[0]), saved[1]);
    if (K > 1) dx = dx.view({-1, K, dy.size(1)}).sum(1);
    return {dx, {}, {}, {}, {}};
  }
};

/// The weighted sum over choices; gradients of rows and weights are gathers as well.
struct CombineRows : torch::autograd::Function<CombineRows> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& y,
                            const at::Tensor& combine_weight,
                            const at::Tensor& row_from_slot,
                            const at::Tensor& slot_from_row,
                            const at::Tensor& token_from_row,
                            const at::Tensor& is_empty) {
    context->save_for_backward(
        {y, combine_weight, row_from_slot, slot_from_row, token_from_row, is_empty});
    const std::int64_t N = combine_weight.size(0), K = combine_weight.size(1);
    const at::Tensor rows = without_empty(y.index_select(0, row_from_slot), is_empty);
    return (rows.view({N, K, y.size(1)}) * combine_weight.to(y.scalar_type()).unsqueeze(2)).sum(1);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &y = saved[0], &combine_weight = saved[1], &is_empty = saved[5];
    const at::Tensor rows_of_gradient = gradients[0].index_select(0, saved[4]);
    const at::Tensor weight_of_row =
        combine_weight.to(y.scalar_type()).flatten().index_select(0, saved[3]).unsqueeze(1);
    const at::Tensor dy = rows_of_gradient * weight_of_row;
    const at::Tensor dot = (rows_of_gradient * y).sum(1, false, combine_weight.scalar_type());
    at::Tensor dweight = dot.index_select(0, saved[2]).view_as(combine_weight);
    if (is_empty.numel() > 0) dweight = dweight.masked_fill(is_empty, 0.0);
    return {dy, dweight, {}, {}, {}, {}};
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
    at::Tensor y = at::empty({x.size(0), weight.size(1)}, x.options());  // rows past the last segment hold anything
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

/// Sums of the rows of each segment, [E, F].
at::Tensor segment_sums(const at::Tensor& rows, const at::Tensor& tokens_per_expert) {
  return at::segment_reduce(
      rows, "sum", tokens_per_expert, {}, {}, 0, /*unsafe=*/true, /*initial=*/0.0);
}

/// A row of `table` [E, F] for every sorted row; the gradient sums segments in order.
struct RowsOfExperts : torch::autograd::Function<RowsOfExperts> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& table,
                            const at::Tensor& expert_from_row,
                            const at::Tensor& tokens_per_expert) {
    context->save_for_backward({tokens_per_expert});
    return table.index_select(0, expert_from_row.clamp_max(table.size(0) - 1));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {segment_sums(gradients[0].contiguous(), context->get_saved_variables()[0]), {}, {}};
  }
};

}  // namespace

Dispatch make_dispatch(const at::Tensor& expert_index,
                       std::int64_t E,
                       bool may_be_empty,
                       std::int64_t num_rows_at_most) {
  const at::NoGradGuard no_grad;
  Dispatch dispatch;
  dispatch.num_tokens = expert_index.size(0);
  dispatch.num_choices = expert_index.size(1);
  dispatch.is_empty = at::empty({0}, expert_index.options().dtype(at::kBool));
  if (expert_index.is_cpu()) {
    make_dispatch_on_cpu(expert_index, E, dispatch);
  } else {
    make_dispatch_on_gpu(expert_index, E, dispatch);
  }
  if (may_be_empty) dispatch.is_empty = expert_index == E;
  if (num_rows_at_most > 0 && num_rows_at_most < expert_index.numel()) {
    dispatch.slot_from_row = dispatch.slot_from_row.narrow(0, 0, num_rows_at_most);
  }
  dispatch.token_from_row =
      at::div(dispatch.slot_from_row, dispatch.num_choices, /*rounding_mode=*/"floor");
  dispatch.expert_from_row = expert_index.flatten().index_select(0, dispatch.slot_from_row);
  return dispatch;
}

at::Tensor dispatch_rows(const at::Tensor& x, const Dispatch& dispatch) {
  return DispatchRows::apply(x,
                             dispatch.token_from_row,
                             row_or_first(dispatch),
                             dispatch.is_empty,
                             dispatch.num_choices);
}

at::Tensor combine_rows(const at::Tensor& y,
                        const at::Tensor& combine_weight,
                        const Dispatch& dispatch) {
  return CombineRows::apply(y,
                            combine_weight,
                            row_or_first(dispatch),
                            dispatch.slot_from_row,
                            dispatch.token_from_row,
                            dispatch.is_empty);
}

at::Tensor grouped_product(const at::Tensor& x, const at::Tensor& weight, const Dispatch& dispatch) {
  if (!x.is_cpu()) return at::_grouped_mm(x, weight, dispatch.offsets);
  at::Tensor y = at::empty({x.size(0), weight.size(2)}, x.options());
  for_each_segment(dispatch.tokens_per_expert,
                   [&](std::int64_t e, std::int64_t first, std::int64_t count) {
                     at::Tensor out = y.narrow(0, first, count);
                     at::mm_out(out, x.narrow(0, first, count), weight[e]);
                   });
  return y;
}

void add_grouped_weight_gradient(const at::Tensor& dy,
                                 const at::Tensor& x,
                                 const Dispatch& dispatch,
                                 const at::Tensor& gradient) {
  if (!x.is_cpu()) {
    at::Tensor sum = gradient;
    sum.add_(at::_grouped_mm(dy.t(), x, dispatch.offsets));
    return;
  }
  for_each_segment(dispatch.tokens_per_expert,
                   [&](std::int64_t e, std::int64_t first, std::int64_t count) {
                     at::Tensor sum = gradient[e];
                     const at::Tensor rows = dy.narrow(0, first, count);
                     if (sum.scalar_type() == x.scalar_type()) {
                       sum.addmm_(rows.t(), x.narrow(0, first, count));
                     } else {
                       sum.add_(at::mm(rows.t(), x.narrow(0, first, count)));
                     }
                   });
}

at::Tensor add_grouped_bias(const at::Tensor& y, const at::Tensor& bias, const Dispatch& dispatch) {
  return y + RowsOfExperts::apply(bias, dispatch.expert_from_row, dispatch.tokens_per_expert);
}

at::Tensor grouped_scale(const at::Tensor& y, const at::Tensor& factor, const Dispatch& dispatch) {
  return y * RowsOfExperts::apply(factor, dispatch.expert_from_row, dispatch.tokens_per_expert);
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
