#include "kernels/include/adamw.h"

#include <algorithm>
#include <cmath>

#include "kernels/reference/element.h"

namespace switchyard::kernels {

void adamw_reference(const AdamW& options,
                     const AdamWBuffers& buffers,
                     const StepState* state,
                     const float* grad_norm) {
  double clip = 1.0;
  if (grad_norm != nullptr) {
    if (!std::isfinite(*grad_norm)) return;
    if (options.grad_clip_norm > 0.0F) {
      clip = std::min(
          1.0,
          static_cast<double>(options.grad_clip_norm) / (static_cast<double>(*grad_norm) + 1e-6));
    }
  }
  const auto beta1 = static_cast<double>(options.beta1), beta2 = static_cast<double>(options.beta2);
  const auto rate = static_cast<double>(state->learning_rate);
  const auto t = static_cast<double>(state->step + 1);
  const double correction1 = -std::expm1(t * std::log(beta1));
  const double correction2 = -std::expm1(t * std::log(beta2));
  for (std::int64_t i = 0; i < buffers.size; ++i) {
    const double g = clip * static_cast<double>(buffers.gradient[i]);
    const double m = beta1 * static_cast<double>(buffers.moment1[i]) + (1.0 - beta1) * g;
    const double v = beta2 * static_cast<double>(buffers.moment2[i]) + (1.0 - beta2) * g * g;
    auto w = static_cast<double>(buffers.master[i]);
    if (i < buffers.num_decayed) w -= rate * static_cast<double>(options.weight_decay) * w;
    w -= rate * (m / correction1) / (std::sqrt(v / correction2) + static_cast<double>(options.eps));
    buffers.master[i] = static_cast<float>(w);
    buffers.moment1[i] = static_cast<float>(m);
    buffers.moment2[i] = static_cast<float>(v);
    if (buffers.compute != nullptr) {
      static_cast<reference::Bf16*>(buffers.compute)[i].set(static_cast<double>(buffers.master[i]));
    }
  }
}

}  // namespace switchyard::kernels
