#include <string>

#include <ATen/ATen.h>

#include "engine/train/routing/capacity_rule.h"
#include "engine/train/routing/losses.h"
#include "tests/golden/layer_case.h"

namespace switchyard::golden {
namespace {

const std::set<std::string>& known_keys() {
  static const std::set<std::string> keys{"balance_loss_coef",
                                          "batch",
                                          "block",
                                          "capacity",
                                          "capacity_factor_eval",
                                          "capacity_factor_train",
                                          "differentiable_topk",
                                          "dim",
                                          "dropped_first_choice_fraction",
                                          "dropped_or_refused_fraction",
                                          "eps",
                                          "expert_hidden",
                                          "expert_hidden_mult",
                                          "min_capacity",
                                          "mode",
                                          "noise_gates",
                                          "noise_mult",
                                          "num_experts",
                                          "quirks",
                                          "router_z_loss_coef",
                                          "seq",
                                          "straight_through_dispatch",
                                          "threshold_eval",
                                          "threshold_train",
                                          "top_n"};
  return keys;
}

/// The package's way, all of it, in our words.
Json st_moe_options(const Json& config) {
  const bool is_training = config["mode"].as_string() == "train";
  std::string thresholds;
  for (const Json& value : config[is_training ? "threshold_train" : "threshold_eval"].items()) {
    thresholds += (thresholds.empty() ? "" : ", ") + value.dump();
  }
  Json router = stage("top_n_threshold");
  router.set("top_k", config["top_n"]);
  router.set("thresholds", thresholds);
  router.set("keep", "random");
  router.set("keep_eval", "random");
  router.set("use_straight_through", config["straight_through_dispatch"]);
  router.set("use_differentiable_top_k", config["differentiable_topk"]);
  router.set("eps", config["eps"]);
  Json capacity = stage("choice_major");
  capacity.set("factor", config[is_training ? "capacity_factor_train" : "capacity_factor_eval"]);
  capacity.set("factor_eval", config["capacity_factor_eval"]);
  capacity.set("is_scaled_by_top_k", false);
  capacity.set("min_capacity", config["min_capacity"]);
  capacity.set("rounding", "floor");
  Json options = Json::object({{"allow_lookahead", true},
                               {"num_experts", config["num_experts"]},
                               {"d_ff", config["expert_hidden"]},
                               {"activation", "geglu"},
                               {"use_expert_bias", true},
                               {"use_multiplicative_bias", true},
                               {"load_balance_coef", config["balance_loss_coef"]},
                               {"load_balance_counts", "kept_first_choice"},
                               {"load_balance_scope", "sequence"},
                               {"router_z_coef", config["router_z_loss_coef"]}});
  options.set("router", std::move(router));
  options.set("capacity", std::move(capacity));
  if (config["noise_gates"].as_bool()) {
    Json noise = stage("gumbel");
    noise.set("scale", config["noise_mult"]);
    options.set("noise", std::move(noise));
  }
  for (const auto& [key, own] :
       {std::pair{"add_ff_before", "ff_before_d_ff"}, std::pair{"add_ff_after", "ff_after_d_ff"}}) {
    const Json* const block = config.find("block");
    if (block != nullptr && (*block)[key].as_bool()) options.set(own, config["expert_hidden"]);
  }
  return options;
}

/// The first half of `name` is the value, the second one the gate.
void add_halves(std::map<std::string, std::vector<LayerPlace>>& places,
                const std::string& name,
                const std::string& prefix,
                const std::string& end,
                std::int64_t half,
                std::int64_t dimension) {
  places[name] = {LayerPlace{prefix + "up." + end, 0, half, dimension},
                  LayerPlace{prefix + "gate." + end, half, half, dimension}};
}

std::map<std::string, std::vector<LayerPlace>> st_moe_places(std::int64_t half) {
  std::map<std::string, std::vector<LayerPlace>> places;
  places["w.router"] = {LayerPlace{"router.weight"}};
  places["w.prenorm_gamma"] = {};
  places["buf.threshold"] = {};
  const auto add = [&](const std::string& from, const std::string& to, std::int64_t dimension) {
    add_halves(places, from + "fc1", to, "weight", half, dimension);
    add_halves(places, from + "fc1_bias", to, "bias", half, dimension);
    places[from + "mult_bias"] = {LayerPlace{to + "scale"}};
    places[from + "fc2"] = {LayerPlace{to + "down.weight"}};
    places[from + "fc2_bias"] = {LayerPlace{to + "down.bias"}};
  };
  add("w.", "experts.", 1);
  for (const std::string side : {"before", "after"}) {
    add("w.ff_" + side + ".", side + ".", 0);
    places["w.ff_" + side + ".gamma"] = {LayerPlace{side + ".norm.weight"}};
  }
  return places;
}

/// What the layer and the blocks beside it give, with the plan of the layer.
struct Pass {
  at::Tensor y;
  train::RoutingPlan plan;
};

Pass pass(LayerCase& layer, const at::Tensor& gamma) {
  train::RoutedExperts& experts = layer.layer();
  train::TokenView tokens = layer.tokens;
  if (!gamma.defined()) {
    train::RoutedExperts::Output output = experts.forward(tokens);
    return {output.y, std::move(output.plan)};
  }
  const train::Dropout none{0.0, 0};
  at::Tensor x = tokens.x.view({tokens.num_sequences, -1, tokens.x.size(1)});
  at::Tensor delta;
  if (experts.before() != nullptr) delta = experts.before()->forward(x, {}, none, at::kDouble);
  if (delta.defined()) x = x + delta;
  tokens.x = at::rms_norm(x, {x.size(2)}, gamma, layer.model()["norm_eps"].as_number())
                 .view_as(layer.tokens.x);
  train::RoutedExperts::Output output = experts.forward(tokens);
  delta = output.y.view_as(x);
  if (experts.after() != nullptr) delta = experts.after()->forward(x, delta, none, at::kDouble);
  return {(x + delta).view_as(layer.tokens.x), std::move(output.plan)};
}

void compare_choices(LayerCase& layer, const train::RoutingPlan& plan) {
  const std::int64_t E = plan.router_probs.size(1), K = plan.chosen_index.size(1);
  const std::int64_t B = layer.tokens.num_sequences, N = plan.chosen_index.size(0) / B;
  const auto by_sequence = [&](const at::Tensor& value) { return value.view({B, N, -1}); };
  const at::Tensor requested = plan.chosen_index != E, kept = plan.expert_index != E;
  layer.compare("out.logits", by_sequence(plan.router_logits));
  layer.compare("out.probs", by_sequence(plan.router_probs));
  layer.compare("out.requested", by_sequence(requested.to(at::kLong)));
  layer.compare("out.kept", by_sequence(kept.to(at::kLong)));
  // The package names experts and weights of refused choices too.
  const at::Tensor all_index = layer.tensor("out.indices").view({-1, K});
  const at::Tensor all_gates = layer.tensor("out.gates").view({-1, K});
  layer.compare("out.indices", by_sequence(at::where(requested, plan.chosen_index, all_index)));
  layer.compare("out.gates", by_sequence(at::where(requested, plan.chosen_weight, all_gates)));
  const at::Tensor place = train::places_choice_by_choice(by_sequence(plan.chosen_index), E);
  const at::Tensor slot = at::where(by_sequence(kept), place, -1);
  layer.compare("out.slot", slot);
  const auto counts = [&](const at::Tensor& index) {
    return at::one_hot(by_sequence(index).reshape({B, N * K}), E + 1).sum(1).narrow(1, 0, E);
  };
  layer.compare("out.expert_counts_requested", counts(plan.chosen_index));
  layer.compare("out.expert_counts_kept", counts(plan.expert_index));
  const std::int64_t C = layer.config()["capacity"].as_integer();
  const at::Tensor place_of = at::one_hot(slot.clamp(0, C - 1), C).to(at::kDouble).unsqueeze(3) *
                              by_sequence(kept).to(at::kDouble).view({B, N, K, 1, 1});
  const at::Tensor expert_of =
      at::one_hot(by_sequence(plan.expert_index), E + 1).narrow(3, 0, E).unsqueeze(4);
  const at::Tensor where = place_of * expert_of;  // [B, N, K, E, C]
  layer.compare("out.dispatch", where.sum(2).to(at::kLong));
  layer.compare("out.combine",
                (where * by_sequence(plan.combine_weight).view({B, N, K, 1, 1})).sum(2));
}

}  // namespace

CaseOutcome run_st_moe(const Json& c, const std::string& folder, const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  layer.know(known_keys());
  const bool is_training = layer.config()["mode"].as_string() == "train";
  // The package's norm adds nothing to the mean square.
  const Json model = Json::object({{"norm", "rms_norm"}, {"norm_eps", 1e-30}, {"use_bias", true}});
  layer.build(st_moe_options(layer.config()),
              st_moe_places(layer.config()["expert_hidden"].as_integer()),
              model);
  if (!layer.is_good()) return comparison.outcome();
  // The package's noise is for evaluation too, ours for training alone.
  layer.tokens.is_training = is_training || layer.config()["noise_gates"].as_bool();
  const at::Tensor uniform = layer.tensor("in.random_uniform");
  layer.tokens.keep_uniform = uniform.permute({1, 2, 0}).reshape({-1, uniform.size(0)});
  if (layer.has("in.gumbel_uniform")) {
    layer.tokens.random = layer.tensor("in.gumbel_uniform").reshape({layer.tokens.x.size(0), -1});
  }
  std::map<std::string, at::Tensor> leaves;
  if (layer.has("w.prenorm_gamma")) {
    leaves["w.prenorm_gamma"] = layer.tensor("w.prenorm_gamma").clone().requires_grad_(true);
  }
  const at::Tensor gamma = leaves.empty() ? at::Tensor() : leaves["w.prenorm_gamma"];
  const Pass result = pass(layer, gamma);
  layer.compare("out.y", result.y.view(layer.tensor("in.x").sizes()));
  compare_choices(layer, result.plan);
  if (is_training) {
    layer.compare("out.loss.balance", result.plan.load_balance_loss.view({1}));
    layer.compare("out.loss.z", result.plan.router_z_loss.view({1}));
    layer.compare("out.loss.total_aux", result.plan.auxiliary_loss.view({1}));
    layer.compare("out.loss.balance_intended_predrop",
                  train::load_balance_loss(result.plan.router_probs,
                                           result.plan.chosen_index.narrow(1, 0, 1),
                                           layer.tokens.num_sequences)
                      .view({1}));
  }
  const at::Tensor of_y = layer.tensor("grad_out").reshape({layer.tokens.x.size(0), -1});
  layer.compare_objective(
      "main", [&] { return (pass(layer, gamma).y * of_y).sum(); }, leaves);
  layer.compare_objective(
      "balance", [&] { return pass(layer, gamma).plan.load_balance_loss; }, leaves);
  layer.compare_objective(
      "z", [&] { return pass(layer, gamma).plan.router_z_loss; }, leaves);
  return comparison.outcome();
}

}  // namespace switchyard::golden
