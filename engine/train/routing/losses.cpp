#include "engine/train/routing/losses.h"

#include <ATen/ATen.h>

namespace switchyard::train {

at::Tensor load_balance_loss(const at::Tensor& router_probs,
                             const at::Tensor& expert_index,
                             std::int64_t num_groups,
                             bool divides_by_slots) {
  const std::int64_t E = router_probs.size(1);
  const at::Tensor index = expert_index.reshape({num_groups, -1});
  // One column more counts what has no expert.
  const at::Tensor counts =
      at::zeros({num_groups, E + 1}, index.options())
          .scatter_add_(1, index, at::ones_like(index))
          .narrow(1, 0, E)
          .to(router_probs.scalar_type());
  const at::Tensor share = divides_by_slots ? counts / static_cast<double>(index.size(1))
                                            : counts / counts.sum(1, true).clamp_min(1.0);
  const at::Tensor mean = router_probs.view({num_groups, -1, E}).mean(1);
  return (share * mean).sum(1).mean() * static_cast<double>(E);
}

at::Tensor router_z_loss(const at::Tensor& router_logits) {
  return at::logsumexp(router_logits, 1).square().mean();
}

at::Tensor token_entropy(const at::Tensor& probs) {
  constexpr double kSmallest = 1e-30;  // keeps the slope of 0 ln 0 finite
  return -(probs * probs.clamp_min(kSmallest).log()).sum(1).mean();
}

at::Tensor squared_variation(const at::Tensor& values) {
  constexpr double kSmallest = 1e-20;  // zeros alone do not vary
  return values.var(/*dim=*/0, /*unbiased=*/false) / values.mean().square().clamp_min(kSmallest);
}

}  // namespace switchyard::train
