#include "engine/train/routing/coordinate_descent.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

namespace switchyard::train {

at::Tensor coordinate_descent(const at::Tensor& s,
                              std::int64_t top_k,
                              const CoordinateDescent& options) {
  const double K =
      std::min(static_cast<double>(top_k) * options.ratio, static_cast<double>(s.size(-1)));
  double eps = std::max(options.eps_start, options.eps);
  at::Tensor a, b = -s;
  for (std::int64_t i = 0; i < options.num_iterations; ++i) {
    a = (std::log(K) - at::logsumexp((s + b) / eps, -1, true)) * eps;
    b = -at::relu(s + a);
    eps = std::max(eps * options.eps_decay, options.eps);
  }
  return at::exp((s + a + b) / eps);
}

}  // namespace switchyard::train
