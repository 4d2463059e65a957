#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace switchyard::train {

struct CoordinateDescent {
  std::int64_t num_iterations = 20;
  double eps = 0.1;        ///< of the last iterations
  double eps_start = 0.1;  ///< of the first one
  double eps_decay = 1.0;  ///< factor from one iteration to the next
  double ratio = 1.125;    ///< experts that share the scores, as a multiple of those chosen
};

/// A relaxed choice of the top_k largest along the last dimension, differentiable through every
/// iteration.
///
/// Math:   K = min(top_k ratio, E); b = -s; repeat: a = eps (ln K - logsumexp((s + b) / eps)),
///         b = -relu(s + a), eps <- max(eps decay, last eps); scores = exp((s + a + b) / eps).
/// Shapes: s [..., E]; result the same, in (0, 1].
/// Limits: sums to K up to what the iterations leave; at 1 the gradient is zero.
/// Determinism: exact for a device and thread count.
/// Source: Ainslie et al. 2023, arXiv 2303.09752 (CoLT5), appendix; Lei et al. 2023, arXiv
///         2304.04947, section 3.
at::Tensor coordinate_descent(const at::Tensor& s,
                              std::int64_t top_k,
                              const CoordinateDescent& options = {});

}  // namespace switchyard::train
