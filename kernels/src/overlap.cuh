#pragma once

#include <initializer_list>
#include <utility>

#include "kernels/src/device.cuh"

namespace switchyard::kernels::device {

/// Kernels in a row whose starts overlap (programmatic dependent launch, from compute capability 9
/// on): a kernel launched with `may_overlap` starts when every block of the one before has called
/// let_next_start() or ended, and must not touch what earlier ones write before
/// wait_for_previous(), which every thread calls. Elsewhere both calls do nothing and kernels
/// follow one another.

__device__ inline void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ inline void let_next_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

/// Is there code in which the calls above do something?
constexpr bool has_overlap_code() {
  for (const int architecture : {__CUDA_ARCH_LIST__}) {
    if (architecture >= 900) return true;
  }
  return false;
}

/// Does the current device overlap kernels, and group blocks in clusters?
inline bool has_overlap() {
  int device = 0, major = 0;
  return has_overlap_code() && cudaGetDevice(&device) == cudaSuccess &&
         cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
         major >= 9;
}

struct LaunchShape {
  unsigned num_blocks = 1;
  unsigned num_threads = 1;
  std::size_t shared_bytes = 0;
  unsigned cluster_size = 1;  ///< blocks
  bool may_overlap = false;
};

template <typename... Parameters>
KernelStatus launch(void (*kernel)(Parameters...),
                    const LaunchShape& shape,
                    CudaStream stream,
                    Parameters... arguments) {
  cudaLaunchAttribute attributes[2] = {};
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(shape.num_blocks);
  config.blockDim = dim3(shape.num_threads);
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = static_cast<cudaStream_t>(stream);
  config.attrs = attributes;
  if (shape.may_overlap && has_overlap()) {
    cudaLaunchAttribute& attribute = attributes[config.numAttrs++];
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
  }
  if (shape.cluster_size > 1) {
    cudaLaunchAttribute& attribute = attributes[config.numAttrs++];
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = shape.cluster_size;
    attribute.val.clusterDim.y = 1;
    attribute.val.clusterDim.z = 1;
  }
  const cudaError_t error = cudaLaunchKernelEx(&config, kernel, std::move(arguments)...);
  if (error == cudaSuccess) return {};
  static_cast<void>(cudaGetLastError());
  return {cudaGetErrorString(error)};
}

}  // namespace switchyard::kernels::device
