#include "engine/train/cuda_graph.h"

#include <exception>
#include <optional>

#include "engine/train/loop/torch_errors.h"

#ifdef SY_WITH_CUDA
#include <ATen/cuda/CUDAGraph.h>
#endif

namespace switchyard::train {

#ifdef SY_WITH_CUDA

struct CudaGraph::Impl {
  at::cuda::CUDAGraph graph;
};

Status CudaGraph::record(const std::function<void()>& work) {
  impl_ = std::make_unique<Impl>();
  std::optional<Error> failure;
  const auto attempt = [&](const auto& part) {
    try {
      part();
    } catch (const std::exception& exception) {
      if (!failure) failure = error_from_exception(exception, "CUDA graph");
    }
  };
  attempt([&] { impl_->graph.capture_begin(); });
  if (!failure) {
    attempt(work);
    attempt([&] { impl_->graph.capture_end(); });  // also after a failure: the stream records still
  }
  if (!failure) return {};
  impl_.reset();
  return *failure;
}

void CudaGraph::replay() {
  impl_->graph.replay();
}

#else

struct CudaGraph::Impl {};

Status CudaGraph::record(const std::function<void()>& /*work*/) {
  return Error{ErrorCode::kUnavailable, "CUDA graph", "built without CUDA kernels.", "", {}};
}

void CudaGraph::replay() {}

#endif

CudaGraph::CudaGraph() = default;
CudaGraph::~CudaGraph() = default;

}  // namespace switchyard::train
