#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/core/json.h"

namespace switchyard::config {

/// Counts parameters and floating-point operations of the model that a resolved config describes.
///
/// Math:   params_total counts every trainable number once (a tied head is not counted twice).
///         params_active replaces E experts of a routed layer by the K that a token uses.
///         flops_per_token_forward = 2 x (active parameters in matrix products, head included)
///           + 4 x num_layers x d_model x seq_len / 2 (causal attention scores and values, mean
///           length);
///         flops_per_token_step = 3 x forward (backward costs twice the forward).
/// Units:  numbers; FLOP per token.
/// Errors: none for a resolved config; vocab_size is passed since it belongs to the tokenizer.
/// Source: Hoffmann et al. 2022, arXiv 2203.15556, appendix F.
///         Differs: attention counts the causal half; a routed layer counts its K experts.
struct ModelSize {
  std::int64_t params_total = 0;
  std::int64_t params_active = 0;
  double flops_per_token_forward = 0.0;
  double flops_per_token_step = 0.0;
};

/// A part of the model as a drawing shows it; counts are of one copy, `repeat` copies stand in the
/// model.
struct ModelPart {
  enum class Kind { kEmbedding, kMixer, kDense, kRouter, kExperts, kHead };
  Kind kind = Kind::kEmbedding;
  int layer_group = -1;  ///< index in model.layers; -1 outside of layers
  std::int64_t repeat = 1;
  std::int64_t params_total = 0;   ///< the norm before the part included
  std::int64_t params_active = 0;  ///< that one token uses
  double flops_per_token = 0.0;    ///< forward
};

/// The parts from the first to the last; model_size is their sum.
std::vector<ModelPart> model_parts(const Json& resolved_config, std::int64_t vocab_size);

/// Rows of the token table: the larger of the tokenizer's vocabulary and model.vocab_size, rounded
/// up to a multiple of model.vocab_size_multiple.
std::int64_t model_vocab_size(const Json& resolved_config, std::int64_t vocab_size);

ModelSize model_size(const Json& resolved_config, std::int64_t vocab_size);

}  // namespace switchyard::config
