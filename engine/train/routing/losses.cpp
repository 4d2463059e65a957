#include "engine/train/routing/losses.h"

#include <ATen/ATen.h>

namespace switchyard::train {

at::Tensor load_balance_loss(const at::Tensor& router_probs, const at::Tensor& expert_index) {
  const std::int64_t E = router_probs.size(1);
  const at::Tensor share = count_assignments(expert_index, E).to(router_probs.scalar_type()) /
                           static_cast<double>(expert_index.numel());
  return (share * router_probs.mean(0)).sum() * static_cast<double>(E);
}

at::Tensor router_z_loss(const at::Tensor& router_logits) {
  return at::logsumexp(router_logits, 1).square().mean();
}

at::Tensor count_assignments(const at::Tensor& expert_index, std::int64_t E) {
  const at::Tensor index = expert_index.flatten();
  return at::zeros({E}, index.options()).scatter_add_(0, index, at::ones_like(index));
}

}  // namespace switchyard::train
