#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/Tensor.h>

#include "engine/train/model/dense_weights.h"
#include "engine/train/model/transformer.h"
#include "kernels/include/sample_token.h"

namespace switchyard::train {

/// One token for each of some sequences: from the last tokens to the next ones, by kernels that
/// read every weight once. All state is in device memory, so a step can be recorded as a graph; on
/// the CPU it runs on the kernels' references.
///
/// Math:   Transformer's layers, with deltas added to the residual stream before they are rounded,
///         then sample_token.h.
/// Shapes: token, length [M] int32: the next to read of each row, and how many are in the cache;
///         seed, num_drawn [M] int64; tokens [M, capacity] int32.
/// Limits: M <= 32. Lengths below the model's seq_len. See why_not().
/// Errors: throws c10::Error when a kernel cannot run.
/// Determinism: exact; on a GPU it may depend on `longest` in the last bit.
class DecodeStep {
 public:
  /// Why a model's tokens have to be decoded by its modules; empty when they need not.
  static std::string why_not(const Transformer& model, at::Device device);

  /// `model` outlives it, and its parameters stay where they are.
  DecodeStep(const Transformer& model, std::int64_t num_rows, std::int64_t capacity);

  /// Steps all rows; `longest`: about the largest length. The work is queued, not waited for.
  void run(std::int64_t longest);

  void set_settings(const kernels::SampleSettings& settings);

  at::Tensor token, length, seed, num_drawn, tokens;
  KvCache cache;  ///< its own length stays 0: rows differ

 private:
  using Part = DenseWeights::Part;
  void embed();
  void linear(const at::Tensor& x,
              const Part* norm,
              const Part& weight,
              const Part* gate,
              const at::Tensor& residual,
              const at::Tensor& y,
              Activation activation,
              bool has_activation);
  void attend(std::size_t layer, std::int64_t longest);
  void draw();

  DenseWeights weights_;
  std::int64_t num_rows_, vocab_size_, seq_len_;
  at::Device device_;
  at::Tensor settings_;                                ///< bytes of kernels::SampleSettings
  at::Tensor stream_, qkv_, mixed_, hidden_, logits_;  ///< activations of a step
};

}  // namespace switchyard::train
