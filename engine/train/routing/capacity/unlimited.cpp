#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

class UnlimitedCapacity final : public Capacity {
 public:
  at::Tensor limit(const Choice& choice,
                   const at::Tensor& /*combine_weight*/,
                   const Scores& /*scores*/,
                   const TokenView& /*tokens*/) override {
    return choice.expert_index;
  }

  [[nodiscard]] bool may_drop() const override { return false; }
};

std::unique_ptr<Capacity> create(const config::Node& /*options*/, const RoutingShape& /*shape*/) {
  return std::make_unique<UnlimitedCapacity>();
}

}  // namespace

CapacityEntry unlimited_capacity_entry() {
  return {{"unlimited",
           "experts take whatever comes; nothing is dropped",
           "Gale et al. 2022, arXiv 2211.15841, section 4"},
          nullptr,
          &create};
}

}  // namespace switchyard::train
