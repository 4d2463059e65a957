#include "engine/train/routing/registry.h"

namespace switchyard::train {
namespace {

std::unique_ptr<BalanceController> create(const config::Node& /*options*/,
                                          const RoutingShape& /*shape*/) {
  return std::make_unique<BalanceController>();
}

}  // namespace

BalanceEntry no_balance_entry() {
  return {{"none",
           "no bias on scores; the load-balance loss alone spreads tokens",
           "Fedus et al. 2021, arXiv 2101.03961, section 2.2"},
          nullptr,
          &create};
}

}  // namespace switchyard::train
