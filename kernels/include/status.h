#pragma once

namespace switchyard::kernels {

/// What a kernel launcher reports: success, or the reason in words (static text, unless the
/// operation's header says how long it is valid).
///
/// Shapes: none; a value of one pointer.
/// Source: own.
struct KernelStatus {
  const char* message = nullptr;  ///< null: launched

  [[nodiscard]] bool ok() const { return message == nullptr; }
};

/// A CUDA stream without CUDA headers (cudaStream_t is such a pointer).
///
/// Shapes: none; an opaque handle.
/// Source: own; CUDA Runtime API, stream management.
using CudaStream = void*;

}  // namespace switchyard::kernels
