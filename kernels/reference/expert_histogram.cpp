#include "kernels/include/expert_histogram.h"

#include <algorithm>

namespace switchyard::kernels {

void expert_histogram_reference(const std::int32_t* expert_index,
                                std::int64_t num_assignments,
                                int E,
                                std::int64_t* count) {
  std::fill_n(count, E, std::int64_t{0});
  for (std::int64_t i = 0; i < num_assignments; ++i) {
    const std::int32_t e = expert_index[i];
    if (e >= 0 && e < E) ++count[e];
  }
}

}  // namespace switchyard::kernels
