#include "kernels/include/expert_permutation.h"

#include <cstddef>
#include <vector>

namespace switchyard::kernels {

void expert_permutation_reference(const ExpertPermutation& args) {
  const auto bin_of = [&](std::int64_t i) {
    const std::int32_t e = args.expert_index[i];
    return static_cast<std::size_t>(e >= 0 && e < args.E ? e : args.E);
  };
  const auto E = static_cast<std::size_t>(args.E);
  std::vector<std::int64_t> next(E + 2, 0);  // next[e]: the next row of bin e
  for (std::int64_t i = 0; i < args.num_assignments; ++i) ++next[bin_of(i) + 1];
  for (std::size_t e = 0; e < E; ++e) {
    if (args.count != nullptr) args.count[e] = next[e + 1];
    next[e + 1] += next[e];
    args.offsets[e] = static_cast<std::int32_t>(next[e + 1]);
  }
  for (std::int64_t i = 0; i < args.num_assignments; ++i) {
    const std::size_t bin = bin_of(i);
    const std::int64_t row = next[bin]++;
    args.row_from_slot[i] = bin < E ? row : -1 - row;
    if (args.slot_from_row != nullptr) args.slot_from_row[row] = i;
  }
}

}  // namespace switchyard::kernels
