#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/core/json.h"

namespace switchyard::config {

/// Floating-point operations by part of the model; two for a multiply-add.
struct Flops {
  double embedding = 0.0;           ///< look-ups: none
  double attention_products = 0.0;  ///< query, key, value and output matrices
  double attention_scores = 0.0;    ///< queries with keys, weights with values
  double feed_forward = 0.0;        ///< dense blocks
  double experts = 0.0;             ///< those that a token uses
  double router = 0.0;
  double head = 0.0;

  [[nodiscard]] double total() const;
  /// Every part with its name, as the members are called.
  [[nodiscard]] std::array<std::pair<std::string_view, double>, 7> parts() const;

  Flops& operator+=(const Flops& other);
  Flops& operator*=(double factor);
};

/// Which of the seq_len^2 pairs of positions count: all, or the half that causal attention needs.
enum class AttentionCount { kFull, kCausal };

/// What the count needs to know of layers that are alike.
struct LayerShape {
  std::int64_t repeat = 1;
  std::int64_t num_heads = 1, num_kv_heads = 1, head_dim = 1;
  std::int64_t d_ff = 1;
  std::int64_t num_matrices = 2;  ///< of a block: 2, or 3 for a gated one
  std::int64_t num_experts = 0;   ///< logits of the router; 0: dense
  double num_blocks = 1.0;  ///< that a token passes on average: experts chosen and shared ones
  std::int64_t dense_d_ff = 0;  ///< of blocks beside the experts: shared, before and after
  std::int64_t num_slots = 0;  ///< of a sequence, where experts compute mixtures of tokens
  std::int64_t num_tokens = 0;    ///< of a sequence that pass the layer
  bool has_depth_router = false;  ///< a router chooses these tokens out of all
};

struct ModelShape {
  std::int64_t d_model = 1, seq_len = 1, vocab_size = 1;
  std::vector<LayerShape> layers;
};

/// The shape of the model that a resolved config describes.
ModelShape model_shape(const Json& resolved_config, std::int64_t vocab_size);

/// Operations of a forward pass over one sequence; a training step takes three times as many
/// (the backward pass costs twice the forward).
///
/// Math:   a layer of n tokens, D d_model, H heads and K key heads of d features:
///           attention_products = 2 n (2 D H d + 2 D K d); attention_scores = c 4 n^2 H d, with c =
///           1 (full) or 1/2 (causal); feed_forward or experts = 2 n num_blocks num_matrices D
///           d_ff, and the same for dense_d_ff in feed_forward; router = 2 n D num_experts, and 4 n
///           D num_slots more where tokens are mixed, 2 D seq_len for a depth router;
///         head = 2 seq_len D vocab_size. Look-ups, norms, softmax and activations count zero.
/// Units:  FLOP.
Flops forward_flops(const ModelShape& shape, AttentionCount count);
/// The same for the layers of one entry, without `repeat`.
Flops layer_flops(const ModelShape& shape, const LayerShape& layer, AttentionCount count);

/// Training FLOP per token by a named rule. A utilisation means nothing without the name of its
/// rule.
struct FlopRule {
  std::string_view name;
  std::string_view formula;
  std::string_view source;
  double flops_per_token_step = 0.0;
};

/// Our count and the published rules of thumb, for one model.
///
/// Math:   N active parameters without biases, a tied head once; L layers, T seq_len, A = H d the
///         width of attention:
///         counted_causal = 3 forward_flops(kCausal) / T: what ModelSize has, and the default;
///         counted_full = the same with all pairs; nanogpt = 6 (N - position table) + 12 L A T;
///         palm = 6 N + 12 L A T; llmc = 6 N + 6 L A T
/// Source: nanoGPT model.py, estimate_mfu; Chowdhery et al. 2022, arXiv 2204.02311, appendix B;
///         llm.c train_gpt2.cu, gpt2_estimate_mfu.
std::vector<FlopRule> flop_rules(const Json& resolved_config, std::int64_t vocab_size);

/// Operations per token: {"forward": {part: FLOP, …}, "step": {part: FLOP, …}}, attention over the
/// causal half.
Json flops_by_part(const Json& resolved_config, std::int64_t vocab_size);

/// Model FLOPs utilisation: the share of the device's peak that counted operations reach.
/// Source: Chowdhery et al. 2022, arXiv 2204.02311, appendix B.
double utilisation(double flops_per_token_step, double tokens_per_second, double peak_tflops);

}  // namespace switchyard::config
