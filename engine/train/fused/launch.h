#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include "kernels/include/dtype.h"
#include "kernels/include/status.h"

namespace switchyard::train {

#ifdef SY_WITH_CUDA
inline constexpr bool kHasKernels = true;
#else
inline constexpr bool kHasKernels = false;
#endif

inline kernels::Dtype dtype_of(at::ScalarType type) {
  TORCH_CHECK(type == at::kFloat || type == at::kBFloat16, "expected float32 or bfloat16");
  return type == at::kBFloat16 ? kernels::Dtype::kBf16 : kernels::Dtype::kF32;
}

inline kernels::Dtype dtype_of(const at::Tensor& tensor) {
  return dtype_of(tensor.scalar_type());
}

inline kernels::CudaStream stream_of(at::Device device) {
  const c10::impl::VirtualGuardImpl guard(device.type());
  return guard.getStreamNativeHandle(guard.getStream(device));
}

inline void check(const kernels::KernelStatus& status) {
  TORCH_CHECK(status.ok(), status.message);
}

/// Runs an operation where `device` is: `on_host()` calls its reference, `on_device(stream)` its
/// launcher. `on_device` takes its argument as auto, so that builds without kernels do not need the
/// launcher.
template <typename OnHost, typename OnDevice>
void run_kernel(at::Device device, const OnHost& on_host, const OnDevice& on_device) {
  if (device.is_cpu()) {
    on_host();
  } else if constexpr (kHasKernels) {
    check(on_device(stream_of(device)));
  } else {
    TORCH_CHECK(false, "built without CUDA kernels");
  }
}

}  // namespace switchyard::train
