#pragma once

#include <cstdint>

#include "kernels/include/status.h"

namespace switchyard::kernels {

/// Sorts assignments by expert, stably: a counting sort with both directions of the permutation.
///
/// Math:   count[e] = sum_i [expert_index[i] == e];
///         row_from_slot[i] = sum_{e' < expert_index[i]} count[e'] + #{j < i : expert_index[j] ==
///         expert_index[i]}; slot_from_row[row_from_slot[i]] = i
/// Shapes: expert_index [num_assignments] int32 in [0, E); row_from_slot, slot_from_row
/// [num_assignments]
///         int64; count [E] int64; all overwritten.
/// Limits: 1 <= E <= 6144 on a GPU. `count` is filled before the rows are placed.
/// Errors: launch failure; E out of limits. Indices outside [0, E) are a broken promise of the
/// caller. Determinism: exact and stable: within an expert, the order of i is kept. Source: Gale et
/// al. 2022, arXiv 2211.15841, section 4 (grouping of tokens by expert).
void expert_permutation_reference(const std::int32_t* expert_index,
                                  std::int64_t num_assignments,
                                  int E,
                                  std::int64_t* row_from_slot,
                                  std::int64_t* slot_from_row,
                                  std::int64_t* count);
KernelStatus expert_permutation_cuda(const std::int32_t* expert_index,
                                     std::int64_t num_assignments,
                                     int E,
                                     std::int64_t* row_from_slot,
                                     std::int64_t* slot_from_row,
                                     std::int64_t* count,
                                     CudaStream stream);

}  // namespace switchyard::kernels
