#include "kernels/include/gradient_norm.h"

#include <cmath>

namespace switchyard::kernels {

void gradient_norm_reference(const float* gradient, std::int64_t size, float* norm) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < size; ++i) {
    sum += static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]);
  }
  *norm = static_cast<float>(std::sqrt(sum));
}

}  // namespace switchyard::kernels
