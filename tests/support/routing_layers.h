#pragma once

#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "tests/support/routing_options.h"

namespace switchyard::test {

/// An object {"type": type, …}.
inline Json with_type(const char* type, Json options = Json::object()) {
  options.set("type", type);
  return options;
}

/// As the ST-MoE package counts: floor, without top_k, at least 4.
inline Json package_capacity(double factor) {
  return with_type("choice_major",
                   Json::object({{"factor", factor},
                                 {"factor_eval", factor},
                                 {"is_scaled_by_top_k", false},
                                 {"rounding", "floor"}}));
}

/// The router top_n_threshold.
inline Json top_n(std::int64_t top_k, const char* thresholds, const char* keep = "always") {
  return with_type("top_n_threshold",
                   Json::object({{"top_k", top_k}, {"thresholds", thresholds}, {"keep", keep}}));
}

/// A layer of E experts with a router and a capacity.
inline RoutingUnderTest layer_of(std::int64_t E,
                                 Json router,
                                 Json capacity,
                                 Json more = Json::object()) {
  more.set("router", std::move(router));
  more.set("capacity", std::move(capacity));
  return {routed_options(E, std::move(more)), 4};
}

/// A matrix from its rows.
inline at::Tensor rows(std::vector<std::vector<double>> values) {
  std::vector<at::Tensor> all;
  for (const auto& row : values) all.push_back(at::tensor(row, at::kDouble));
  return at::stack(all);
}

}  // namespace switchyard::test
