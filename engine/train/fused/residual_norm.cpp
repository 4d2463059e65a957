#include <ATen/ATen.h>

#include "engine/train/fused/functions.h"
#include "engine/train/fused/launch.h"
#include "engine/train/fused/tape.h"
#include "kernels/include/residual_norm.h"

namespace switchyard::train {
namespace {

kernels::ResidualNorm shape_of(const at::Tensor& rows,
                               at::ScalarType compute,
                               const NormOptions& norm,
                               const Dropout& dropout) {
  kernels::ResidualNorm shape;
  shape.N = rows.size(0);
  shape.D = rows.size(1);
  shape.stream_dtype = dtype_of(rows);
  shape.compute_dtype = dtype_of(compute);
  shape.is_rms = norm.is_rms;
  shape.eps = static_cast<float>(norm.eps);
  shape.dropout = static_cast<float>(dropout.p);
  shape.site = dropout.site;
  return shape;
}

struct ResidualNormFunction : torch::autograd::Function<ResidualNormFunction> {
  static variable_list forward(AutogradContext* context,
                               const at::Tensor& x,
                               const std::optional<at::Tensor>& delta,
                               Fusion& fusion,
                               const Slot& weight,
                               const Slot& bias,
                               const NormOptions& norm,
                               const Dropout& dropout,
                               at::ScalarType compute) {
    const at::Tensor rows = rows_of(x);
    const at::Tensor branch = delta.has_value() ? rows_of(*delta) : at::Tensor();
    const kernels::ResidualNorm shape = shape_of(rows, compute, norm, dropout);
    const at::Tensor sum = branch.defined() ? at::empty_like(rows) : rows;
    const at::Tensor y = at::empty(rows.sizes(), rows.options().dtype(compute));
    const auto moments = rows.options().dtype(at::kFloat);
    const at::Tensor rstd = at::empty({shape.N}, moments);
    const at::Tensor mean = norm.is_rms ? at::Tensor() : at::empty({shape.N}, moments);
    at::Tensor mask;  // a bit per element, so that the backward need not draw again
    if (branch.defined() && dropout.p > 0.0) {
      mask = at::empty({shape.N, (shape.D + 7) / 8}, rows.options().dtype(at::kByte));
    }
    kernels::ResidualNormForward arguments;
    arguments.x = rows.const_data_ptr();
    arguments.delta = pointer_or_null(branch);
    arguments.weight = weight.value.const_data_ptr<float>();
    if (bias.defined()) arguments.bias = bias.value.const_data_ptr<float>();
    arguments.state = fusion.step_state();
    arguments.sum = sum.mutable_data_ptr();
    arguments.y = y.mutable_data_ptr();
    arguments.rstd = rstd.mutable_data_ptr<float>();
    if (mean.defined()) arguments.mean = mean.mutable_data_ptr<float>();
    if (mask.defined()) arguments.mask = mask.mutable_data_ptr<std::uint8_t>();
    run_kernel(
        rows.device(),
        [&] { kernels::residual_norm_reference(shape, arguments); },
        [&](auto stream) { return kernels::residual_norm_cuda(shape, arguments, stream); });
    context->save_for_backward({sum, mean, rstd, mask});
    keep(*context, fusion);
    keep(*context, "weight", weight);
    keep(*context, "bias", bias);
    context->saved_data["is_rms"] = norm.is_rms;
    context->saved_data["eps"] = norm.eps;
    context->saved_data["dropout"] = dropout.p;
    context->saved_data["site"] = static_cast<std::int64_t>(dropout.site);
    context->saved_data["compute"] = compute;
    context->saved_data["has_delta"] = delta.has_value();
    if (!branch.defined()) return {y.view_as(x)};
    return {y.view_as(x), sum.view_as(x)};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    auto& saved_data = context->saved_data;
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &sum = saved[0], &mean = saved[1], &rstd = saved[2], &mask = saved[3];
    const bool has_delta = saved_data["has_delta"].toBool();
    const auto compute = saved_data["compute"].toScalarType();
    const NormOptions norm{saved_data["is_rms"].toBool(), saved_data["eps"].toDouble()};
    const Dropout dropout{saved_data["dropout"].toDouble(),
                          static_cast<std::uint32_t>(saved_data["site"].toInt())};
    const Slot weight = kept_slot(*context, "weight"), bias = kept_slot(*context, "bias");
    const at::Tensor dsum =
        gradients.size() > 1 && gradients[1].defined() ? rows_of(gradients[1]) : at::Tensor();
    const at::Tensor dy = gradients[0].defined()
                              ? rows_of(gradients[0])
                              : at::zeros(sum.sizes(), sum.options().dtype(compute));
    const kernels::ResidualNorm shape = shape_of(sum, compute, norm, dropout);
    const at::Tensor dx = at::empty_like(sum);
    const bool is_shared = dropout.p == 0.0 && sum.scalar_type() == compute;
    at::Tensor ddelta;
    if (has_delta) ddelta = is_shared ? dx : at::empty_like(dy);
    kernels::ResidualNormBackward arguments;
    arguments.dy = dy.const_data_ptr();
    arguments.dsum = pointer_or_null(dsum);
    arguments.sum = sum.const_data_ptr();
    if (mean.defined()) arguments.mean = mean.const_data_ptr<float>();
    arguments.rstd = rstd.const_data_ptr<float>();
    arguments.weight = weight.value.const_data_ptr<float>();
    arguments.state = kept_fusion(*context).step_state();
    if (mask.defined()) arguments.mask = mask.const_data_ptr<std::uint8_t>();
    arguments.dx = dx.mutable_data_ptr();
    if (has_delta && !is_shared) arguments.ddelta = ddelta.mutable_data_ptr();
    arguments.dweight = weight.gradient.mutable_data_ptr<float>();
    if (bias.defined()) arguments.dbias = bias.gradient.mutable_data_ptr<float>();
    arguments.beta = 1.0F;
    at::Tensor workspace;
    run_kernel(
        sum.device(),
        [&] { kernels::residual_norm_backward_reference(shape, arguments); },
        [&](auto stream) {
          const std::size_t bytes = kernels::residual_norm_workspace_bytes(shape.N, shape.D);
          workspace =
              at::empty({static_cast<std::int64_t>(bytes)}, sum.options().dtype(at::kByte));
          arguments.workspace = workspace.mutable_data_ptr();
          return kernels::residual_norm_backward_cuda(shape, arguments, stream);
        });
    const at::IntArrayRef sizes = gradients[gradients[0].defined() ? 0 : 1].sizes();
    return {dx.view(sizes),
            has_delta ? ddelta.view(sizes) : at::Tensor(),
            {},
            {},
            {},
            {},
            {},
            {}};
  }
};

}  // namespace

Normed fused_residual_norm(Fusion& fusion,
                           const at::Tensor& x,
                           const at::Tensor& delta,
                           const Slot& weight,
                           const Slot& bias,
                           const NormOptions& norm,
                           const Dropout& dropout,
                           at::ScalarType compute) {
  const std::optional<at::Tensor> branch =
      delta.defined() ? std::optional<at::Tensor>(delta) : std::nullopt;
  const variable_list results =
      ResidualNormFunction::apply(x, branch, fusion, weight, bias, norm, dropout, compute);
  return {branch.has_value() ? results[1] : x, results[0]};
}

}  // namespace switchyard::train
