// One layer of routed experts, or its router alone: outputs and the gradient of every objective.
#include <algorithm>
#include <set>

#include <ATen/ATen.h>

#include "engine/train/routing/losses.h"
#include "tests/golden/layer_case.h"

namespace switchyard::golden {
namespace {

using Output = train::RoutedExperts::Output;

/// Words about rules that every case follows, and results that tensors tell as well.
const std::set<std::string> kTold{
    "tie_rule", "index_order", "capacity_value", "dropped_fraction", "batch", "seq", "tokens", "dim"};

void know(LayerCase& layer, std::set<std::string> keys) {
  keys.insert(kTold.begin(), kTold.end());
  layer.know(keys);
}

/// Our words of a capacity that a case describes.
Json capacity_options(LayerCase& layer, const Json& rule) {
  if (rule.is_null()) return stage("unlimited");
  const std::set<std::string> known{"factor", "scaled_by_k", "rounding", "min", "order", "group"};
  for (const auto& [key, value] : rule.members()) {
    if (!known.contains(key)) layer.fail("config.capacity key " + key + " is unknown");
  }
  const std::string& rounding = rule["rounding"].as_string();
  const std::string& group = rule["group"].as_string();
  if (group != "sequence" && group != "batch") layer.fail("capacity group " + group);
  return Json::object(
      {{"type", rule["order"]},
       {"factor", rule["factor"]},
       {"factor_eval", rule["factor"]},
       {"is_scaled_by_top_k", rule["scaled_by_k"]},
       {"rounding", rounding == "trunc" ? Json("floor") : Json(rounding)},
       {"min_capacity", std::max<std::int64_t>(rule["min"].as_integer(), 1)},
       {"group", group == "batch" ? Json("micro_batch") : Json(group)}});
}

/// The router, score and combine weight of a case of kind topk_moe.
void set_choice(LayerCase& layer, Json& options) {
  const Json& c = layer.config();
  const std::string& score = c["score"].as_string();
  Json router = Json::object({{"type", "top_k"}, {"top_k", c["top_k"]}});
  if (const Json& groups = c["groups"]; !groups.is_null()) {
    router.set("num_groups", groups["n_group"]);
    router.set("groups_per_token", groups["topk_group"]);
    router.set("group_score_experts", groups["group_top"]);
    if (groups["masked_value"].as_string() != "-inf") layer.fail("groups.masked_value");
  }
  options.set("router", std::move(router));
  const bool selects_first = score == "topk_softmax";
  const std::string& probs = c["balance_probs"].as_string();
  Json of_score = stage(selects_first ? "logits" : score.c_str());
  if (probs == "scores as they are") {
    if (score == "sigmoid") of_score.set("use_normalized_probs", false);
    if (score != "sigmoid" && score != "softmax") layer.fail("balance_probs with score " + score);
  } else if (probs != (selects_first ? "softmax over all experts"
                                     : "scores divided by their sum over experts")) {
    layer.fail("balance_probs: " + probs);
  }
  options.set("score", std::move(of_score));
  Json weight;
  if (selects_first) {  // over one expert alone the softmax is 1
    weight = stage(c["top_k"].as_integer() == 1 ? "unit" : "selected_softmax");
    layer.expect("scaling_factor", 1.0);
  } else if (score == "softmax" && c["renormalise"].as_bool() && c["top_k"].as_integer() == 1) {
    weight = stage("unit");  // a share of itself
    layer.expect("scaling_factor", 1.0);
    layer.expect("renorm_eps", 0.0);
  } else {
    weight = stage(c["renormalise"].as_bool() ? "renormalized" : "raw");
    weight.set("scale", c["scaling_factor"]);
    if (c["renormalise"].as_bool()) weight.set("eps", c["renorm_eps"]);
  }
  options.set("combine_weight", std::move(weight));
  if (c["selection_bias"].as_bool()) options.set("balance", stage("bias_sign"));
}

Json top_k_options(LayerCase& layer) {
  const Json& c = layer.config();
  Json options = Json::object({{"allow_lookahead", true}});
  set_experts(options, c);
  options.set("shared_d_ff", c["shared_hidden"]);
  options.set("projection",
              Json::object({{"type", "linear"}, {"use_bias", c["router_bias"].as_bool()}}));
  options.set("capacity", capacity_options(layer, c["capacity"]));
  set_choice(layer, options);
  return options;
}

void compare_top_k(LayerCase& layer, const Output& output) {
  const train::RoutingPlan& plan = output.plan;
  const std::int64_t E = layer.layer().num_experts();
  layer.compare("out.logits", plan.router_logits);
  layer.compare("out.indices", plan.chosen_index);
  layer.compare("out.weights", plan.chosen_weight);
  layer.compare("out.kept", (plan.expert_index < E).to(at::kLong));
  layer.compare("out.counts", train::count_assignments(plan.chosen_index, E));
  layer.compare("out.counts_kept", output.tokens_per_expert);
  layer.compare("out.y", output.y);
  layer.compare("out.loss.z", plan.router_z_loss);
}

/// sum(out.y x grad_out)
void compare_main(LayerCase& layer) {
  layer.compare_objective("main", [&] {
    return (layer.layer().forward(layer.tokens).y * layer.tensor("grad_out").flatten(0, -2)).sum();
  });
}


}  // namespace

CaseOutcome run_topk_moe(const Json& c, const std::string& folder, const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  know(layer,
       {"num_experts",  "top_k",          "expert_hidden", "score",     "renormalise",
        "renorm_eps",   "scaling_factor", "expert",        "groups",    "expert_bias",
        "router_bias",  "selection_bias", "shared_hidden", "capacity",  "balance_probs"});
  if (!layer.is_good()) return comparison.outcome();
  Json options = top_k_options(layer);
  layer.build(options, layer_places());
  if (!layer.is_good()) return comparison.outcome();
  const Output output = layer.layer().forward(layer.tokens);
  compare_top_k(layer, output);
  layer.compare("out.loss.balance_sum_to_1", output.plan.load_balance_loss);
  layer.compare("out.loss.balance_hf",
                output.plan.load_balance_loss * layer.config()["top_k"].as_number());
  compare_main(layer);
  layer.compare_objective(
      "z", [&] { return layer.layer().forward(layer.tokens).plan.router_z_loss; });
  const auto compare_balance = [&](const char* name) {
    layer.compare_objective(
        name, [&] { return layer.layer().forward(layer.tokens).plan.load_balance_loss; });
  };
  compare_balance("balance_sum_to_1");
  options.set("load_balance_counts", "first_choice");
  layer.build(options, layer_places());
  compare_balance("balance_first_choice");
  options.set("load_balance_counts", "all_choices");
  options.set("load_balance_scope", "sequence");
  layer.build(options, layer_places());
  compare_balance("seq_balance");
  for (const auto& [name, objective] : c["objectives"].members()) {
    if (!std::set<std::string>{"main", "z", "balance_sum_to_1", "balance_first_choice", "seq_balance"}
             .contains(name)) {
      layer.fail("objective " + name + " is not computed");
    }
  }
  return comparison.outcome();
}

CaseOutcome run_noisy_topk(const Json& c, const std::string& folder, const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  know(layer,
       {"num_experts", "top_k", "expert_hidden", "expert", "noise_floor", "noisy_logits", "weights",
        "load", "cv2", "importance"});
  layer.expect("noisy_logits",
               "x@w_router^T + noise * (softplus(x@w_noise^T) + noise_floor)");
  layer.expect("cv2", "(unbiased variance)/(mean^2 + 1e-10) over experts");
  if (!layer.is_good()) return comparison.outcome();
  const Json& config = layer.config();
  const bool is_top_1 = config["top_k"].as_integer() == 1;
  Json options = Json::object(
      {{"score", stage("logits")},
       {"combine_weight", stage(is_top_1 ? "unit" : "selected_softmax")},
       {"router", Json::object({{"type", "top_k"}, {"top_k", config["top_k"]}})},
       {"noise",
        Json::object(
            {{"type", "learned_normal"}, {"floor", config["noise_floor"]}, {"load_coef", 1.0}})},
       {"load_balance_coef", 0.0},
       {"router_z_coef", 0.0}});
  set_experts(options, config);
  auto places = layer_places();
  places["w.noise"] = {LayerPlace{"router.noise.weight"}};
  layer.build(options, places);
  if (!layer.is_good()) return comparison.outcome();
  layer.tokens.random = layer.tensor("in.noise");
  const std::int64_t E = layer.layer().num_experts();
  // Our variation is that of a population.
  const double unbiased = static_cast<double>(E) / static_cast<double>(E - 1);
  const auto run = [&] { return layer.layer().forward(layer.tokens); };
  const auto importance = [&](const Output& output) {
    return dense_gates(output.plan.chosen_index, output.plan.chosen_weight, E).sum(0);
  };
  const Output output = run();
  layer.compare("out.clean_logits", output.plan.router_logits);
  layer.compare("out.indices", output.plan.expert_index);
  layer.compare("out.weights", output.plan.combine_weight);
  layer.compare("out.importance", importance(output));
  layer.compare("out.y", output.y);
  layer.compare("out.loss.load_cv2", output.plan.auxiliary_loss * unbiased);
  compare_main(layer);
  layer.compare_objective("load_cv2", [&] { return run().plan.auxiliary_loss * unbiased; });
  layer.compare_objective("importance_cv2", [&] {
    return train::squared_variation(importance(run())) * unbiased;
  });
  return comparison.outcome();
}

CaseOutcome run_relu_moe(const Json& c, const std::string& folder, const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  know(layer,
       {"num_experts", "target_k", "expert_hidden", "expert", "router_bias", "lambda_now",
        "lambda_factor", "regulariser", "sparsity", "target_sparsity", "lambda_update"});
  layer.expect("regulariser",
               "lambda * E * sum_e f_e * P_e, f_e = active_count_e/(k*T) (constant), P_e = mean_t "
               "gate[t,e]");
  layer.expect("lambda_update", "lambda * factor ^ sign(target_sparsity - sparsity)");
  if (!layer.is_good()) return comparison.outcome();
  const Json& config = layer.config();
  Json options = Json::object(
      {{"score", stage("relu")},
       {"combine_weight", stage("raw")},
       {"projection",
        Json::object({{"type", "linear"}, {"use_bias", config["router_bias"].as_bool()}})},
       {"router",
        Json::object({{"type", "relu"},
                      {"top_k", config["target_k"]},
                      {"initial_lambda", config["lambda_now"]},
                      {"lambda_factor", config["lambda_factor"]}})},
       {"load_balance_coef", 0.0},
       {"router_z_coef", 0.0}});
  set_experts(options, config);
  layer.build(options, layer_places());
  if (!layer.is_good()) return comparison.outcome();
  layer.buffer("router.lambda").fill_(config["lambda_now"].as_number());
  const Output output = layer.layer().forward(layer.tokens);
  const train::RoutingPlan& plan = output.plan;
  const std::int64_t E = layer.layer().num_experts();
  layer.compare("out.logits", plan.router_logits);
  layer.compare("out.gates", dense_gates(plan.expert_index, plan.combine_weight, E));
  layer.compare("out.active_counts", output.tokens_per_expert);
  layer.compare("out.y", output.y);
  layer.compare("out.loss.regulariser", plan.auxiliary_loss);
  layer.compare("out.sparsity",
                1.0 - layer.buffer("router.num_active") / layer.buffer("router.num_possible"));
  layer.layer().end_step();
  layer.compare("out.lambda_next", layer.buffer("router.lambda"));
  layer.buffer("router.lambda").fill_(config["lambda_now"].as_number());
  compare_main(layer);
  layer.compare_objective(
      "regulariser", [&] { return layer.layer().forward(layer.tokens).plan.auxiliary_loss; });
  return comparison.outcome();
}

CaseOutcome run_router_cosine(const Json& c,
                              const std::string& folder,
                              const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  know(layer,
       {"router_dim", "num_experts", "top_k", "renormalise", "norm_eps", "formula", "norm"});
  layer.expect("norm_eps", 1e-12);
  if (!layer.is_good()) return comparison.outcome();
  const Json& config = layer.config();
  layer.build(
      Json::object(
          {{"num_experts", config["num_experts"]},
           {"combine_weight", stage(config["renormalise"].as_bool() ? "renormalized" : "raw")},
           {"projection",
            Json::object({{"type", "cosine"}, {"router_dim", config["router_dim"]}})},
           {"router", Json::object({{"type", "top_k"}, {"top_k", config["top_k"]}})}}),
      {{"w.proj", {LayerPlace{"router.reduction.weight"}}},
       {"w.prototypes", {LayerPlace{"router.weight"}}},
       {"w.log_tau", {LayerPlace{"router.log_temperature"}}}});
  if (!layer.is_good()) return comparison.outcome();
  const std::int64_t E = layer.layer().num_experts();
  const auto route = [&] { return layer.layer().routing().route(layer.tokens); };
  const auto gates = [&](const train::RoutingPlan& plan) {
    return dense_gates(plan.expert_index, plan.combine_weight, E);
  };
  const train::RoutingPlan plan = route();
  layer.compare("out.logits", plan.router_logits);
  layer.compare("out.indices", plan.expert_index);
  layer.compare("out.weights", plan.combine_weight);
  layer.compare("out.y", gates(plan));
  layer.compare_objective("main", [&] { return (gates(route()) * layer.tensor("grad_out")).sum(); });
  return comparison.outcome();
}

CaseOutcome run_router_topp(const Json& c, const std::string& folder, const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  know(layer, {"num_experts", "tau", "k_max", "renormalise", "formula"});
  if (!layer.is_good()) return comparison.outcome();
  const Json& config = layer.config();
  layer.build(
      Json::object(
          {{"num_experts", config["num_experts"]},
           {"combine_weight", stage(config["renormalise"].as_bool() ? "renormalized" : "raw")},
           {"router",
            Json::object(
                {{"type", "top_p"}, {"tau", config["tau"]}, {"top_k", config["k_max"]}})}}),
      layer_places());
  if (!layer.is_good()) return comparison.outcome();
  const std::int64_t E = layer.layer().num_experts();
  const at::Tensor logits = layer.tensor("in.logits").clone().requires_grad_(true);
  const auto route = [&] { return layer.layer().routing().route_logits(logits, layer.tokens); };
  const auto gates = [&](const train::RoutingPlan& plan) {
    return dense_gates(plan.expert_index, plan.combine_weight, E);
  };
  const train::RoutingPlan plan = route();
  const at::Tensor is_chosen =
      dense_gates(plan.expert_index, at::ones_like(plan.combine_weight), E).to(at::kLong);
  layer.compare("out.mask", is_chosen.masked_fill(is_chosen > 1, 1));
  layer.compare("out.k_per_token", (plan.expert_index < E).sum(1));
  layer.compare("out.stat.mean_k", (plan.expert_index < E).sum(1).to(at::kDouble).mean());
  layer.compare("out.y", gates(plan));
  layer.compare_objective("main",
                          [&] { return (gates(route()) * layer.tensor("grad_out")).sum(); },
                          {{"in.logits", logits}});
  return comparison.outcome();
}

}  // namespace switchyard::golden
