#include "tests/golden/layer_case.h"

#include <utility>

#include <ATen/ATen.h>

#include "engine/base/config/schema.h"

namespace switchyard::golden {

LayerCase::LayerCase(const Json& c, const std::string& folder, Comparison& comparison)
    : case_(c), comparison_(comparison) {
  auto read = read_tensors(folder + "/" + c["name"].as_string() + ".safetensors");
  if (!read.ok()) {
    fail(read.error().text());
    return;
  }
  tensors_ = std::move(*read);
  for (auto& [name, tensor] : tensors_) {
    if (tensor.is_floating_point()) tensor = tensor.to(at::kDouble);
  }
}

at::Tensor LayerCase::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? at::Tensor() : found->second;
}

void LayerCase::fail(const std::string& what) {
  comparison_.failure(what);
  is_good_ = false;
}

void LayerCase::know(const std::set<std::string>& keys) {
  for (const auto& [key, value] : config().members()) {
    if (!keys.contains(key)) fail("config key " + key + " is unknown");
  }
}

void LayerCase::expect(const std::string& key, const Json& value) {
  const Json* const found = config().find(key);
  if (found != nullptr && *found != value) {
    fail("config." + key + ": expected " + value.dump() + ", found " + found->dump());
  }
}

void LayerCase::build(const Json& options,
                      std::map<std::string, std::vector<LayerPlace>> places,
                      const Json& model_settings) {
  if (!is_good_) return;
  at::Tensor x = tensor("in.x");
  const std::int64_t B = x.defined() && x.dim() == 3 ? x.size(0) : 1;
  if (x.defined()) {
    x = x.reshape({-1, x.size(-1)});
  } else {
    x = at::zeros({has("in.logits") ? tensor("in.logits").size(-2) : 1, 1}, at::kDouble);
  }
  const std::int64_t vocab_size =
      has("in.token_ids") ? std::max<std::int64_t>(config()["vocab"].as_integer(), 1) : 1;
  Json block = options;
  block.set("type", "routed_experts");
  Json layer = Json::object({{"repeat", 1}, {"feed_forward", std::move(block)}});
  Json model = Json::object({{"d_model", x.size(1)},
                             {"num_heads", 1},
                             {"seq_len", std::max<std::int64_t>(x.size(0) / B, 1)},
                             {"position", "learned"},
                             {"layers", Json::array({std::move(layer)})}});
  for (const auto& [key, value] : model_settings.members()) model.set(key, value);
  Json document = Json::object({{"schema", "switchyard.run"}, {"version", config::kRunVersion}});
  document.set("model", std::move(model));
  const config::Resolved resolved =
      config::resolve(config::run_schema(train::routing_declarations()), document, "case");
  if (!resolved.ok()) return fail(resolved.errors.front().text());
  model_ = resolved.config["model"];
  options_ = model_["layers"][0]["feed_forward"];
  places_ = std::move(places);
  layer_ = std::make_unique<train::RoutedExperts>(
      config::Node(model_), config::Node(options_), kName.substr(0, kName.size() - 1), vocab_size);
  parameters_ = std::make_unique<train::ParameterStore>();
  layer_->declare(*parameters_);
  parameters_->allocate(at::kDouble, at::kDouble, at::kCPU);
  layer_->bind(*parameters_);
  copy_weights();
  tokens = {};
  tokens.x = x.clone().requires_grad_(true);
  tokens.num_sequences = B;
  tokens.is_training = true;
  if (has("in.token_ids")) tokens.token_ids = tensor("in.token_ids").reshape({-1});
}

void LayerCase::copy_weights() {
  const at::NoGradGuard no_grad;
  std::set<std::string> declared;
  for (const auto& declaration : parameters_->declarations()) {
    declared.insert(declaration.name);
    if (declaration.fill) parameters_->master(declaration.name).fill_(*declaration.fill);
  }
  for (const auto& [name, tensor] : tensors_) {
    const bool is_buffer = name.starts_with("buf.");
    if (!is_buffer && !name.starts_with("w.") && !name.starts_with("frozen.")) continue;
    const auto found = places_.find(name);
    if (found == places_.end()) {
      fail(name + " has no place in the layer");
      continue;
    }
    for (const LayerPlace& place : found->second) {
      if (!is_buffer && !declared.contains(kName + place.parameter)) {
        fail(name + " is no parameter of the layer");
        continue;
      }
      const at::Tensor own = is_buffer ? parameters_->buffer(kName + place.parameter)
                                       : parameters_->master(kName + place.parameter);
      const at::Tensor part = place.count < 0 ? tensor
                                              : tensor.narrow(place.dimension, place.begin, place.count);
      if (own.numel() == part.numel()) {
        own.copy_(part.reshape(own.sizes()));
      } else {
        fail(name + ": shape");
      }
    }
  }
}

