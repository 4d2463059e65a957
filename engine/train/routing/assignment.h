#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace switchyard::train {

/// The plan nearest to exp(logits) whose rows and columns have equal sums.
///
/// Math:   r = c = 1; repeat: r_t = (1 / N) / sum_e exp(logits[t, e]) c_e,
///         c_e = (1 / E) / sum_t exp(logits[t, e]) r_t; plan = r_t exp(logits[t, e]) c_e.
/// Shapes: logits [N, E]; result [N, E]: columns sum to 1/E, rows to 1/N as far as the iterations
///         have come.
/// Limits: logarithms throughout: no logits overflow.
/// Determinism: exact for a device and thread count.
/// Source: Cuturi 2013, arXiv 1306.0895, algorithm 1; Clark et al. 2022, arXiv 2202.01169, S-BASE.
at::Tensor sinkhorn(const at::Tensor& logits, std::int64_t num_iterations);

/// One expert for each token so that the sum of affinities is largest and loads differ by one at
/// most: an auction in which tokens bid for experts.
///
/// Math:   an unserved token bids for the expert of highest affinity - price, up to the value of
/// the
///         second best plus eps; an expert keeps its highest bids, and its price is the lowest of
///         them. The sum is within N eps of the best; eps is 1e-4 of the range of affinities.
/// Shapes: affinity [N, E] on the CPU; result [N] int64.
/// Determinism: exact; tokens bid in order, ties go to the lower expert.
/// Source: Bertsekas 1992, auction algorithms for network flow problems; Lewis et al. 2021, arXiv
///         2103.16716, section 3.2.
at::Tensor balanced_assignment(const at::Tensor& affinity);

}  // namespace switchyard::train
