#include "engine/train/model/dense_weights.h"

#include <string>

#include <ATen/ATen.h>

namespace switchyard::train {

std::optional<DenseWeights> dense_weights(const config::Node& model,
                                          const ParameterStore& parameters,
                                          const RotaryTable& rotary,
                                          at::ScalarType stream) {
  if (model.text("qk_norm") != "none") return std::nullopt;
  const bool use_bias = model.boolean("use_bias");
  const auto part = [&](const std::string& name, bool has_bias) {
    DenseWeights::Part found{parameters.slot(name + ".weight").value, {}};
    if (has_bias) found.bias = parameters.slot(name + ".bias").value;
    return found;
  };
  DenseWeights weights;
  weights.norm = {model.text("norm") == "rms_norm", model.number("norm_eps")};
  const bool has_norm_bias = use_bias && !weights.norm.is_rms;
  for (const config::Node& entry : model.children("layers")) {
    const config::Node feed_forward = entry.child("feed_forward");
    if (feed_forward.text("type") != "dense") return std::nullopt;
    for (std::int64_t i = 0; i < entry.integer("repeat"); ++i) {
      const std::string name = "layers." + std::to_string(weights.layers.size());
      DenseWeights::Layer layer;
      layer.attention_norm = part(name + ".attention_norm", has_norm_bias);
      layer.qkv = part(name + ".attention.qkv", use_bias);
      layer.output = part(name + ".attention.output", use_bias);
      layer.feed_forward_norm = part(name + ".feed_forward_norm", has_norm_bias);
      layer.up = part(name + ".feed_forward.up", use_bias);
      layer.down = part(name + ".feed_forward.down", use_bias);
      layer.activation = activation_from_name(feed_forward.text("activation"));
      if (is_gated(layer.activation)) {
        layer.gate = part(name + ".feed_forward.gate", use_bias);
      }
      weights.layers.push_back(std::move(layer));
    }
  }
  weights.token_embedding = parameters.slot("token_embedding.weight").value;
  if (model.text("position") == "learned") {
    weights.position_embedding = parameters.slot("position_embedding.weight").value;
  }
  weights.rotary = rotary;
  weights.head = model.boolean("use_tied_head") ? weights.token_embedding
                                                : parameters.slot("head.weight").value;
  weights.final_norm = part("final_norm", has_norm_bias);
  weights.num_heads = model.integer("num_heads");
  weights.stream = stream;
  return weights;
}

}  // namespace switchyard::train
