#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/include/status.h"

namespace switchyard::kernels {

struct ExpertPermutation {
  const std::int32_t* expert_index = nullptr;
  std::int64_t num_assignments = 0;
  int E = 0;
  std::int64_t* row_from_slot = nullptr;
  std::int64_t* slot_from_row = nullptr;  ///< null: not wanted
  std::int64_t* count = nullptr;          ///< null: not wanted
  std::int32_t* offsets = nullptr;
  void* workspace = nullptr;  ///< expert_permutation_workspace_bytes; not read by the reference
};

/// Sorts assignments by expert, stably: a counting sort with both directions of the permutation.
///
/// Math:   an index outside [0, E) means "no expert" and sorts behind all experts, as if it were E;
///         count[e] = sum_i [expert_index[i] == e]; offsets[e] = sum_{e' <= e} count[e'];
///         row(i) = sum_{e' < expert_index[i]} count[e'] + #{j < i : expert_index[j] ==
///         expert_index[i]}; slot_from_row[row(i)] = i;
///         row_from_slot[i] = row(i) with an expert, -1 - row(i) < 0 without.
///         So offsets are the ends of the experts' segments as grouped products take them,
///         offsets[E - 1] is the number of rows with an expert, and each slot without one owns one
///         of the rows behind them.
/// Shapes: expert_index [num_assignments] int32; row_from_slot, slot_from_row [num_assignments]
///         int64; count [E] int64; offsets [E] int32; all overwritten.
/// Limits: 1 <= E <= 4095 on a GPU; num_assignments < 2^31. Fast up to 1023 experts.
/// Errors: launch failure; E or num_assignments out of limits.
/// Determinism: exact and stable: within an expert, the order of i is kept.
/// Source: Gale et al. 2022, arXiv 2211.15841, section 4 (grouping of tokens by expert).
void expert_permutation_reference(const ExpertPermutation& args);
KernelStatus expert_permutation_cuda(const ExpertPermutation& args, CudaStream stream);

/// Bytes of scratch, aligned to 16.
std::size_t expert_permutation_workspace_bytes(std::int64_t num_assignments, int E);

}  // namespace switchyard::kernels
