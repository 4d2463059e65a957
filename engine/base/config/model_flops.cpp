#include "engine/base/config/model_flops.h"

#include "engine/base/config/model_size.h"
#include "engine/base/config/node.h"
#include "engine/base/config/routed_size.h"

namespace switchyard::config {
namespace {

double number(std::int64_t count) {
  return static_cast<double>(count);
}

/// Active parameters without biases; a tied head counts once.
double params_of_rules(Json config, std::int64_t vocab_size) {
  config.find("model")->set("use_bias", false);
  return number(model_size(config, vocab_size).params_active);
}

}  // namespace

std::array<std::pair<std::string_view, double>, 7> Flops::parts() const {
  return {{{"embedding", embedding},
           {"attention_products", attention_products},
           {"attention_scores", attention_scores},
           {"feed_forward", feed_forward},
           {"experts", experts},
           {"router", router},
           {"head", head}}};
}

double Flops::total() const {
  double sum = 0.0;
  for (const auto& [name, flops] : parts()) sum += flops;
  return sum;
}

Flops& Flops::operator+=(const Flops& other) {
  embedding += other.embedding;
  attention_products += other.attention_products;
  attention_scores += other.attention_scores;
  feed_forward += other.feed_forward;
  experts += other.experts;
  router += other.router;
  head += other.head;
  return *this;
}

Flops& Flops::operator*=(double factor) {
  for (double* part : {&embedding,
                       &attention_products,
                       &attention_scores,
                       &feed_forward,
                       &experts,
                       &router,
                       &head}) {
    *part *= factor;
  }
  return *this;
}

ModelShape model_shape(const Json& resolved_config, std::int64_t vocab_size) {
  const Node model = Node(resolved_config).child("model");
  ModelShape shape;
  shape.d_model = model.integer("d_model");
  shape.seq_len = model.integer("seq_len");
  shape.vocab_size = model_vocab_size(resolved_config, vocab_size);
  for (const Node& entry : model.children("layers")) {
    const Node feed_forward = entry.child("feed_forward");
    LayerShape layer;
    layer.repeat = entry.integer("repeat");
    layer.num_heads = layer.num_kv_heads = model.integer("num_heads");
    layer.head_dim = shape.d_model / layer.num_heads;
    layer.d_ff = feed_forward.integer("d_ff");
    const std::string& activation = feed_forward.text("activation");
    layer.num_matrices = activation == "swiglu" || activation == "geglu" ? 3 : 2;
    layer.num_tokens = shape.seq_len;
    if (feed_forward.text("type") != "dense") {
      const RoutedSize routed = routed_size(feed_forward, shape.seq_len);
      layer.num_experts = routed.num_router_outputs;
      layer.num_blocks = routed.experts_per_token;
      layer.num_slots = routed.num_slots;
      layer.dense_d_ff = feed_forward.integer("shared_d_ff") +
                         feed_forward.integer("ff_before_d_ff") +
                         feed_forward.integer("ff_after_d_ff");
    }
    shape.layers.push_back(layer);
  }
  return shape;
}

Flops layer_flops(const ModelShape& shape, const LayerShape& layer, AttentionCount count) {
  const double n = number(layer.num_tokens), d_model = number(shape.d_model);
  const double width = number(layer.num_heads * layer.head_dim);
  const double kv_width = number(layer.num_kv_heads * layer.head_dim);
  Flops flops;
  flops.attention_products = 2.0 * n * (2.0 * d_model * width + 2.0 * d_model * kv_width);
  flops.attention_scores = (count == AttentionCount::kCausal ? 2.0 : 4.0) * n * n * width;
  (layer.num_experts > 0 ? flops.experts : flops.feed_forward) =
      2.0 * n * layer.num_blocks * number(layer.num_matrices) * d_model * number(layer.d_ff);
  flops.feed_forward += 2.0 * n * number(layer.num_matrices) * d_model * number(layer.dense_d_ff);
  flops.router = 2.0 * n * d_model * number(layer.num_experts + 2 * layer.num_slots);
  if (layer.has_depth_router) flops.router += 2.0 * d_model * number(shape.seq_len);
  return flops;
}

Flops forward_flops(const ModelShape& shape, AttentionCount count) {
  Flops total;
  for (const LayerShape& layer : shape.layers) {
    Flops flops = layer_flops(shape, layer, count);
    flops *= number(layer.repeat);
    total += flops;
  }
  total.head = 2.0 * number(shape.seq_len) * number(shape.d_model) * number(shape.vocab_size);
  return total;
}

std::vector<FlopRule> flop_rules(const Json& resolved_config, std::int64_t vocab_size) {
  const ModelShape shape = model_shape(resolved_config, vocab_size);
  const double length = number(shape.seq_len);
  const auto counted = [&](AttentionCount count) {
    return 3.0 * forward_flops(shape, count).total() / length;
  };
  double scores = 0.0;  // L A T
  for (const LayerShape& layer : shape.layers)
    scores += number(layer.repeat * layer.num_heads * layer.head_dim) * length;
  const double params = params_of_rules(resolved_config, vocab_size);
  const bool has_table = resolved_config["model"]["position"].as_string() == "learned";
  const double positions = has_table ? length * number(shape.d_model) : 0.0;
  return {{"counted_causal",
           "3 x forward products, attention over the causal half",
           "",
           counted(AttentionCount::kCausal)},
          {"counted_full",
           "3 x forward products, attention over all pairs",
           "",
           counted(AttentionCount::kFull)},
          {"nanogpt",
           "6 N + 12 L C T, N without positions",
           "nanoGPT model.py, estimate_mfu",
           6.0 * (params - positions) + 12.0 * scores},
          {"palm",
           "6 N + 12 L C T",
           "Chowdhery et al. 2022, arXiv 2204.02311, appendix B",
           6.0 * params + 12.0 * scores},
          {"llmc",
           "6 N + 6 L C T",
           "llm.c train_gpt2.cu, gpt2_estimate_mfu",
           6.0 * params + 6.0 * scores}};
}

Json flops_by_part(const Json& resolved_config, std::int64_t vocab_size) {
  const ModelShape shape = model_shape(resolved_config, vocab_size);
  Flops flops = forward_flops(shape, AttentionCount::kCausal);
  flops *= 1.0 / number(shape.seq_len);
  Json result = Json::object();
  for (const auto& [pass, factor] : {std::pair{"forward", 1.0}, std::pair{"step", 3.0}}) {
    Json& parts = result.set(pass, Json::object());
    for (const auto& [name, value] : flops.parts()) parts.set(name, Json(factor * value));
  }
  return result;
}

double utilisation(double flops_per_token_step, double tokens_per_second, double peak_tflops) {
  return flops_per_token_step * tokens_per_second / (peak_tflops * 1e12);
}

}  // namespace switchyard::config
