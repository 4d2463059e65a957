#include "engine/train/model/head_loss.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/custom_function.h>

#include "engine/base/core/check.h"
#include "engine/train/model/linear_function.h"
#include "kernels/include/cross_entropy.h"

namespace switchyard::train {

#ifdef SY_WITH_CUDA

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kElementsPerBlock = std::int64_t{1} << 27;
constexpr std::int64_t kFewestRows = 1024;

/// Logits to gradients, in place; losses of the rows.
void cross_entropy(const at::Tensor& logits,
                   const at::Tensor& targets,
                   std::int64_t num_classes,
                   double scale,
                   const at::Tensor& losses) {
  const c10::impl::VirtualGuardImpl device(logits.device().type());
  const kernels::Dtype dtype =
      logits.scalar_type() == at::kBFloat16 ? kernels::Dtype::kBf16 : kernels::Dtype::kF32;
  const kernels::KernelStatus status =
      kernels::cross_entropy_cuda(logits.mutable_data_ptr(),
                                  dtype,
                                  targets.const_data_ptr<std::int64_t>(),
                                  logits.size(0),
                                  num_classes,
                                  logits.size(1),
                                  static_cast<float>(scale),
                                  losses.mutable_data_ptr<float>(),
                                  device.getStreamNativeHandle(device.getStream(logits.device())));
  SY_CHECK(status.ok(), status.message);
}

struct HeadLoss {
  at::Tensor loss, dhidden, dweight;
};

HeadLoss head_loss_in_blocks(const at::Tensor& hidden,
                             const at::Tensor& weight,
                             const at::Tensor& targets,
                             std::int64_t num_classes,
                             bool has_gradients) {
  const std::int64_t N = hidden.size(0);
  const std::int64_t per_block = std::max(kFewestRows, kElementsPerBlock / weight.size(0));
  const at::Tensor losses = at::empty({N}, hidden.options().dtype(at::kFloat));
  HeadLoss result;
  if (has_gradients) {
    result.dhidden = at::empty_like(hidden);
    result.dweight = at::empty_like(weight);
  }
  for (std::int64_t begin = 0; begin < N; begin += per_block) {
    const std::int64_t count = std::min(per_block, N - begin);
    const at::Tensor rows = hidden.narrow(0, begin, count);
    const at::Tensor logits = at::mm(rows, weight.t());
    cross_entropy(logits,
                  targets.narrow(0, begin, count),
                  num_classes,
                  1.0 / static_cast<double>(N),
                  losses.narrow(0, begin, count));
    if (!has_gradients) continue;
    at::Tensor drows = result.dhidden.narrow(0, begin, count);
    at::mm_out(drows, logits, weight);
    if (begin == 0) {
      at::mm_out(result.dweight, logits.t(), rows);
    } else {
      result.dweight.addmm_(logits.t(), rows);
    }
  }
  result.loss = losses.mean();
  return result;
}

struct HeadLossFunction : torch::autograd::Function<HeadLossFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& hidden,
                            const at::Tensor& weight,
                            const at::Tensor& targets,
                            std::int64_t num_classes) {
    HeadLoss parts = head_loss_in_blocks(hidden, weight, targets, num_classes, true);
    context->save_for_backward({weight});
    context->saved_data["dhidden"] = std::move(parts.dhidden);
    context->saved_data["dweight"] = std::move(parts.dweight);
    return parts.loss;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor weight = context->get_saved_variables()[0];
    at::Tensor dhidden = context->saved_data["dhidden"].toTensor().mul_(gradients[0]);
    at::Tensor dweight = context->saved_data["dweight"].toTensor().mul_(gradients[0]);
    if (const at::Tensor sum = gradient_buffer(weight, dweight.scalar_type()); sum.defined()) {
      sum.add_(dweight);
      dweight = at::Tensor();
    }
    return {dhidden, dweight, {}, {}};
  }
};

}  // namespace

bool has_fused_head_loss(const at::Tensor& hidden) {
  return hidden.is_cuda() && hidden.numel() > 0 &&
         (hidden.scalar_type() == at::kBFloat16 || hidden.scalar_type() == at::kFloat);
}

at::Tensor fused_head_loss(const at::Tensor& hidden,
                           const at::Tensor& weight,
                           const at::Tensor& targets,
                           std::int64_t num_classes) {
  if (at::GradMode::is_enabled()) {
    return HeadLossFunction::apply(hidden.contiguous(), weight, targets.contiguous(), num_classes);
  }
  return head_loss_in_blocks(hidden.contiguous(), weight, targets.contiguous(), num_classes, false)
      .loss;
}

#else

bool has_fused_head_loss(const at::Tensor& /*hidden*/) {
  return false;
}

at::Tensor fused_head_loss(const at::Tensor& hidden,
                           const at::Tensor& weight,
                           const at::Tensor& targets,
                           std::int64_t num_classes) {
  const at::Tensor rows = weight.narrow(0, 0, num_classes);
  return at::cross_entropy_loss(at::linear(hidden, rows), targets);
}

#endif

}  // namespace switchyard::train
