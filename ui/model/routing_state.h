#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/base/core/json.h"
#include "ui/model/routing_view.h"
#include "ui/plot/map_scale.h"

namespace switchyard::ui {

/// A moment of a run's recorded routing.
struct RoutingMoment {
  std::string root;        ///< of the run; empty: the open one
  std::int64_t step = -1;  ///< kHead, kNewest, or a recorded step

  static constexpr std::int64_t kHead = -1;    ///< the head of the play-back
  static constexpr std::int64_t kNewest = -2;  ///< whatever was recorded last

  friend bool operator==(const RoutingMoment&, const RoutingMoment&) = default;
};

/// How the panels of the Routing workspace show what is recorded; one for all of them.
struct RoutingState {
  RoutingQuantity quantity = RoutingQuantity::kLoad;
  LoadColors colors;
  std::string layer_metric = "router_entropy_normalized";  ///< of the map layer × time
  std::map<std::string, LoadColors::Range> fixed_ranges;   ///< of layer metrics, by name
  bool is_log_rank = true;                                 ///< rank–frequency on two log axes
  RoutingMoment compared_from{"", 0};                      ///< A
  RoutingMoment compared_to{"", RoutingMoment::kHead};     ///< B
};

/// What the session keeps of it, and back. Bad values are left out; moments are not kept.
Json routing_json(const RoutingState& state);
void restore_routing(RoutingState& state, const Json& saved);

}  // namespace switchyard::ui
