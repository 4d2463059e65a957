// Floating-point operations by part, and the published rules of thumb.
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/base/config/model_flops.h"
#include "engine/base/config/schema.h"
#include "tests/golden/comparison.h"
#include "tests/golden/golden_cases.h"
#include "tests/support/declared_router.h"

namespace switchyard::golden {
namespace {

using config::AttentionCount;
using config::Flops;
using config::LayerShape;
using config::ModelShape;

constexpr std::array kKnownKeys{"width",
                                "layers",
                                "heads",
                                "kv_heads",
                                "head_dim",
                                "vocab",
                                "length",
                                "mlp_width",
                                "gated",
                                "attention_count",
                                "moe",
                                "mod"};

/// Layer `index` of a row; a routed-depth layer is passed by a part of the sequence.
LayerShape layer_of(const Json& row, std::int64_t index) {
  LayerShape layer;
  layer.num_heads = row["heads"].as_integer();
  layer.num_kv_heads = row["kv_heads"].as_integer(layer.num_heads);
  layer.head_dim = row["head_dim"].as_integer(row["width"].as_integer() / layer.num_heads);
  layer.d_ff = row["mlp_width"].as_integer();
  layer.num_matrices = row["gated"].as_bool() ? 3 : 2;
  layer.num_tokens = row["length"].as_integer();
  if (const Json& moe = row["moe"]; moe.is_object()) {
    layer.d_ff = moe["width"].as_integer();
    layer.num_experts = moe["experts"].as_integer();
    layer.num_blocks =
        static_cast<double>(moe["top_k"].as_integer() + moe["shared"].as_integer(0));
  }
  const Json& mod = row["mod"];
  const std::int64_t every = mod["every"].as_integer(0);
  if (every > 0 && index % every == every - 1) {
    const double wanted =
        std::floor(mod["capacity"].as_number() * static_cast<double>(layer.num_tokens));
    layer.num_tokens = std::max(std::int64_t{1}, static_cast<std::int64_t>(wanted));
    layer.has_depth_router = true;
  }
  return layer;
}

ModelShape shape_of(const Json& row) {
  ModelShape shape;
  shape.d_model = row["width"].as_integer();
  shape.seq_len = row["length"].as_integer();
  shape.vocab_size = row["vocab"].as_integer();
  for (std::int64_t i = 0; i < row["layers"].as_integer(); ++i)
    shape.layers.push_back(layer_of(row, i));
  return shape;
}

/// The row as a run's configuration; null when a run cannot be like that.
Json run_config(const Json& row) {
  for (const char* key : {"mod", "kv_heads", "head_dim"}) {
    if (row.find(key) != nullptr) return {};
  }
  const Json& moe = row["moe"];
  Json block = Json::object({{"activation", row["gated"].as_bool() ? "swiglu" : "gelu_erf"}});
  if (moe.is_object()) {
    if (moe["shared"].as_integer(0) > 0) return {};
    block.set("type", "routed_experts");
    block.set("d_ff", moe["width"]);
    block.set("num_experts", moe["experts"]);
    block.set("router", Json::object({{"type", "top_k"}, {"top_k", moe["top_k"]}}));
  } else {
    block.set("d_ff", row["mlp_width"]);
  }
  Json layer = Json::object({{"repeat", row["layers"]}, {"feed_forward", std::move(block)}});
  Json model = Json::object({{"d_model", row["width"]},
                             {"num_heads", row["heads"]},
                             {"seq_len", row["length"]},
                             {"layers", Json::array({std::move(layer)})}});
  const config::Resolved resolved = config::resolve(
      test::run_schema_for_tests(), Json::object({{"model", std::move(model)}}), "case");
  return resolved.ok() ? resolved.config : Json();
}

void compare_parts(Comparison& comparison,
                   const std::string& name,
                   const Flops& got,
                   const Json& row,
                   const Json& tolerance) {
  const Json& parts = row["parts_per_sequence"];
  const double length = row["config"]["length"].as_number();
  const auto compare = [&](const std::string& what, double value, const Json& want) {
    comparison.value(name + " " + what, value, want.as_number(NAN), tolerance);
  };
  compare("attention_projections", got.attention_products, parts["attention_projections"]);
  compare("attention_scores", got.attention_scores, parts["attention_scores"]);
  compare("mlp", got.feed_forward + got.experts, parts["mlp"]);
  compare("router", got.router, parts["router"]);
  compare("head", got.head, parts["head"]);
  compare("forward_per_sequence", got.total(), row["forward_per_sequence"]);
  compare("forward_per_token", got.total() / length, row["forward_per_token"]);
  compare("training_per_token", 3.0 * got.total() / length, row["training_per_token"]);
}

void compare_rules(Comparison& comparison,
                   const std::string& name,
                   const Json& run,
                   const Json& row,
                   const Json& tolerance) {
  static const std::vector<std::pair<const char*, const char*>> kRules{
      {"nanogpt", "nanogpt_6N_plus_12LHQT"},
      {"palm", "palm_6N_plus_12LHQT"},
      {"llmc", "llmc_6N_plus_6LCT"}};
  const auto rules = config::flop_rules(run, row["config"]["vocab"].as_integer());
  for (const auto& [ours, theirs] : kRules) {
    const auto rule = std::find_if(
        rules.begin(), rules.end(), [ours = ours](const auto& r) { return r.name == ours; });
    if (rule == rules.end()) return comparison.failure(name + ": no rule " + ours);
    comparison.value(name + " " + theirs,
                     rule->flops_per_token_step,
                     row["rules_training_flops_per_token"][theirs].as_number(NAN),
                     tolerance);
  }
  const bool is_causal = row["config"]["attention_count"].as_string() == "causal";
  comparison.value(name + " our own count",
                   rules[is_causal ? 0 : 1].flops_per_token_step,
                   row["training_per_token"].as_number(NAN),
                   tolerance);
}

}  // namespace

CaseOutcome run_flop_accounting(const Json& c,
                                const std::string& /*folder*/,
                                const std::string& /*data_dir*/) {
  Comparison comparison;
  const Json& tolerance = c["tolerance"]["all"];
  for (const Json& row : c["expected"]["rows"].items()) {
    const std::string& name = row["name"].as_string();
    const Json& shape = row["config"];
    for (const auto& [key, value] : shape.members()) {
      if (std::find(kKnownKeys.begin(), kKnownKeys.end(), key) == kKnownKeys.end())
        comparison.failure(name + ": unknown key " + key);
    }
    const auto count = shape["attention_count"].as_string() == "causal" ? AttentionCount::kCausal
                                                                        : AttentionCount::kFull;
    compare_parts(comparison, name, forward_flops(shape_of(shape), count), row, tolerance);
    const bool has_rules = row.find("rules_training_flops_per_token") != nullptr;
    const Json run = run_config(shape);
    if (run.is_null()) {
      if (has_rules) comparison.failure(name + ": rules of a model that no run describes");
      continue;
    }
    const ModelShape of_run = config::model_shape(run, shape["vocab"].as_integer());
    compare_parts(comparison, name + " (run)", forward_flops(of_run, count), row, tolerance);
    if (has_rules) compare_rules(comparison, name, run, row, tolerance);
  }
  return comparison.outcome();
}

}  // namespace switchyard::golden
