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

/// What the loss consists of beside hidden and weight.
struct Wanted {
  at::Tensor targets;
  std::int64_t num_classes = 0;
  double z_coef = 0.0, share = 1.0;
};

/// Logits of the rows from `begin` to their gradients, in place; losses of the rows.
void cross_entropy(const at::Tensor& logits,
                   const Wanted& wanted,
                   std::int64_t begin,
                   const at::Tensor& totals,
                   const at::Tensor& plain) {
  void* const at = logits.mutable_data_ptr();
  const auto* const target = wanted.targets.const_data_ptr<std::int64_t>() + begin;
  auto* const loss = totals.mutable_data_ptr<float>() + begin;
  const std::int64_t N = logits.size(0), stride = logits.size(1);
  const kernels::Dtype dtype = dtype_of(logits);
  const auto scale = static_cast<float>(wanted.share / static_cast<double>(totals.size(0)));
  kernels::CrossEntropyOptions options;
  options.z_coef = static_cast<float>(wanted.z_coef);
  if (wanted.z_coef > 0.0) options.plain_loss = plain.mutable_data_ptr<float>() + begin;
  run_kernel(
      logits.device(),
      [&] {
        kernels::cross_entropy_reference(
            at, dtype, target, N, wanted.num_classes, stride, scale, loss, options);
      },
      [&](auto stream) {
        return kernels::cross_entropy_cuda(
            at, dtype, target, N, wanted.num_classes, stride, scale, loss, stream, options);
      });
}

/// The losses; `dhidden`, if defined, receives the gradient of share x total, and so does the
/// weight.
HeadLoss head_loss_in_blocks(Fusion& fusion,
                             const at::Tensor& hidden,
                             const Slot& weight,
                             const Wanted& wanted,
                             const at::Tensor& dhidden) {
  const std::int64_t N = hidden.size(0), V = weight.value.size(0);
  const std::int64_t per_block = std::min(N, std::max(kFewestRows, kElementsPerBlock / V));
  const at::Tensor totals = at::empty({N}, hidden.options().dtype(at::kFloat));
  const at::Tensor plain = wanted.z_coef > 0.0 ? at::empty_like(totals) : totals;
  const at::Tensor buffer = at::empty({per_block, V}, hidden.options());
  for (std::int64_t begin = 0; begin < N; begin += per_block) {
    const std::int64_t count = std::min(per_block, N - begin);
    const at::Tensor rows = hidden.narrow(0, begin, count);
    const at::Tensor logits = buffer.narrow(0, 0, count);
    fusion.multiply(rows, weight.value.t(), 0.0, logits);
    cross_entropy(logits, wanted, begin, totals, plain);
    if (!dhidden.defined()) continue;
    fusion.multiply(logits, weight.value, 0.0, dhidden.narrow(0, begin, count));
    fusion.multiply(logits.t(), rows, 1.0, weight.gradient);
  }
  const at::Tensor total = totals.mean();
  return {total, wanted.z_coef > 0.0 ? plain.mean() : total};
}

struct FusedHeadLossFunction : torch::autograd::Function<FusedHeadLossFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& hidden,
                            Fusion& fusion,
                            const Slot& weight,
                            const Wanted& wanted,
                            at::Tensor* plain) {
    const at::Tensor dhidden = at::empty_like(hidden);
    context->saved_data["dhidden"] = dhidden;
    const HeadLoss loss = head_loss_in_blocks(fusion, hidden, weight, wanted, dhidden);
    *plain = loss.cross_entropy;
    return loss.total;
  }

  static variable_list backward(AutogradContext* context, const variable_list& /*gradients*/) {
    return {context->saved_data["dhidden"].toTensor(), {}, {}, {}, {}};
  }
};

}  // namespace

HeadLoss fused_head_loss(Fusion& fusion,
                         const at::Tensor& hidden,
                         const Slot& weight,
                         const at::Tensor& targets,
                         std::int64_t num_classes,
                         double z_coef,
                         double share) {
  const at::Tensor rows = hidden.contiguous();
  const Wanted wanted{targets.contiguous(), num_classes, z_coef, share};
  if (!at::GradMode::is_enabled()) return head_loss_in_blocks(fusion, rows, weight, wanted, {});
  HeadLoss loss;
  loss.total = FusedHeadLossFunction::apply(rows, fusion, weight, wanted, &loss.cross_entropy);
  loss.cross_entropy = loss.cross_entropy.detach();
  return loss;
}

}  // namespace switchyard::train
