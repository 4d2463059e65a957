#pragma once

#include <cstdint>

#include "engine/base/config/node.h"

namespace switchyard::config {

/// What the counts of parameters and operations need to know of a layer of routed experts.
struct RoutedSize {
  std::int64_t num_free_experts = 0;    ///< without a product: zero, copy, constant
  std::int64_t num_router_outputs = 1;  ///< logits of a token: experts, or slots of all experts
  std::int64_t num_slots = 0;  ///< of a sequence, where experts compute mixtures of its tokens
  /// Experts with a product that a token passes: their number, or what it is on average. With free
  /// experts their share of choices at equal use; capacities that drop are not counted.
  double experts_per_token = 1.0;
};

/// Of a resolved "routed_experts" object in a model with contexts of seq_len tokens.
RoutedSize routed_size(const Node& feed_forward, std::int64_t seq_len);

}  // namespace switchyard::config
