#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "engine/train/fused/functions.h"
#include "engine/train/fused/launch.h"
#include "engine/train/fused/tape.h"
#include "kernels/include/cross_entropy.h"

namespace switchyard::train {
namespace {

constexpr std::int64_t kElementsPerBlock = std::int64_t{1} << 29;  ///< 1 GiB of bf16 logits
constexpr std::int64_t kFewestRows = 1024;

/// Logits to gradients, in place; losses of the rows.
void cross_entropy(const at::Tensor& logits,
                   const at::Tensor& targets,
                   std::int64_t num_classes,
                   double scale,
                   const at::Tensor& losses) {
  void* const at = logits.mutable_data_ptr();
  const auto* const target = targets.const_data_ptr<std::int64_t>();
  auto* const loss = losses.mutable_data_ptr<float>();
  const std::int64_t N = logits.size(0), stride = logits.size(1);
  const kernels::Dtype dtype = dtype_of(logits);
  const auto factor = static_cast<float>(scale);
  run_kernel(
      logits.device(),
      [&] {
        kernels::cross_entropy_reference(
            at, dtype, target, N, num_classes, stride, factor, loss);
      },
      [&](auto stream) {
        return kernels::cross_entropy_cuda(
            at, dtype, target, N, num_classes, stride, factor, loss, stream);
      });
}

/// The loss; `dhidden`, if defined, receives the gradient of share x loss, and so does the weight.
at::Tensor head_loss_in_blocks(Fusion& fusion,
                               const at::Tensor& hidden,
                               const Slot& weight,
                               const at::Tensor& targets,
                               std::int64_t num_classes,
                               double share,
                               const at::Tensor& dhidden) {
  const std::int64_t N = hidden.size(0), V = weight.value.size(0);
  const std::int64_t per_block = std::min(N, std::max(kFewestRows, kElementsPerBlock / V));
  const at::Tensor losses = at::empty({N}, hidden.options().dtype(at::kFloat));
  const at::Tensor buffer = at::empty({per_block, V}, hidden.options());
  for (std::int64_t begin = 0; begin < N; begin += per_block) {
    const std::int64_t count = std::min(per_block, N - begin);
    const at::Tensor rows = hidden.narrow(0, begin, count);
    const at::Tensor logits = buffer.narrow(0, 0, count);
    fusion.multiply(rows, weight.value.t(), 0.0, logits);
    cross_entropy(logits,
                  targets.narrow(0, begin, count),
                  num_classes,
                  share / static_cast<double>(N),
                  losses.narrow(0, begin, count));
    if (!dhidden.defined()) continue;
    fusion.multiply(logits, weight.value, 0.0, dhidden.narrow(0, begin, count));
    fusion.multiply(logits.t(), rows, 1.0, weight.gradient);
  }
  return losses.mean();
}

struct FusedHeadLossFunction : torch::autograd::Function<FusedHeadLossFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& hidden,
                            Fusion& fusion,
                            const Slot& weight,
                            const at::Tensor& targets,
                            std::int64_t num_classes,
                            double share) {
    const at::Tensor dhidden = at::empty_like(hidden);
    context->saved_data["dhidden"] = dhidden;
    return head_loss_in_blocks(fusion, hidden, weight, targets, num_classes, share, dhidden);
  }

  static variable_list backward(AutogradContext* context, const variable_list& /*gradients*/) {
    return {context->saved_data["dhidden"].toTensor(), {}, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor fused_head_loss(Fusion& fusion,
                           const at::Tensor& hidden,
                           const Slot& weight,
                           const at::Tensor& targets,
                           std::int64_t num_classes,
                           double share) {
  const at::Tensor rows = hidden.contiguous(), wanted = targets.contiguous();
  if (at::GradMode::is_enabled()) {
    return FusedHeadLossFunction::apply(rows, fusion, weight, wanted, num_classes, share);
  }
  return head_loss_in_blocks(fusion, rows, weight, wanted, num_classes, share, {});
}

}  // namespace switchyard::train
