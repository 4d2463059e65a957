#include "engine/base/config/routed_size.h"

#include <algorithm>

namespace switchyard::config {

RoutedSize routed_size(const Node& feed_forward, std::int64_t seq_len) {
  const Node router = feed_forward.child("router");
  const std::string& type = router.text("type");
  const std::int64_t E = feed_forward.integer("num_experts");
  RoutedSize size;
  if (type == "soft_moe") {
    const std::int64_t given = router.integer("slots_per_expert");
    const std::int64_t slots = given > 0 ? given : std::max<std::int64_t>(1, seq_len / E);
    size.num_router_outputs = size.num_slots = E * slots;
    size.experts_per_token = static_cast<double>(E * slots) / static_cast<double>(seq_len);
    return size;
  }
  size.num_free_experts = feed_forward.integer("num_zero_experts") +
                          feed_forward.integer("num_copy_experts") +
                          feed_forward.integer("num_constant_experts");
  const std::int64_t total = E + size.num_free_experts;
  size.num_router_outputs = total;
  auto chosen = static_cast<double>(total);  // open: any number of experts
  if (router.has("top_k")) {
    chosen = static_cast<double>(router.integer("top_k"));
  } else if (router.has("capacity_factor")) {
    chosen = std::min(chosen, router.number("capacity_factor"));
  } else if (type == "base_assignment" || type == "no_token_left_behind") {
    chosen = 1.0;
  }
  size.experts_per_token = chosen * static_cast<double>(E) / static_cast<double>(total);
  return size;
}

}  // namespace switchyard::config
