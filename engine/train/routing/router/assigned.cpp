#include "engine/train/routing/router/assigned.h"

#include <ATen/ATen.h>

namespace switchyard::train {

AssignedRouter::AssignedRouter(const config::Node& options, const RoutingShape& shape)
    : num_experts_(shape.num_experts),
      top_k_(options.integer("top_k")),
      use_learned_weight_(options.boolean("use_learned_weight")) {}

Choice AssignedRouter::choose(const Scores& /*scores*/, const TokenView& tokens) {
  Choice choice;
  choice.expert_index = assign(tokens);
  return choice;
}

void AssignedRouter::describe_assignment(config::Schema& schema) {
  schema.integer("top_k", 1)
      .range(1, 64)
      .in("experts")
      .named("Active per token")
      .says("experts that each token uses")
      .at_level(config::Level::kEssential);
  schema.boolean("use_learned_weight", false)
      .says("a learned score weighs the assigned experts; off: there is no router to learn");
}

at::Tensor AssignedRouter::positions(const TokenView& tokens) {
  const auto options = tokens.x.options().dtype(at::kLong);
  const std::int64_t length = tokens.num_tokens() / tokens.num_sequences;
  return at::arange(tokens.first_position, tokens.first_position + length, options)
      .repeat({tokens.num_sequences});
}

at::Tensor AssignedRouter::neighbours_from(const at::Tensor& first) const {
  return at::remainder(first.unsqueeze(1) + at::arange(top_k_, first.options()), num_experts_);
}

}  // namespace switchyard::train
