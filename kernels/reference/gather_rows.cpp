#include "kernels/include/gather_rows.h"

#include "kernels/include/combine_rows.h"
#include "kernels/reference/element.h"

namespace switchyard::kernels {

void gather_rows_reference(Dtype dtype,
                           const void* x,
                           const std::int64_t* row_from_slot,
                           std::int64_t N,
                           std::int64_t K,
                           std::int64_t D,
                           std::int64_t num_rows,
                           void* y) {
  reference::with_type(dtype, [&]<typename T>(T*) {
    for (std::int64_t i = 0; i < N * K; ++i) {
      const std::int64_t r = row_from_slot[i];
      if (r < 0 && -1 - r >= num_rows) continue;
      T* row = static_cast<T*>(y) + (r >= 0 ? r : -1 - r) * D;
      for (std::int64_t d = 0; d < D; ++d) {
        row[d].set(r >= 0 ? static_cast<const T*>(x)[i / K * D + d].get() : 0.0);
      }
    }
  });
}

void gather_rows_backward_reference(Dtype dtype,
                                    const void* dy,
                                    const std::int64_t* row_from_slot,
                                    std::int64_t N,
                                    std::int64_t K,
                                    std::int64_t D,
                                    const void* addend,
                                    void* dx) {
  combine_rows_reference({.N = N, .K = K, .D = D, .dtype = dtype, .row_from_slot = row_from_slot},
                         {.y = dy, .addend = addend, .out = dx});
}

}  // namespace switchyard::kernels
