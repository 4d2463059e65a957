#pragma once

#include <cstdint>

namespace switchyard::kernels {

/// What changes from step to step, in device memory, so that a captured step can be replayed.
///
/// Shapes: one value; kernels take it by a device pointer (references: by a host pointer).
/// Source: own.
struct StepState {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;      ///< updates finished so far
  float learning_rate = 0.0F;  ///< of the update that comes next
  float update_number = 1.0F;  ///< step + 1, for operations that read it as a float
};

}  // namespace switchyard::kernels
