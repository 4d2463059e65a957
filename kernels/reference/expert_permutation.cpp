#include "kernels/include/expert_permutation.h"

#include <cstddef>
#include <vector>

#include "kernels/include/expert_histogram.h"

namespace switchyard::kernels {

void expert_permutation_reference(const std::int32_t* expert_index,
                                  std::int64_t num_assignments,
                                  int E,
                                  std::int64_t* row_from_slot,
                                  std::int64_t* slot_from_row,
                                  std::int64_t* count) {
  expert_histogram_reference(expert_index, num_assignments, E, count);
  std::vector<std::int64_t> next(static_cast<std::size_t>(E), 0);
  for (int e = 1; e < E; ++e) {
    const auto i = static_cast<std::size_t>(e);
    next[i] = next[i - 1] + count[e - 1];
  }
  for (std::int64_t i = 0; i < num_assignments; ++i) {
    const std::int64_t row = next[static_cast<std::size_t>(expert_index[i])]++;
    row_from_slot[i] = row;
    slot_from_row[row] = i;
  }
}

}  // namespace switchyard::kernels
