#pragma once

#include <cstdint>

#include "kernels/include/status.h"

namespace switchyard::kernels {

/// Counts how many routed assignments each expert received.
///
/// Math:   count[e] = sum_i [expert_index[i] == e]
/// Shapes: expert_index [num_assignments] int32; count [E] int64, overwritten.
/// Limits: 1 <= E <= 6144 on a GPU (one 64-bit counter per expert in 48 KiB of shared memory).
/// Errors: launch failure; E out of limits. An index outside [0, E) is counted nowhere.
/// Determinism: exact (integer atomics commute).
/// Source: Fedus et al. 2021, arXiv 2101.03961, the f_i term of the balance loss.
void expert_histogram_reference(const std::int32_t* expert_index,
                                std::int64_t num_assignments,
                                int E,
                                std::int64_t* count);
KernelStatus expert_histogram_cuda(const std::int32_t* expert_index,
                                   std::int64_t num_assignments,
                                   int E,
                                   std::int64_t* count,
                                   CudaStream stream);

}  // namespace switchyard::kernels