void LayerCase::compare(const std::string& name, const at::Tensor& got) {
  if (!is_good_ || !has(name)) return;
  const at::Tensor want = tensor(name);
  if (!want.is_floating_point()) {
    compare_whole(comparison_, name, got, want, 0.0, 0.0);
    return;
  }
  const bool is_scalar = want.numel() == 1 && case_["scalars"].find(name) != nullptr;
  const Json& bound = tolerance(name.starts_with("grad.") ? "grad"
                                : is_scalar               ? "scalar"
                                                          : "forward");
  compare_whole(
      comparison_, name, got, want, bound["atol"].as_number(), bound["rtol"].as_number());
}

void LayerCase::compare_gradient(const std::string& name,
                                 const std::string& what,
                                 const at::Tensor& got,
                                 bool is_zero) {
  if (!is_zero) return compare(name, got);
  if (got.defined() && got.numel() > 0) {
    comparison_.value(what + " without gradient", got.abs().max().item<double>(), 0.0, 0.0, 0.0);
  }
}

void LayerCase::compare_objective(const std::string& name,
                                  const std::function<at::Tensor()>& value,
                                  const std::map<std::string, at::Tensor>& leaves) {
  const Json* const objective = case_["objectives"].find(name);
  if (!is_good_ || objective == nullptr) return;
  std::map<std::string, at::Tensor> others = leaves;
  if (parameters_ != nullptr) {
    parameters_->zero_gradients();
    others["in.x"] = tokens.x;
  }
  for (auto& [leaf, tensor] : others) {
    if (tensor.grad().defined()) tensor.mutable_grad().zero_();
  }
  const at::Tensor result = value();
  const Json& bound = tolerance("scalar");
  comparison_.value(name,
                    result.item<double>(),
                    (*objective)["value"].as_number(),
                    bound["atol"].as_number(),
                    bound["rtol"].as_number());
  if (result.requires_grad()) result.backward();

  const std::string prefix = "grad." + name + ".";
  std::map<std::string, bool> wanted;  // leaf: is its gradient zero?
  for (const auto& [key, tensor] : tensors_) {
    if (key.starts_with(prefix)) wanted[key.substr(prefix.size())] = false;
  }
  for (const Json& leaf : (*objective)["zero_gradients"].items()) wanted[leaf.as_string()] = true;
  for (const auto& [leaf, is_zero] : wanted) {
    const std::string key = prefix + leaf;
    if (const auto other = others.find(leaf); other != others.end()) {
      const at::Tensor& gradient = other->second.grad();
      compare_gradient(
          key, key, gradient.defined() ? gradient : at::zeros_like(other->second), is_zero);
      continue;
    }
    const auto found = places_.find(leaf);
    if (found == places_.end()) {
      fail(key + " is not computed");
      continue;
    }
    at::Tensor whole = at::zeros_like(tensor(leaf));
    for (const LayerPlace& place : found->second) {
      const at::Tensor part =
          place.count < 0 ? whole : whole.narrow(place.dimension, place.begin, place.count);
      part.copy_(parameters_->gradient(kName + place.parameter).reshape(part.sizes()));
    }
    compare_gradient(key, key, whole, is_zero);
  }
}

std::map<std::string, std::vector<LayerPlace>> layer_places() {
  std::map<std::string, std::vector<LayerPlace>> places;
  const auto add = [&](const char* name, const char* parameter) {
    places[name] = {LayerPlace{parameter}};
  };
  add("w.router", "router.weight");
  add("w.router_bias", "router.bias");
  add("w.gate_proj", "experts.gate.weight");
  add("w.up_proj", "experts.up.weight");
  add("w.down_proj", "experts.down.weight");
  add("w.fc1", "experts.up.weight");
  add("w.fc2", "experts.down.weight");
  add("w.fc1_bias", "experts.up.bias");
  add("w.fc2_bias", "experts.down.bias");
  add("w.shared_gate_proj", "shared.gate.weight");
  add("w.shared_up_proj", "shared.up.weight");
  add("w.shared_down_proj", "shared.down.weight");
  add("buf.selection_bias", "router.selection_bias");
  return places;
}

Json stage(const char* type) {
  return Json::object({{"type", type}});
}

void set_experts(Json& options, const Json& config) {
  options.set("num_experts", config["num_experts"]);
  options.set("d_ff", config["expert_hidden"]);
  options.set("activation", config["expert"]);
  if (const Json* const has_bias = config.find("expert_bias")) {
    options.set("use_expert_bias", *has_bias);
  }
}

at::Tensor dense_gates(const at::Tensor& expert_index,
                       const at::Tensor& combine_weight,
                       std::int64_t num_experts) {
  return at::zeros({expert_index.size(0), num_experts + 1}, combine_weight.options())
      .scatter(1, expert_index, combine_weight)
      .narrow(1, 0, num_experts);
}

}  // namespace switchyard::golden
