// Training trajectories: load the initial weights, run every step on the given batches, compare
// everything.
#include <functional>
#include <optional>

#include <ATen/ATen.h>

#include "engine/base/config/schema.h"
#include "engine/train/model/transformer.h"
#include "engine/train/optim/optimizer.h"
#include "engine/train/routing/losses.h"
#include "engine/train/routing/router.h"
#include "engine/train/torch_compat.h"
#include "tests/golden/golden_cases.h"
#include "tests/golden/tensor_file.h"

namespace switchyard::golden {
namespace {

using train::ParameterStore;
using train::Transformer;

/// One element of a peer's checkpoint in ours: a parameter, or a part of it along the first
/// dimension.
struct Place {
  std::string parameter;
  std::int64_t begin = 0, count = -1;  ///< rows of the first dimension; -1: all
  bool is_item = false;                ///< the row itself, without its dimension
};

void replace(std::string& text, const std::string& from, const std::string& to) {
  if (const auto at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
}

Place place_of_gpt(std::string name) {
  static const std::vector<std::pair<std::string, std::string>> kRules{
      {"transformer.", ""},
      {"wte.", "token_embedding."},
      {"wpe.", "position_embedding."},
      {"ln_f.", "final_norm."},
      {"h.", "layers."},
      {".ln_1.", ".attention_norm."},
      {".ln_2.", ".feed_forward_norm."},
      {".attn.c_attn.", ".attention.qkv."},
      {".attn.c_proj.", ".attention.output."},
      {".mlp.c_fc.", ".feed_forward.up."},
      {".mlp.c_proj.", ".feed_forward.down."}};
  for (const auto& [from, to] : kRules) replace(name, from, to);
  return {name};
}

Place place_of_moe(std::string name, std::int64_t d_model) {
  static const std::vector<std::pair<std::string, std::string>> kRules{
      {"model.", ""},
      {"embed_tokens.", "token_embedding."},
      {"lm_head.", "head."},
      {".input_layernorm.", ".attention_norm."},
      {".post_attention_layernorm.", ".feed_forward_norm."},
      {".self_attn.o_proj.", ".attention.output."},
      {".self_attn.q_norm.", ".attention.query_norm."},
      {".self_attn.k_norm.", ".attention.key_norm."},
      {".mlp.gate.", ".feed_forward.router."}};
  for (const auto& [from, to] : kRules) replace(name, from, to);
  if (name == "norm.weight") return {"final_norm.weight"};
  const std::string letters = "qkv";
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const std::string projection = std::string(".self_attn.") + letters[i] + "_proj.";
    if (name.find(projection) == std::string::npos) continue;
    replace(name, projection, ".attention.qkv.");
    return {name, static_cast<std::int64_t>(i) * d_model, d_model, false};
  }
  if (const auto at = name.find(".mlp.experts."); at != std::string::npos) {
    const std::size_t begin = at + std::string(".mlp.experts.").size();
    const std::size_t end = name.find('.', begin);
    const std::int64_t expert = std::stoll(name.substr(begin, end - begin));
    std::string matrix = name.substr(end + 1);
    replace(matrix, "_proj", "");
    return {name.substr(0, at) + ".feed_forward.experts." + matrix, expert, 1, true};
  }
  return {name};
}

at::Tensor part_of(const at::Tensor& whole, const Place& place) {
  if (place.count < 0) return whole;
  const at::Tensor rows = whole.narrow(0, place.begin, place.count);
  return place.is_item ? rows.squeeze(0) : rows;
}

/// The sections that both kinds share.
Json common_config(const Json& params) {
  Json document = Json::object({{"schema", "switchyard.run"}, {"version", config::kRunVersion}});
  const Json& optimizer = params["optimizer"];
  document.set(
      "optimizer",
      Json::object(
          {{"type", "adamw"},
           {"learning_rate", params["schedule"]["lr"]},
           {"beta1", optimizer["betas"][0]},
           {"beta2", optimizer["betas"][1]},
           {"eps", optimizer["eps"]},
           {"weight_decay", optimizer["weight_decay"]},
           {"grad_clip_norm", params["grad_clip"]},
           {"decay_rule", optimizer["decay"].as_string() == "all tensors" ? "all" : "matrices"}}));
  document.set("schedule",
               Json::object({{"type", "cosine"},
                             {"warmup_steps", params["schedule"]["warmup"]},
                             {"decay_steps", params["schedule"]["decay"]},
                             {"min_learning_rate", params["schedule"]["min_lr"]}}));
  return document;
}

Json gpt_config(const Json& params) {
  const Json& m = params["model"];
  Json document = common_config(params);
  Json block = Json::object(
      {{"type", "dense"}, {"d_ff", 4 * m["n_embd"].as_integer()}, {"activation", m["activation"]}});
  Json layer = Json::object({{"repeat", m["n_layer"]}, {"feed_forward", std::move(block)}});
  document.set("model",
               Json::object({{"d_model", m["n_embd"]},
                             {"num_heads", m["n_head"]},
                             {"seq_len", m["block_size"]},
                             {"position", "learned"},
                             {"norm", "layer_norm"},
                             {"norm_eps", m["layer_norm_eps"]},
                             {"use_bias", m["bias"]},
                             {"dropout", m["dropout"]},
                             {"use_tied_head", m["tied_head"]},
                             {"layers", Json::array({std::move(layer)})}}));
  return document;
}

Json moe_config(const Json& params) {
  const Json& m = params["model"];
  Json document = common_config(params);
  Json router = Json::object({{"type", "top_k"},
                              {"top_k", m["num_experts_per_tok"]}});
  const char* const rule = m["norm_topk_prob"].as_bool() ? "renormalized" : "raw";
  Json block = Json::object({{"type", "routed_experts"},
                             {"num_experts", m["num_experts"]},
                             {"d_ff", m["intermediate_size"]},
                             {"activation", "swiglu"},
                             {"combine_weight", Json::object({{"type", rule}})},
                             {"load_balance_coef", params["loss"]["load_balance_weight"]},
                             {"router_z_coef", params["loss"]["z_weight"]},
                             {"router", std::move(router)}});
  Json layer =
      Json::object({{"repeat", m["num_hidden_layers"]}, {"feed_forward", std::move(block)}});
  document.set("model",
               Json::object({{"d_model", m["hidden_size"]},
                             {"num_heads", m["num_attention_heads"]},
                             {"seq_len", params["block"]},
                             {"position", "rope"},
                             {"rope_theta", m["rope_theta"]},
                             {"norm", "rms_norm"},
                             {"norm_eps", m["rms_norm_eps"]},
                             {"qk_norm", "full"},
                             {"use_bias", m["biases"]},
                             {"use_tied_head", m["tied_head"]},
                             {"layers", Json::array({std::move(layer)})}}));
  return document;
}

/// One run of a trajectory in one precision.
class Trajectory {
 public:
  Trajectory(const Json& c, std::string precision, Comparison& comparison)
      : case_(c),
        precision_(std::move(precision)),
        type_(precision_ == "float64" ? at::kDouble : at::kFloat),
        is_moe_(c["kind"].as_string() == "moe_training_trajectory"),
        comparison_(comparison) {}

