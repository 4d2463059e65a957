#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/base/config/node.h"
#include "engine/base/config/schema.h"

namespace switchyard::train {

/// Which experts take which tokens, and with what weight.
struct RoutingPlan {
  at::Tensor expert_index;  ///< [N, K] int64 in [0, E), descending score, lower index first on ties
  at::Tensor combine_weight;     ///< [N, K] fp32 (fp64 in float64 runs), differentiable
  at::Tensor router_probs;       ///< [N, E], differentiable
  at::Tensor router_logits;      ///< [N, E]
  at::Tensor load_balance_loss;  ///< 0-d; 1 at uniform routing, before any coefficient
  at::Tensor router_z_loss;      ///< 0-d
};

/// Decides the routing of one layer from its logits. One file per strategy.
///
/// Shapes: router_logits [N, E].
/// Determinism: exact; selection ties go to the lower index.
/// Source: each strategy names its own in RouterInfo::source.
class Router {
 public:
  virtual ~Router() = default;
  virtual RoutingPlan route(const at::Tensor& router_logits, bool is_training) = 0;
  [[nodiscard]] virtual std::int64_t top_k() const = 0;
};

struct RouterInfo {
  std::string_view name;     ///< the word used in configs, tables and the window
  std::string_view summary;  ///< one line for the tooltip
  std::string_view source;   ///< paper and equation
  bool is_causal = true;     ///< does a token's routing depend on later tokens?
};

struct RouterEntry {
  RouterInfo info;
  void (*describe)(config::Schema& schema) = nullptr;  ///< declares its options
  std::unique_ptr<Router> (*create)(const config::Node& options,
                                    std::int64_t E) = nullptr;  ///< from valid options
};

/// All routers, in the order in which the window lists them (registry.cpp is the only list).
std::span<const RouterEntry> all_routers();
/// The same as declarations for config::run_schema.
std::vector<config::RouterDeclaration> router_declarations();

}  // namespace switchyard::train
