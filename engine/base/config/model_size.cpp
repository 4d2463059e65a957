#include "engine/base/config/model_size.h"

#include <algorithm>

#include "engine/base/config/node.h"

namespace switchyard::config {
namespace {

/// Widths that every part of the count needs.
struct Widths {
  std::int64_t d_model = 0;
  std::int64_t head_dim = 0;
  bool use_bias = false;
  bool is_rms_norm = false;
};

/// Numbers of one part: all of them, those a token uses, and those in matrix products of a token.
struct Count {
  std::int64_t total = 0;
  std::int64_t active = 0;
  std::int64_t in_products = 0;
};

void add(Count& sum, const Count& part, std::int64_t times = 1) {
  sum.total += times * part.total;
  sum.active += times * part.active;
  sum.in_products += times * part.in_products;
}

Count norm_count(const Widths& w) {
  const bool has_bias = w.use_bias && !w.is_rms_norm;
  const std::int64_t numbers = w.d_model * (has_bias ? 2 : 1);
  return {numbers, numbers, 0};
}

Count attention_count(const Widths& w, const std::string& qk_norm) {
  const std::int64_t matrices = 4 * w.d_model * w.d_model;
  std::int64_t numbers = matrices + (w.use_bias ? 4 * w.d_model : 0);
  if (qk_norm == "full") numbers += 2 * w.d_model;
  if (qk_norm == "head") numbers += 2 * w.head_dim;
  return {numbers, numbers, matrices};
}

/// One feed-forward block, or one expert (experts have no biases).
Count block_count(const Widths& w, const Node& options, bool use_bias) {
  const std::int64_t d_ff = options.integer("d_ff");
  const std::int64_t num_inner = options.text("activation") == "swiglu" ? 2 : 1;
  const std::int64_t matrices = (num_inner + 1) * w.d_model * d_ff;
  const std::int64_t biases = use_bias ? num_inner * d_ff + w.d_model : 0;
  return {matrices + biases, matrices + biases, matrices};
}

Count feed_forward_count(const Widths& w, const Node& options) {
  if (options.text("type") == "dense") return block_count(w, options, w.use_bias);
  const Count block = block_count(w, options, false);
  const std::int64_t num_experts = options.integer("num_experts");
  const Node router = options.child("router");
  const std::int64_t top_k = router.has("top_k") ? router.integer("top_k") : num_experts;
  const std::int64_t router_numbers = w.d_model * num_experts;
  return {num_experts * block.total + router_numbers,
          top_k * block.active + router_numbers,
          top_k * block.in_products + router_numbers};
}

}  // namespace

std::int64_t model_vocab_size(const Json& resolved_config, std::int64_t vocab_size) {
  const Node model = Node(resolved_config).child("model");
  const std::int64_t wanted = std::max(vocab_size, model.integer("vocab_size"));
  const std::int64_t multiple = model.integer("vocab_size_multiple");
  return (wanted + multiple - 1) / multiple * multiple;
}

ModelSize model_size(const Json& resolved_config, std::int64_t vocab_size) {
  const Node model = Node(resolved_config).child("model");
  Widths w;
  w.d_model = model.integer("d_model");
  w.head_dim = w.d_model / model.integer("num_heads");
  w.use_bias = model.boolean("use_bias");
  w.is_rms_norm = model.text("norm") == "rms_norm";
  const std::int64_t seq_len = model.integer("seq_len");
  const std::int64_t table = model_vocab_size(resolved_config, vocab_size) * w.d_model;

  Count sum{table, table, table};  // embedding; as the tied head it is a matrix product too
  if (!model.boolean("use_tied_head")) add(sum, {table, table, 0});
  if (model.text("position") == "learned") add(sum, {seq_len * w.d_model, seq_len * w.d_model, 0});
  std::int64_t num_layers = 0;
  for (const Node& entry : model.children("layers")) {
    const std::int64_t repeat = entry.integer("repeat");
    num_layers += repeat;
    add(sum, norm_count(w), 2 * repeat);
    add(sum, attention_count(w, model.text("qk_norm")), repeat);
    add(sum, feed_forward_count(w, entry.child("feed_forward")), repeat);
  }
  add(sum, norm_count(w));

  ModelSize size;
  size.params_total = sum.total;
  size.params_active = sum.active;
  size.flops_per_token_forward = 2.0 * static_cast<double>(sum.in_products) +
                                 2.0 * static_cast<double>(num_layers * w.d_model * seq_len);
  size.flops_per_token_step = 3.0 * size.flops_per_token_forward;
  return size;
}

}  // namespace switchyard::config
