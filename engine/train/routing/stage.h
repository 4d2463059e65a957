#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <ATen/core/Tensor.h>

#include "engine/base/config/node.h"
#include "engine/base/config/schema.h"
#include "engine/train/model/parameter_store.h"

namespace switchyard::train {

/// The layer that a stage belongs to.
struct RoutingShape {
  std::string name;  ///< of the router's parameters and buffers: "layers.0.feed_forward.router"
  std::int64_t num_experts = 1;  ///< E, those without products included
  std::int64_t d_model = 1;      ///< D
  std::int64_t d_ff = 1;         ///< F
  std::int64_t vocab_size = 0;   ///< V; 0 where token ids are not known
  std::int64_t seq_len = 0;      ///< T of a whole sequence
  /// How many of the E, the last ones, cost no product: any number of tokens may use them.
  std::int64_t num_free_experts = 0;
};

/// The tokens that a layer routes: N = B x T rows, row b * T + t.
struct TokenView {
  at::Tensor x;          ///< [N, D] in compute precision
  at::Tensor token_ids;  ///< [N] int64; undefined where they are not known
  std::int64_t num_sequences = 1;   ///< B
  std::int64_t first_position = 0;  ///< of every sequence's first row
  bool is_training = false;
  bool is_observed = true;  ///< false when a pass is computed again: controllers count it once
  at::Tensor random;  ///< recorded numbers for a stage that draws, in place of new ones (tests)
  at::Tensor keep_uniform;  ///< [N, K] the same for a router that draws which choices are kept

  [[nodiscard]] std::int64_t num_tokens() const { return x.size(0); }
};

/// What the router's choice is made of; all [N, E].
struct Scores {
  at::Tensor clean_logits;  ///< of the projection
  at::Tensor logits;        ///< with noise
  at::Tensor scores;        ///< differentiable; what combine weights come from
  at::Tensor probs;   ///< differentiable, scores that sum to 1 per token (balance loss, entropy)
  at::Tensor ranked;  ///< scores with the balance controller's bias, without gradient

  [[nodiscard]] std::int64_t num_tokens() const { return scores.size(0); }
  [[nodiscard]] std::int64_t num_experts() const { return scores.size(1); }
};

/// Which experts take which tokens.
struct Choice {
  /// [N, K] int64: experts in descending order of rank, each at most once per token; E where a slot
  /// holds no expert.
  at::Tensor expert_index;
  at::Tensor combine_weight;  ///< [N, K]; undefined: the layer's rule of combine weights decides
  /// Assignments that can be there at most, where that is less than N x K; 0 otherwise.
  std::int64_t num_assignments_at_most = 0;
  at::Tensor auxiliary_loss;  ///< 0-d, weighted; undefined without one
  at::Tensor probs;  ///< [N, E] in place of the scores' probs; undefined: those
  /// Of layers that mix tokens instead of choosing: [B, T, S] shares of every token in every slot,
  /// and of every slot in every token's output, S = E x slots of an expert, expert by expert.
  at::Tensor slot_dispatch, slot_combine;
  bool use_straight_through = false;  ///< the gradient of an expert's input reaches the weights
};

/// A part of a layer's router. What it keeps between steps lies in buffers of the ParameterStore,
/// so that checkpoints hold it and CUDA graphs find it at one place.
///
/// Shapes: see TokenView, Scores and Choice.
/// Threads: the training thread.
/// Source: each strategy names its own in StageInfo::source.
class Stage {
 public:
  virtual ~Stage() = default;

  virtual void declare(ParameterStore& /*parameters*/) const {}

  virtual void bind(ParameterStore& /*parameters*/) {}

  /// Does a training pass take numbers from the device's generator?
  [[nodiscard]] virtual bool draws() const { return false; }

  /// Forgets what the passes of a step told.
  virtual void begin_step() {}

  /// Once after every accepted update of the weights, on the device without waiting.
  virtual void end_step() {}
};

/// What a strategy says of itself.
struct StageInfo {
  std::string_view name;     ///< the word used in configs, tables and the window
  std::string_view summary;  ///< one line for the tooltip, with typical values
  std::string_view source;   ///< paper and equation
  bool is_causal = true;     ///< is a token's output independent of later tokens and other sequences?
};

template <typename Kind>
struct StageEntry {
  StageInfo info;
  void (*describe)(config::Schema& schema) = nullptr;  ///< declares its options; null: none
  std::unique_ptr<Kind> (*create)(const config::Node& options,
                                  const RoutingShape& shape) = nullptr;  ///< from valid options
};

}  // namespace switchyard::train
