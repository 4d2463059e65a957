#include <string>

#include <ATen/ATen.h>

#include "engine/train/routing/assignment.h"
#include "tests/golden/layer_case.h"

namespace switchyard::golden {
namespace {

/// The objective of a layer: sum(y * grad_out).
void compare_main(LayerCase& layer) {
  const at::Tensor of_y = layer.tensor("grad_out").reshape({layer.tokens.x.size(0), -1});
  layer.compare_objective("main",
                          [&] { return (layer.layer().forward(layer.tokens).y * of_y).sum(); });
}

}  // namespace

CaseOutcome run_expert_choice(const Json& c,
                              const std::string& folder,
                              const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  layer.know({"batch",
              "capacity_factor",
              "capacity_rule",
              "capacity_value",
              "dim",
              "expert",
              "expert_bias",
              "expert_hidden",
              "group",
              "index_order",
              "num_experts",
              "seq",
              "softmax_over",
              "tie_rule",
              "weight"});
  layer.expect("capacity_rule",
               "max(1, round(cf * group_tokens / E)); cf = average experts per token");
  layer.expect("weight", "score, not renormalised");
  const Json& config = layer.config();
  Json router = stage("expert_choice");
  router.set("capacity_factor", config["capacity_factor"]);
  router.set("softmax_over", config["softmax_over"]);
  const bool is_per_sequence = config["group"].as_string() == "sequence";
  router.set("group", is_per_sequence ? "sequence" : "micro_batch");
  Json options = Json::object({{"allow_lookahead", true}});
  set_experts(options, config);
  options.set("router", std::move(router));
  layer.build(options, layer_places());
  if (!layer.is_good()) return comparison.outcome();
  const train::RoutedExperts::Output output = layer.layer().forward(layer.tokens);
  const train::RoutingPlan& plan = output.plan;
  layer.compare("out.y", output.y.view(layer.tensor("in.x").sizes()));
  layer.compare("out.logits", plan.router_logits.view(layer.tensor("out.logits").sizes()));
  layer.compare("out.loss.z", plan.router_z_loss.view({1}));
  const at::Tensor by_expert = layer.tensor("out.token_indices");  // [G, E, C]
  const std::int64_t G = by_expert.size(0), E = by_expert.size(1);
  const at::Tensor gates =
      dense_gates(plan.expert_index, plan.combine_weight, E).view({G, -1, E}).transpose(1, 2);
  layer.compare("out.weights", gates.gather(2, by_expert));
  const at::Tensor is_member =
      dense_gates(plan.expert_index, (plan.expert_index != E).to(at::kDouble), E)
          .view({G, -1, E})
          .to(at::kLong);
  layer.compare("out.experts_per_token", is_member.sum(2));
  comparison.value("tokens of experts that are not theirs",
                   is_member.transpose(1, 2).gather(2, by_expert).sum().item<double>(),
                   static_cast<double>(by_expert.numel()),
                   0.0,
                   0.0);
  const at::Tensor chosen = layer.tensor("out.scores").transpose(1, 2).gather(2, by_expert);
  layer.compare("out.weights", chosen);
  compare_main(layer);
  return comparison.outcome();
}

CaseOutcome run_soft_moe(const Json& c, const std::string& folder, const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  layer.know({"batch",
              "dim",
              "expert",
              "expert_bias",
              "expert_hidden",
              "l2_eps",
              "l2norm",
              "logits",
              "normalise",
              "num_experts",
              "seq",
              "slot_order",
              "slots_per_expert"});
  layer.expect("l2_eps", 1e-6);
  layer.expect("slot_order", "slot index = expert * slots_per_expert + slot");
  const Json& config = layer.config();
  Json router = stage("soft_moe");
  router.set("slots_per_expert", config["slots_per_expert"]);
  router.set("is_normalized", config["normalise"]);
  Json options = Json::object({{"allow_lookahead", true}});
  set_experts(options, config);
  options.set("router", std::move(router));
  auto places = layer_places();
  places["w.phi"] = {LayerPlace{"router.phi.weight"}};
  places["w.scale"] = {LayerPlace{"router.phi.scale"}};
  layer.build(options, std::move(places));
  if (!layer.is_good()) return comparison.outcome();
  const train::RoutedExperts::Output output = layer.layer().forward(layer.tokens);
  const train::Choice& choice = output.plan.choice;
  const at::Tensor x = layer.tokens.x.view(layer.tensor("in.x").sizes());
  layer.compare("out.y", output.y.view_as(x));
  layer.compare("out.dispatch", choice.slot_dispatch);
  layer.compare("out.combine", choice.slot_combine);
  layer.compare("out.slot_inputs", at::bmm(choice.slot_dispatch.transpose(1, 2), x));
  compare_main(layer);
  return comparison.outcome();
}

CaseOutcome run_assigned_moe(const Json& c,
                             const std::string& folder,
                             const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  layer.know({"batch",
              "dim",
              "expert",
              "expert_bias",
              "expert_hidden",
              "num_experts",
              "rule",
              "rule_text",
              "seq",
              "top_k",
              "vocab",
              "weight",
              "weight_rule"});
  const Json& config = layer.config();
  const std::string& rule = config["rule"].as_string();
  const std::string& weight = config["weight_rule"].as_string();
  // A table and a recorded draw come as the numbers whose largest the router takes.
  Json router = stage(rule == "round_robin" ? "round_robin" : "random");
  router.set("top_k", config["top_k"]);
  router.set("use_learned_weight", weight != "mean");
  Json options = Json::object({{"allow_lookahead", true}});
  set_experts(options, config);
  options.set("router", std::move(router));
  if (weight == "mean") {
    options.set("combine_weight", stage("mean"));
  } else if (weight == "softmax_selected") {
    options.set("combine_weight", stage("selected_softmax"));
    options.set("score", stage("logits"));
  } else if (weight == "sigmoid_selected") {
    options.set("combine_weight", stage("raw"));
    options.set("score", stage("sigmoid"));
  } else {
    layer.fail("config.weight_rule " + weight + " is unknown");
  }
  auto places = layer_places();
  places["buf.table"] = {};
  layer.build(options, std::move(places));
  if (!layer.is_good()) return comparison.outcome();
  layer.tokens.num_sequences = 1;  // the case counts tokens through all sequences
  at::Tensor index;
  if (rule == "token_table") {
    index = layer.tensor("buf.table").index_select(0, layer.tokens.token_ids);
  } else if (rule == "given") {
    index = layer.tensor("in.indices");
  } else if (rule != "round_robin") {
    layer.fail("config.rule " + rule + " is unknown");
    return comparison.outcome();
  }
  if (index.defined()) {
    const std::int64_t K = index.size(-1);
    index = index.reshape({-1, K});
    const at::Tensor order = at::arange(K, 0, -1, at::kDouble).expand_as(index);
    layer.tokens.random =
        at::zeros({index.size(0), config["num_experts"].as_integer()}, at::kDouble)
            .scatter(1, index, order);
  }
  const train::RoutedExperts::Output output = layer.layer().forward(layer.tokens);
  layer.compare("out.y", output.y.view(layer.tensor("in.x").sizes()));
  layer.compare("out.indices", output.plan.expert_index);
  layer.compare("out.weights", output.plan.combine_weight);
  layer.compare("out.counts", output.tokens_per_expert);
  compare_main(layer);
  return comparison.outcome();
}

CaseOutcome run_router_sinkhorn(const Json& c,
                                const std::string& folder,
                                const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  layer.know({"iterations", "num_experts", "procedure", "tie_rule", "tokens", "top_k", "weights"});
  layer.expect("weights",
               "sigmoid(logit) at the chosen expert if k = 1, else softmax over all experts at the "
               "chosen experts, not renormalised; no gradient through Pi");
  const Json& config = layer.config();
  Json router = stage("sinkhorn");
  router.set("top_k", config["top_k"]);
  router.set("num_iterations", config["iterations"]);
  Json options = Json::object({{"allow_lookahead", true}, {"num_experts", config["num_experts"]}});
  options.set("router", std::move(router));
  if (config["top_k"].as_integer() == 1) options.set("combine_weight", stage("raw"));
  layer.build(options, layer_places());
  if (!layer.is_good()) return comparison.outcome();
  const at::Tensor logits = layer.tensor("in.logits").clone().requires_grad_(true);
  const std::int64_t E = logits.size(1);
  const auto gates = [&](train::RoutingPlan& plan) {
    plan = layer.layer().routing().route_logits(logits, layer.tokens);
    return dense_gates(plan.expert_index, plan.combine_weight, E);
  };
  train::RoutingPlan plan;
  layer.compare("out.y", gates(plan));
  layer.compare("out.indices", plan.expert_index);
  layer.compare("out.weights", plan.combine_weight);
  layer.compare("out.counts", train::count_assignments(plan.expert_index, E));
  const at::Tensor pi = train::sinkhorn(logits.detach(), config["iterations"].as_integer());
  layer.compare("out.pi", pi);
  layer.compare("out.row_sums", pi.sum(1));
  layer.compare_objective("main",
                          [&] { return (gates(plan) * layer.tensor("grad_out")).sum(); },
                          {{"in.logits", logits}});
  return comparison.outcome();
}

}  // namespace switchyard::golden