  Status run(const std::string& folder);

 private:
  Status prepare(const std::string& folder);
  void step(std::int64_t s);
  void compare_step(std::int64_t s, double loss, double norm, const at::Tensor& cross_entropy);
  void compare_routing(std::int64_t s, const std::vector<train::RoutingRecord>& records);
  void compare_eval(const char* name);
  void compare_logits(const at::Tensor& logits);
  void compare_all(const char* prefix, const std::function<at::Tensor(const std::string&)>& whole);

  [[nodiscard]] Place place(const std::string& name) const {
    return is_moe_ ? place_of_moe(name, case_["params"]["model"]["hidden_size"].as_integer())
                   : place_of_gpt(name);
  }

  [[nodiscard]] const Json& tolerance(const char* what) const {
    return case_["tolerance"][precision_][what];
  }

  [[nodiscard]] const Json& expected() const { return case_["expected"][precision_]; }

  const Json& case_;
  std::string precision_;
  at::ScalarType type_;
  bool is_moe_;
  Comparison& comparison_;
  Json config_;
  Tensors initial_, batches_, wanted_;
  std::unique_ptr<Transformer> model_;
  std::unique_ptr<train::Optimizer> optimizer_;
};

Status Trajectory::prepare(const std::string& folder) {
  const Json& params = case_["params"];
  const auto path = [&](const char* role) {
    return folder + "/" + case_["files"][role].as_string();
  };
  SY_ASSIGN_OR_RETURN(initial_, read_tensors(path("init")));
  SY_ASSIGN_OR_RETURN(batches_, read_tensors(path("batches")));
  SY_ASSIGN_OR_RETURN(wanted_, read_tensors(path(precision_.c_str())));
  config::Resolved resolved = config::resolve(config::run_schema(train::routing_declarations()),
                                              is_moe_ ? moe_config(params) : gpt_config(params),
                                              "case");
  if (!resolved.ok()) return resolved.errors.front();
  config_ = std::move(resolved.config);
  Transformer::Options options;
  options.master = options.compute = type_;
  SY_ASSIGN_OR_RETURN(options.device, train::device_from_name(way().device));
  options.use_fused_functions = way().use_fused_functions && type_ == at::kFloat;
  for (auto& [name, tensor] : batches_) tensor = tensor.to(options.device);
  SY_ASSIGN_OR_RETURN(
      model_, Transformer::create(config_, params["model"]["vocab_size"].as_integer(), options));
  SY_ASSIGN_OR_RETURN(
      optimizer_,
      train::create_optimizer(config::Node(config_).child("optimizer"), model_->parameters()));
  const at::NoGradGuard no_grad;
  std::int64_t num_loaded = 0;
  for (const auto& [name, tensor] : initial_) {
    const Place where = place(name);
    part_of(model_->parameters().master(where.parameter), where).copy_(tensor);
    num_loaded += tensor.numel();
  }
  model_->parameters().refresh_compute_copies();
  comparison_.value("parameter_count",
                    static_cast<double>(model_->parameters().num_parameters()),
                    case_["expected"]["parameter_count"].as_number(),
                    0.0,
                    0.0);
  comparison_.value("parameters loaded",
                    static_cast<double>(num_loaded),
                    static_cast<double>(model_->parameters().num_parameters()),
                    0.0,
                    0.0);
  return {};
}

void Trajectory::compare_all(const char* prefix,
                             const std::function<at::Tensor(const std::string&)>& whole) {
  const std::string start = std::string(prefix) + ".";
  for (const auto& [name, want] : wanted_) {
    if (!name.starts_with(start)) continue;
    const Place where = place(name.substr(start.size()));
    compare_tensor(comparison_,
                   precision_ + " " + name,
                   part_of(whole(where.parameter), where),
                   want,
                   tolerance(prefix));
  }
}

void Trajectory::compare_eval(const char* name) {
  const Json& want = expected()[name];
  const std::int64_t T = model_->seq_len(), num_windows = want["windows"].as_integer();
  const at::Tensor& text = batches_.at("eval_tokens");
  const at::NoGradGuard no_grad;
  const auto mean_loss = [&](std::int64_t begin, std::int64_t rows, std::int64_t length) {
    const at::Tensor tokens = text.narrow(0, begin, rows * length).view({rows, length});
    const at::Tensor targets = text.narrow(0, begin + 1, rows * length).view({rows, length});
    return model_->forward(tokens, targets, false).cross_entropy.item<double>();
  };
  const double full = mean_loss(0, num_windows, T);
  comparison_.value(
      precision_ + " " + name, full, want["full_windows"].as_number(), tolerance("eval"));
  const std::int64_t tail = want["tail_tokens"].as_integer();
  const auto num_full = static_cast<double>(num_windows * T);
  const double rest = tail > 0 ? mean_loss(num_windows * T, 1, tail) : 0.0;
  const double all =
      (full * num_full + rest * static_cast<double>(tail)) / (num_full + static_cast<double>(tail));
  comparison_.value(precision_ + " " + name + " with tail",
                    all,
                    want["with_tail"].as_number(),
                    tolerance("eval"));
}

void Trajectory::compare_routing(std::int64_t s, const std::vector<train::RoutingRecord>& records) {
  const auto step = static_cast<std::size_t>(s);
  const std::size_t L = model_->routed_layers().size();
  const double share = static_cast<double>(L) / static_cast<double>(records.size());
  for (std::size_t layer = 0; layer < L; ++layer) {
    const std::string where =
        precision_ + " step " + std::to_string(s) + " layer " + std::to_string(layer);
    at::Tensor counts;
    double balance = 0.0, z = 0.0;
    for (std::size_t i = layer; i < records.size(); i += L) {
      const train::RoutingRecord& record = records[i];
      counts = counts.defined() ? counts + record.tokens_per_expert : record.tokens_per_expert;
      balance +=
          share * train::load_balance_loss(record.router_probs, record.expert_index).item<double>();
      z += share * train::router_z_loss(record.router_logits).item<double>();
    }
    comparison_.value(where + " load balance",
                      balance,
                      expected()["load_balance_by_layer"][step][layer].as_number(),
                      tolerance("load_balance"));
    comparison_.value(
        where + " z", z, expected()["z_by_layer"][step][layer].as_number(), tolerance("z"));
    const Json& want = expected()["assignments_by_layer"][step][layer];
    if (precision_ != "float64") continue;  // float32 may flip a near tie
    for (std::size_t e = 0; e < want.size(); ++e) {
      comparison_.value(
          where + " assignments of expert " + std::to_string(e),
          static_cast<double>(counts[static_cast<std::int64_t>(e)].item<std::int64_t>()),
          want[e].as_number(),
          tolerance("assignments_by_layer"));
    }
    if (s == 0 && records.size() == L) {
      const auto logits = wanted_.find("router_logits0." + std::to_string(layer));
      if (logits != wanted_.end()) {
        compare_tensor(comparison_,
                       logits->first,
                       records[layer].router_logits,
                       logits->second,
                       tolerance("logits0"));
      }
    }
  }
}

void Trajectory::compare_logits(const at::Tensor& logits) {
  compare_tensor(
      comparison_, precision_ + " logits0", logits, wanted_.at("logits0"), tolerance("logits0"));
}

void Trajectory::step(std::int64_t s) {
  ParameterStore& parameters = model_->parameters();
  const std::int64_t num_micro = case_["params"]["accumulation"].as_integer();
  const double share = 1.0 / static_cast<double>(num_micro);
  parameters.zero_gradients();
  double loss = 0.0, cross_entropy = 0.0, balance = 0.0, z = 0.0;
  std::vector<train::RoutingRecord> records;
  for (std::int64_t i = 0; i < num_micro; ++i) {
    const bool is_first = s == 0 && i == 0;
    const at::Tensor tokens = batches_.at("inputs")[s][i], targets = batches_.at("targets")[s][i];
    if (is_first && model_->fusion() != nullptr) {  // the fused loss has no logits
      const at::NoGradGuard no_grad;
      compare_logits(model_->forward(tokens, targets, true, true).logits);
    }
    const bool with_logits = is_first && model_->fusion() == nullptr;
    Transformer::Losses losses = model_->forward(tokens, targets, true, with_logits, share);
    losses.total.backward();
    loss += losses.total.item<double>();
    cross_entropy += share * losses.cross_entropy.item<double>();
    if (is_moe_) {
      balance += share * losses.load_balance_loss.item<double>();
      z += share * losses.router_z_loss.item<double>();
    }
    if (with_logits) compare_logits(losses.logits);
    for (auto& record : losses.routing) records.push_back(std::move(record));
  }
  const at::Tensor norm = parameters.gradient_norm();
  if (s == 0)
    compare_all("grad0", [&](const std::string& name) { return parameters.gradient(name); });
  const double rate = train::learning_rate(
      config::Node(config_).child("schedule"), case_["params"]["schedule"]["lr"].as_number(), s);
  const auto compare = [&](const char* what, double got, const char* bound) {
    comparison_.value(precision_ + " " + what + " step " + std::to_string(s),
                      got,
                      expected()[what][static_cast<std::size_t>(s)].as_number(),
                      tolerance(bound));
  };
  compare("loss", loss, "loss");
  compare("grad_norm", norm.item<double>(), "grad_norm");
  if (precision_ == "float64") compare("lr", rate, "lr");
  if (is_moe_) {
    compare("ce", cross_entropy, "ce");
    compare("load_balance", balance, "load_balance");
    compare("z", z, "z");
    compare_routing(s, records);
  }
  optimizer_->step(parameters, rate, norm);
  if (s == 0)
    compare_all("after1", [&](const std::string& name) { return parameters.master(name); });
}

Status Trajectory::run(const std::string& folder) {
  SY_RETURN_IF_ERROR(prepare(folder));
  compare_eval("eval_before");
  for (std::int64_t s = 0; s < case_["params"]["steps"].as_integer(); ++s) step(s);
  compare_eval("eval_after");
  const ParameterStore& parameters = model_->parameters();
  compare_all("final", [&](const std::string& name) { return parameters.master(name); });
  compare_all("exp_avg", [&](const std::string& name) {
    return parameters.view(parameters.flat_moment1, name);
  });
  compare_all("exp_avg_sq", [&](const std::string& name) {
    return parameters.view(parameters.flat_moment2, name);
  });
  return {};
}

CaseOutcome run_trajectory(const Json& c, const std::string& folder) {
  Comparison comparison;
  for (const char* precision : {"float64", "float32"}) {
    if (c["files"].find(precision) == nullptr) continue;
    const Status status = Trajectory(c, precision, comparison).run(folder);
    if (!status.ok()) comparison.failure(status.error().text());
  }
  return comparison.outcome();
}

}  // namespace

CaseOutcome run_gpt_training_trajectory(const Json& c,
                                        const std::string& folder,
                                        const std::string& /*data*/) {
  return run_trajectory(c, folder);
}

CaseOutcome run_moe_training_trajectory(const Json& c,
                                        const std::string& folder,
                                        const std::string& /*data*/) {
  return run_trajectory(c, folder);
}

}  // namespace switchyard::golden
