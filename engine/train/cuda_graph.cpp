#include "engine/train/cuda_graph.h"

#include <exception>
#include <optional>
#include <string>
#include <type_traits>

#include <dlfcn.h>

#include "engine/train/loop/torch_errors.h"

namespace switchyard::train {

#ifdef SY_WITH_CUDA

namespace {

/// The functions of cuda_graph_module.cpp.
struct Module {
  void* (*create)() = nullptr;
  void (*destroy)(void*) = nullptr;
  void (*begin)(void*) = nullptr;
  void (*end)(void*) = nullptr;
  void (*replay)(void*) = nullptr;
  std::string failure;
};

const Module& module() {
  static const Module loaded = [] {
    Module functions;
    void* const library = dlopen("libsy_cuda_graph.so", RTLD_NOW | RTLD_LOCAL);
    const auto find = [&](auto& function, const char* name) {
      if (library == nullptr) return;
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    };
    find(functions.create, "sy_cuda_graph_create");
    find(functions.destroy, "sy_cuda_graph_destroy");
    find(functions.begin, "sy_cuda_graph_begin");
    find(functions.end, "sy_cuda_graph_end");
    find(functions.replay, "sy_cuda_graph_replay");
    if (functions.replay == nullptr) {
      const char* const reason = dlerror();
      functions.failure = reason == nullptr ? "libsy_cuda_graph.so is damaged" : reason;
    }
    return functions;
  }();
  return loaded;
}

}  // namespace

struct CudaGraph::Impl {
  void* graph = module().create();

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ~Impl() { module().destroy(graph); }
};

Status CudaGraph::record(const std::function<void()>& work) {
  if (!module().failure.empty()) {
    return Error{ErrorCode::kUnavailable, "CUDA graph", module().failure, "", {}};
  }
  impl_ = std::make_unique<Impl>();
  std::optional<Error> failure;
  const auto attempt = [&](const auto& part) {
    try {
      part();
    } catch (const std::exception& exception) {
      if (!failure) failure = error_from_exception(exception, "CUDA graph");
    }
  };
  attempt([&] { module().begin(impl_->graph); });
  if (!failure) {
    attempt(work);
    attempt([&] { module().end(impl_->graph); });  // also after a failure: the stream records still
  }
  if (!failure) return {};
  impl_.reset();
  return *failure;
}

void CudaGraph::replay() {
  module().replay(impl_->graph);
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
