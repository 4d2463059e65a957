#pragma once

#include <string>

#include <gtest/gtest.h>

#include "engine/base/config/schema.h"
#include "engine/train/routing/layer_routing.h"

namespace switchyard::test {

/// The declaration of a layer of routed experts, with every strategy.
inline const config::Schema& routed_experts_schema() {
  static const config::Schema run = config::run_schema(train::routing_declarations());
  const config::Schema& layer = *run.find("model")->object->find("layers")->object;
  for (const config::Field::Alternative& block : layer.find("feed_forward")->alternatives) {
    if (block.type == "routed_experts") return *block.schema;
  }
  ADD_FAILURE() << "no routed_experts in the schema";
  return run;
}

/// A resolved "routed_experts" object of num_experts experts from what is given.
inline Json routed_options(std::int64_t num_experts, Json given = Json::object()) {
  given.set("num_experts", num_experts);
  given.set("allow_lookahead", true);
  const config::Resolved resolved = config::resolve(routed_experts_schema(), given, "test");
  for (const Error& error : resolved.errors) ADD_FAILURE() << error.text();
  return resolved.config;
}

/// A layer's routing with what it keeps, of tokens with D numbers, in float64.
struct RoutingUnderTest {
  Json options;
  train::RoutingShape shape;
  train::LayerRouting routing;
  train::ParameterStore parameters;

  RoutingUnderTest(const Json& resolved, std::int64_t d_model, std::int64_t vocab_size = 11)
      : options(resolved),
        shape{"router", options["num_experts"].as_integer(), d_model, 8, vocab_size, 64},
        routing(config::Node(options), shape) {
    routing.declare(parameters);
    parameters.allocate(at::kDouble, at::kDouble, at::kCPU);
    for (const train::ParameterStore::Declaration& declaration : parameters.declarations()) {
      if (declaration.fill) parameters.master(declaration.name).fill_(*declaration.fill);
    }
    routing.bind(parameters);
  }

  /// Routes N rows of logits as one sequence in training.
  [[nodiscard]] train::RoutingPlan route(const at::Tensor& logits, bool is_training = true) const {
    train::TokenView tokens;
    tokens.x = at::zeros({logits.size(0), shape.d_model}, logits.options());
    tokens.token_ids = at::arange(logits.size(0), at::kLong).remainder(shape.vocab_size);
    tokens.is_training = is_training;
    return routing.route_logits(logits, tokens);
  }
};

}  // namespace switchyard::test
