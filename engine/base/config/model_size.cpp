#include "engine/base/config/model_size.h"

#include <algorithm>
#include <cmath>

#include "engine/base/config/model_flops.h"
#include "engine/base/config/node.h"
#include "engine/base/config/routed_size.h"

namespace switchyard::config {
namespace {

/// Widths that every part of the count needs.
struct Widths {
  std::int64_t d_model = 0;
  std::int64_t head_dim = 0;
  bool use_bias = false;
  bool is_rms_norm = false;
};

/// Numbers of one part: all of them, and those a token uses.
struct Count {
  std::int64_t total = 0;
  std::int64_t active = 0;
};

Count operator+(const Count& a, const Count& b) {
  return {a.total + b.total, a.active + b.active};
}

Count norm_count(const Widths& w) {
  const bool has_bias = w.use_bias && !w.is_rms_norm;
  const std::int64_t numbers = w.d_model * (has_bias ? 2 : 1);
  return {numbers, numbers};
}

Count attention_count(const Widths& w, const std::string& qk_norm) {
  std::int64_t numbers = 4 * w.d_model * w.d_model + (w.use_bias ? 4 * w.d_model : 0);
  if (qk_norm == "full") numbers += 2 * w.d_model;
  if (qk_norm == "head") numbers += 2 * w.head_dim;
  return {numbers, numbers};
}

/// Products into the hidden features: two where one gates the other.
std::int64_t num_inner_products(const Node& options) {
  const std::string& activation = options.text("activation");
  return activation == "swiglu" || activation == "geglu" ? 2 : 1;
}

/// One feed-forward block, or one expert (experts have no biases).
Count block_count(const Widths& w, const Node& options, bool use_bias) {
  const std::int64_t d_ff = options.integer("d_ff");
  const std::int64_t num_inner = num_inner_products(options);
  const std::int64_t matrices = (num_inner + 1) * w.d_model * d_ff;
  const std::int64_t biases = use_bias ? num_inner * d_ff + w.d_model : 0;
  return {matrices + biases, matrices + biases};
}

/// What gives logits, and noise of learned strength.
Count router_count(const Widths& w, const Node& options, const RoutedSize& routed) {
  const std::int64_t num_outputs = routed.num_router_outputs;
  const Node router = options.child("router");
  std::int64_t numbers = w.d_model * num_outputs;
  if (routed.num_slots > 0) {
    numbers += router.boolean("is_normalized") ? 1 : 0;
  } else if (options.has("projection")) {
    const Node projection = options.child("projection");
    if (projection.has("router_dim")) {
      numbers = (w.d_model + num_outputs) * projection.integer("router_dim");
    }
    if (projection.text("type") == "cosine") ++numbers;  // the temperature
    if (projection.has("use_bias") && projection.boolean("use_bias")) numbers += num_outputs;
  }
  if (router.has("use_learned_weight") && !router.boolean("use_learned_weight")) numbers = 0;
  if (options.has("noise") && options.child("noise").text("type") == "learned_normal") {
    numbers += w.d_model * num_outputs;
  }
  return {numbers, numbers};
}

/// A dense block beside the experts, without its norm. No numbers for d_ff 0.
std::int64_t side_block_numbers(const Widths& w, const Node& options, std::int64_t d_ff) {
  if (d_ff == 0) return 0;
  const std::int64_t num_inner = num_inner_products(options);
  return (num_inner + 1) * w.d_model * d_ff + (w.use_bias ? num_inner * d_ff + w.d_model : 0);
}

Count experts_count(const Widths& w, const Node& options, const RoutedSize& routed) {
  const bool use_scale = options.boolean("use_multiplicative_bias");
  const std::int64_t block = block_count(w, options, options.boolean("use_expert_bias")).total +
                             (use_scale ? options.integer("d_ff") : 0);
  const std::int64_t E = options.integer("num_experts");
  const std::int64_t constant = 3 * w.d_model * options.integer("num_constant_experts");
  const double share = std::min(static_cast<double>(E), routed.experts_per_token);
  Count count{E * block + constant, std::llround(share * static_cast<double>(block)) + constant};
  std::int64_t beside = side_block_numbers(w, options, options.integer("shared_d_ff"));
  if (beside > 0 && options.boolean("use_shared_gate")) beside += w.d_model;
  for (const char* key : {"ff_before_d_ff", "ff_after_d_ff"}) {
    const std::int64_t d_ff = options.integer(key);
    if (d_ff == 0) continue;
    beside += side_block_numbers(w, options, d_ff) + norm_count(w).total + (use_scale ? d_ff : 0);
  }
  return count + Count{beside, beside};
}

ModelPart part_of(ModelPart::Kind kind, const Count& count, double flops_per_token) {
  ModelPart part;
  part.kind = kind;
  part.params_total = count.total;
  part.params_active = count.active;
  part.flops_per_token = flops_per_token;
  return part;
}

}  // namespace

std::int64_t model_vocab_size(const Json& resolved_config, std::int64_t vocab_size) {
  const Node model = Node(resolved_config).child("model");
  const std::int64_t wanted = std::max(vocab_size, model.integer("vocab_size"));
  const std::int64_t multiple = model.integer("vocab_size_multiple");
  return (wanted + multiple - 1) / multiple * multiple;
}

std::vector<ModelPart> model_parts(const Json& resolved_config, std::int64_t vocab_size) {
  const Node model = Node(resolved_config).child("model");
  Widths w;
  w.d_model = model.integer("d_model");
  w.head_dim = w.d_model / model.integer("num_heads");
  w.use_bias = model.boolean("use_bias");
  w.is_rms_norm = model.text("norm") == "rms_norm";
  const std::int64_t seq_len = model.integer("seq_len");
  const std::int64_t table = model_vocab_size(resolved_config, vocab_size) * w.d_model;
  const std::int64_t positions = model.text("position") == "learned" ? seq_len * w.d_model : 0;

  const ModelShape shape = model_shape(resolved_config, vocab_size);
  const auto length = static_cast<double>(seq_len);

  std::vector<ModelPart> parts;
  parts.push_back(
      part_of(ModelPart::Kind::kEmbedding, {table + positions, table + positions}, 0.0));
  int group = 0;
  for (const Node& entry : model.children("layers")) {
    const Flops flops =
        layer_flops(shape, shape.layers[static_cast<std::size_t>(group)], AttentionCount::kCausal);
    const auto add = [&](ModelPart::Kind kind, const Count& count, double flops_per_sequence) {
      ModelPart part = part_of(kind, count, flops_per_sequence / length);
      part.layer_group = group;
      part.repeat = entry.integer("repeat");
      parts.push_back(part);
    };
    add(ModelPart::Kind::kMixer,
        norm_count(w) + attention_count(w, model.text("qk_norm")),
        flops.attention_products + flops.attention_scores);
    const Node feed_forward = entry.child("feed_forward");
    if (feed_forward.text("type") == "dense") {
      add(ModelPart::Kind::kDense,
          norm_count(w) + block_count(w, feed_forward, w.use_bias),
          flops.feed_forward);
    } else {
      const RoutedSize routed = routed_size(feed_forward, seq_len);
      add(ModelPart::Kind::kRouter,
          norm_count(w) + router_count(w, feed_forward, routed),
          flops.router);
      add(ModelPart::Kind::kExperts,
          experts_count(w, feed_forward, routed),
          flops.experts + flops.feed_forward);
    }
    ++group;
  }
  // A tied head is the token table itself: its products count, its numbers do not.
  const std::int64_t own = model.boolean("use_tied_head") ? 0 : table;
  parts.push_back(part_of(
      ModelPart::Kind::kHead, norm_count(w) + Count{own, own}, 2.0 * static_cast<double>(table)));
  return parts;
}

ModelSize model_size(const Json& resolved_config, std::int64_t vocab_size) {
  ModelSize size;
  for (const ModelPart& part : model_parts(resolved_config, vocab_size)) {
    size.params_total += part.repeat * part.params_total;
    size.params_active += part.repeat * part.params_active;
    size.flops_per_token_forward += static_cast<double>(part.repeat) * part.flops_per_token;
  }
  size.flops_per_token_step = 3.0 * size.flops_per_token_forward;
  return size;
}

}  // namespace switchyard::config
