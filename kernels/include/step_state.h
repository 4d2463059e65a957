#pragma once

#include <cstdint>

#include "kernels/include/status.h"

namespace switchyard::kernels {

/// What changes from step to step, in device memory, so that a captured step can be replayed.
///
/// Shapes: one value; kernels take it by a device pointer (references: by a host pointer).
/// Source: own.
struct StepState {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;      ///< updates finished so far
  float learning_rate = 0.0F;  ///< of the update that comes next
  float loss_scale = 1.0F;     ///< free to use as the device scale of the cross-entropy
};

/// Goes to the next step.
///
/// Math:   state.step <- state.step + 1
/// Shapes: state, one value in device memory.
/// Errors: launch failure.
/// Determinism: exact.
/// Source: own.
void advance_step_state_reference(StepState* state);
KernelStatus advance_step_state_cuda(StepState* state, CudaStream stream);

}  // namespace switchyard::kernels
