#include "kernels/include/step_state.h"
#include "kernels/src/device.cuh"

namespace switchyard::kernels {
namespace {

__global__ void advance_kernel(StepState* state) {
  ++state->step;
}

}  // namespace

KernelStatus advance_step_state_cuda(StepState* state, CudaStream stream) {
  advance_kernel<<<1, 1, 0, static_cast<cudaStream_t>(stream)>>>(state);
  return device::launched();
}

}  // namespace switchyard::kernels
