#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/base/config/node.h"
#include "engine/train/fused/functions.h"
#include "engine/train/model/activation.h"
#include "engine/train/model/parameter_store.h"

namespace switchyard::train {

/// What a dense model computes with, for code that runs its layers without the modules. Tensors are
/// the running model's own, so they follow its training.
///
/// Shapes: weights of products [out, in] and biases [out] in compute precision, of norms [D] in
///         master precision; embeddings [V, D] and [seq_len, D]. A bias that there is not is
///         undefined, and so are gates without SwiGLU, positions with rotary tables and the other
///         way round.
struct DenseWeights {
  struct Part {
    at::Tensor weight, bias;
  };

  struct Layer {
    Part attention_norm, qkv, output;
    Part feed_forward_norm, up, gate, down;
    Activation activation = Activation::kGeluErf;
  };

  at::Tensor token_embedding, position_embedding, head;
  RotaryTable rotary;
  std::vector<Layer> layers;
  Part final_norm;
  NormOptions norm;
  std::int64_t num_heads = 0;
  at::ScalarType stream = at::kFloat;  ///< of the residual stream
};

/// `model` is the section of a resolved config, `parameters` its allocated ones. Nothing for models
/// with routed layers or norms of queries and keys.
std::optional<DenseWeights> dense_weights(const config::Node& model,
                                          const ParameterStore& parameters,
                                          const RotaryTable& rotary,
                                          at::ScalarType stream);

}  // namespace switchyard::train
