#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <ATen/core/Tensor.h>

#include "engine/train/model/transformer.h"

namespace switchyard::train {

class CudaGraph;

/// Forward and backward pass over one micro-batch: gradients are added to the parameters'. On a GPU
/// the first call of a shape records the pass as a CUDA graph, later calls replay it; where that is
/// not possible, and on the CPU, the pass runs as it is.
///
/// Shapes: tokens, targets [B, T] int64, anywhere.
/// Limits: the first call of a shape begins from zero gradients.
/// Errors: throws what LibTorch throws.
/// Determinism: recorded or not, the bits are the same. The first call tries algorithms for the
///         products unless the model has their choice (Fusion); it leaves weights and random state
///         alone.
/// Threads: one thread.
class MicroStep {
 public:
  struct Options {
    bool use_graph = true;
    /// Called between forward and backward pass; such a pass is never recorded.
    std::function<void(Transformer::Losses&)> between;
  };

  MicroStep(Transformer& model, Options options);
  ~MicroStep();

  /// Differentiates `share` x the losses. The result's tensors hold until the next call.
  const Transformer::Losses& run(const at::Tensor& tokens, const at::Tensor& targets, double share);

  /// How often a new shape was met and recorded.
  [[nodiscard]] int num_recordings() const { return num_recordings_; }

  /// Why passes on the GPU are not recorded; empty while they are, or on the CPU.
  [[nodiscard]] const std::string& why_no_graph() const { return why_no_graph_; }

 private:
  void pass();
  void record();

  Transformer& model_;
  Options options_;
  at::Tensor tokens_, targets_;  ///< where the recorded pass reads
  double share_ = 0.0;
  Transformer::Losses losses_;
  std::unique_ptr<CudaGraph> graph_;
  int num_recordings_ = 0;
  std::string why_no_graph_;
};

}  // namespace switchyard::train
