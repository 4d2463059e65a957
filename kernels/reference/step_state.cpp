#include "kernels/include/step_state.h"

namespace switchyard::kernels {

void advance_step_state_reference(StepState* state) {
  ++state->step;
}

}  // namespace switchyard::kernels
