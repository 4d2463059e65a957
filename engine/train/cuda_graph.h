#pragma once

#include <functional>
#include <memory>

#include "engine/base/core/result.h"

namespace switchyard::train {

/// Work on a GPU recorded once and replayed as a whole, without a launch from the host for each
/// kernel.
///
/// Limits: the recorded work reads nothing on the host, and takes its inputs from tensors that stay
///         where they are; its results stand in the same tensors after each replay. The current
///         stream is not the default one.
/// Determinism: a replay gives the bits of the same work without a graph.
/// Source: NVIDIA CUDA C++ Programming Guide, "CUDA Graphs"; memory from a pool of the graph's own
///         in LibTorch's caching allocator.
class CudaGraph {
 public:
  CudaGraph();
  ~CudaGraph();

  /// Records `work`, which runs on the host once and on the device not at all. Errors: kUnavailable
  /// without CUDA kernels; kOutOfMemory; kInternal when something in `work` cannot be recorded.
  Status record(const std::function<void()>& work);

  /// Runs what was recorded on the current stream; does not wait for it.
  void replay();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace switchyard::train
