// What routing keeps from step to step, and the auxiliary losses by themselves.
#include <cmath>
#include <functional>

#include <ATen/ATen.h>

#include "engine/train/routing/coordinate_descent.h"
#include "engine/train/routing/losses.h"
#include "tests/golden/layer_case.h"

namespace switchyard::golden {
namespace {

/// The controller of a case of kind balance_controller.
Json controller_options(LayerCase& layer) {
  const Json& c = layer.config();
  const std::string& rule = c["rule"].as_string();
  if (rule == "quantile") return stage("quantile");
  const bool is_sign = rule == "sign" || rule == "sign_centred";
  Json options = stage(is_sign ? "bias_sign" : ("bias_" + rule).c_str());
  options.set("gamma", c["gamma"]);
  if (is_sign) options.set("is_centred", rule == "sign_centred");
  if (rule == "tanh_momentum") {
    options.set("kappa", c["kappa"]);
    options.set("momentum", c["momentum"]);
  }
  if (const Json& freeze = c["freeze_after"]; !freeze.is_null()) {
    options.set("freeze_after_steps", freeze);
  }
  return options;
}

}  // namespace

CaseOutcome run_balance_controller(const Json& c,
                                   const std::string& folder,
                                   const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  layer.know({"steps", "tokens", "num_experts", "top_k", "rule", "rule_formula", "gamma", "score",
              "loop", "sign_of_zero", "kappa", "momentum", "freeze_after", "procedure",
              "bias_dtype", "freeze_rule", "fixed_batch"});
  layer.expect("score", "sigmoid");
  layer.expect("sign_of_zero", 0);
  if (!layer.is_good()) return comparison.outcome();
  const Json& config = layer.config();
  layer.build(Json::object({{"num_experts", config["num_experts"]},
                            {"score", stage("sigmoid")},
                            {"router",
                             Json::object({{"type", "top_k"}, {"top_k", config["top_k"]}})},
                            {"load_balance_coef", 0.0},
                            {"balance", controller_options(layer)}}),
              layer_places());
  if (!layer.is_good()) return comparison.outcome();
  const std::int64_t E = layer.layer().num_experts(), S = config["steps"].as_integer();
  const bool is_open = config["loop"].as_string() == "open";
  std::vector<at::Tensor> biases{layer.buffer("router.selection_bias").clone()}, counts;
  for (std::int64_t s = 0; s < S; ++s) {
    layer.layer().begin_step();
    if (is_open) {
      layer.buffer("router.bias_counts").copy_(layer.tensor("in.counts")[s]);
      counts.push_back(layer.tensor("in.counts")[s]);
    } else {
      const at::Tensor logits = layer.tensor("in.logits");
      const at::Tensor of_step = logits[config["fixed_batch"].as_bool() ? 0 : s];
      layer.tokens.x = at::zeros({of_step.size(0), 1}, of_step.options());
      const train::RoutingPlan plan =
          layer.layer().routing().route_logits(of_step, layer.tokens);
      counts.push_back(train::count_assignments(plan.expert_index, E));
    }
    layer.layer().end_step();
    biases.push_back(layer.buffer("router.selection_bias").clone());
  }
  const at::Tensor all = at::stack(counts), loads = all.to(at::kDouble);
  layer.compare("out.counts", all);
  layer.compare("out.bias", at::stack(biases));
  layer.compare("out.max_violation", loads.amax(1) / loads.mean(1) - 1.0);
  return comparison.outcome();
}

CaseOutcome run_threshold_ema(const Json& c,
                              const std::string& folder,
                              const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  layer.know({"steps", "tokens", "columns", "capacity_fraction", "decay", "bias_correction",
              "formula"});
  if (!layer.is_good()) return comparison.outcome();
  const Json& config = layer.config();
  const at::Tensor scores = layer.tensor("in.scores");
  const std::int64_t S = scores.size(0), N = scores.size(1), columns = scores.size(2);
  // Our share is a whole number of experts per token: columns are repeated until it is one.
  const double wanted = config["capacity_fraction"].as_number() * static_cast<double>(columns);
  std::int64_t repeat = 1;
  while (repeat < 1000 && std::fabs(std::nearbyint(wanted * static_cast<double>(repeat)) -
                                    wanted * static_cast<double>(repeat)) > 1e-9) {
    ++repeat;
  }
  const std::int64_t E = columns * repeat;
  layer.build(
      Json::object(
          {{"num_experts", E},
           {"score", stage("logits")},
           {"combine_weight", stage("unit")},
           {"router",
            Json::object(
                {{"type", "expert_threshold"},
                 {"top_k",
                  static_cast<std::int64_t>(std::nearbyint(wanted * static_cast<double>(repeat)))},
                 {"decay", config["decay"]},
                 {"use_bias_correction", config["bias_correction"]}})}}),
      layer_places());
  if (!layer.is_good()) return comparison.outcome();
  std::vector<at::Tensor> thresholds, counts;
  for (std::int64_t s = 0; s < S; ++s) {
    const at::Tensor logits = scores[s].repeat({1, repeat});
    layer.tokens.x = at::zeros({N, 1}, logits.options());
    const auto route = [&](bool is_training) {
      layer.tokens.is_training = is_training;
      return layer.layer().routing().route_logits(logits, layer.tokens);
    };
    layer.layer().begin_step();
    route(true);
    layer.layer().end_step();
    thresholds.push_back(layer.buffer("router.threshold").narrow(0, 0, columns).clone());
    if (s == 0) continue;
    counts.push_back(
        train::count_assignments(route(false).expert_index, E).narrow(0, 0, columns));
  }
  layer.compare("out.tau", at::stack(thresholds));
  layer.compare("out.selected_counts_from_step_1", at::stack(counts));
  return comparison.outcome();
}

CaseOutcome run_lambda_controller(const Json& c,
                                  const std::string& folder,
                                  const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  layer.know({"steps", "target_sparsity", "factor", "lambda0", "rule", "sign_of_zero"});
  layer.expect("sign_of_zero", 0);
  layer.expect("rule", "lambda *= factor ^ sign(target_sparsity - sparsity)");
  if (!layer.is_good()) return comparison.outcome();
  const Json& config = layer.config();
  // The smallest number of experts of which a whole number is the wanted share.
  const double active = 1.0 - config["target_sparsity"].as_number();
  std::int64_t E = 1;
  while (E < 1000 && std::fabs(std::nearbyint(active * static_cast<double>(E)) -
                               active * static_cast<double>(E)) > 1e-9) {
    ++E;
  }
  layer.build(
      Json::object(
          {{"num_experts", E},
           {"score", stage("relu")},
           {"combine_weight", stage("raw")},
           {"router",
            Json::object({{"type", "relu"},
                          {"top_k",
                           static_cast<std::int64_t>(std::nearbyint(active * static_cast<double>(E)))},
                          {"initial_lambda", config["lambda0"]},
                          {"lambda_factor", config["factor"]}})}}),
      {});
  if (!layer.is_good()) return comparison.outcome();
  at::Tensor lambda = layer.buffer("router.lambda");
  std::vector<at::Tensor> ratios{at::ones({1}, at::kDouble)};
  const at::Tensor sparsity = layer.tensor("in.sparsity");
  for (std::int64_t s = 0; s < sparsity.size(0); ++s) {
    layer.layer().begin_step();
    layer.buffer("router.num_possible").fill_(1.0);
    layer.buffer("router.num_active").copy_(1.0 - sparsity.narrow(0, s, 1));
    layer.layer().end_step();
    ratios.push_back(lambda / config["lambda0"].as_number());
  }
  layer.compare("out.lambda_over_lambda0", at::cat(ratios));
  return comparison.outcome();
}

CaseOutcome run_coor_descent(const Json& c,
                             const std::string& folder,
                             const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  layer.know({"rows", "num", "k", "ratio", "k_eff", "n_iters", "eps", "eps_init", "eps_decay",
              "input", "tie_rule"});
  if (!layer.is_good()) return comparison.outcome();
  const Json& config = layer.config();
  const double eps = config["eps"].as_number();
  const train::CoordinateDescent options{
      config["n_iters"].as_integer(),
      eps,
      config["eps_init"].is_null() ? eps : config["eps_init"].as_number(),
      config["eps_decay"].as_number(),
      config["ratio"].as_number()};
  const std::int64_t K = config["k"].as_integer();
  const at::Tensor s = layer.tensor("in.s").clone().requires_grad_(true);
  const at::Tensor scores = train::coordinate_descent(s, K, options);
  layer.compare("out.scores", scores);
  layer.compare("out.row_sums", scores.sum(1));
  layer.compare("out.indices", train::largest(s.detach(), K));
  layer.compare_objective(
      "main",
      [&] { return (train::coordinate_descent(s, K, options) * layer.tensor("grad_out")).sum(); },
      {{"in.s", s}});
  return comparison.outcome();
}

CaseOutcome run_aux_losses(const Json& c, const std::string& folder, const std::string& /*data*/) {
  Comparison comparison;
  LayerCase layer(c, folder, comparison);
  layer.know({"batch", "seq", "num_experts", "top_k", "layers", "padding_mask", "probs", "pools"});
  if (!layer.is_good()) return comparison.outcome();
  const Json& config = layer.config();
  const at::Tensor logits = layer.tensor("in.logits").clone().requires_grad_(true);
  const std::int64_t L = logits.size(0), B = logits.size(1), E = logits.size(3);
  const std::int64_t K = config["top_k"].as_integer();
  const bool is_masked = layer.has("in.mask");
  const at::Tensor mask = is_masked ? layer.tensor("in.mask").to(at::kBool) : at::Tensor();
  // Padding is no token of ours: it is left out before routing.
  const auto rows = [&](std::int64_t l) {
    const at::Tensor all = logits[l].reshape({-1, E});
    return is_masked ? all.index_select(0, mask.flatten().nonzero().flatten()) : all;
  };
  const auto sequence = [&](std::int64_t l, std::int64_t b) {
    return is_masked ? logits[l][b].index_select(0, mask[b].nonzero().flatten()) : logits[l][b];
  };
  using Loss = std::function<at::Tensor(const at::Tensor& logits, const at::Tensor& index)>;
  const auto mean_of_layers = [&](const Loss& loss) {
    at::Tensor sum;
    for (std::int64_t l = 0; l < L; ++l) {
      const at::Tensor x = rows(l);
      const at::Tensor part = loss(x, train::largest(x.detach(), K)) / static_cast<double>(L);
      sum = sum.defined() ? sum + part : part;
    }
    return sum;
  };
  const auto balance = [](const at::Tensor& x, const at::Tensor& index) {
    return train::load_balance_loss(at::softmax(x, 1), index);
  };
  const auto check = [&](const char* name, const std::function<at::Tensor()>& value) {
    layer.compare(std::string("out.loss.") + name, value());
    layer.compare_objective(name, value, {{"in.logits", logits}});
  };
  check("balance_sum_to_1_layer_mean", [&] { return mean_of_layers(balance); });
  check("balance_first_choice_layer_mean", [&] {
    return mean_of_layers([&](const at::Tensor& x, const at::Tensor& index) {
      return balance(x, index.narrow(1, 0, 1));
    });
  });
  check("balance_hf_layer_mean",
        [&] { return mean_of_layers(balance) * static_cast<double>(K); });
  check("balance_gshard_kN", [&] { return mean_of_layers(balance) / static_cast<double>(K); });
  check("balance_hf_pooled", [&] {
    std::vector<at::Tensor> all, indices;
    for (std::int64_t l = 0; l < L; ++l) {
      all.push_back(rows(l));
      indices.push_back(train::largest(all.back().detach(), K));
    }
    return balance(at::cat(all), at::cat(indices)) * static_cast<double>(K);
  });
  check("balance_per_sequence", [&] {
    at::Tensor sum;
    for (std::int64_t l = 0; l < L; ++l) {
      for (std::int64_t b = 0; b < B; ++b) {
        const at::Tensor x = sequence(l, b);
        const at::Tensor part =
            balance(x, train::largest(x.detach(), K)) / static_cast<double>(L * B);
        sum = sum.defined() ? sum + part : part;
      }
    }
    return sum;
  });
  check("z", [&] {
    return mean_of_layers([](const at::Tensor& x, const at::Tensor&) {
      return train::router_z_loss(x);
    });
  });
  check("importance_cv2", [&] {
    return mean_of_layers([](const at::Tensor& x, const at::Tensor&) {
      return train::squared_variation(at::softmax(x, 1).sum(0));
    });
  });
  const Loss entropy = [](const at::Tensor& x, const at::Tensor&) {
    return train::token_entropy(at::softmax(x, 1));
  };
  const Loss batch_entropy = [](const at::Tensor& x, const at::Tensor&) {
    return train::token_entropy(at::softmax(x, 1).mean(0, true));
  };
  check("entropy_mean", [&] { return mean_of_layers(entropy); });
  check("batch_entropy", [&] { return mean_of_layers(batch_entropy); });
  check("mutual_information",
        [&] { return mean_of_layers(batch_entropy) - mean_of_layers(entropy); });
  std::vector<at::Tensor> counts;
  for (std::int64_t l = 0; l < L; ++l) {
    counts.push_back(train::count_assignments(train::largest(rows(l).detach(), K), E));
  }
  layer.compare("out.counts", at::stack(counts));
  return comparison.outcome();
}

}  // namespace switchyard::golden
