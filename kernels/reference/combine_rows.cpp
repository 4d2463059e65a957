#include "kernels/include/combine_rows.h"

#include "kernels/reference/element.h"

namespace switchyard::kernels {

using reference::with_type;

void combine_rows_reference(const CombineRows& shape, const CombineRowsForward& args) {
  with_type(shape.dtype, [&]<typename T>(T*) {
    const auto* y = static_cast<const T*>(args.y);
    const auto* addend = static_cast<const T*>(args.addend);
    for (std::int64_t n = 0; n < shape.N; ++n) {
      for (std::int64_t d = 0; d < shape.D; ++d) {
        double sum = addend != nullptr ? addend[n * shape.D + d].get() : 0.0;
        for (std::int64_t i = n * shape.K; i < (n + 1) * shape.K; ++i) {
          const std::int64_t r = shape.row_from_slot[i];
          if (r < 0) continue;
          const double w =
              shape.combine_weight != nullptr ? static_cast<double>(shape.combine_weight[i]) : 1.0;
          sum += w * y[r * shape.D + d].get();
        }
        static_cast<T*>(args.out)[n * shape.D + d].set(sum);
      }
    }
  });
}

void combine_rows_backward_reference(const CombineRows& shape, const CombineRowsBackward& args) {
  with_type(shape.dtype, [&]<typename T>(T*) {
    for (std::int64_t i = 0; i < shape.N * shape.K; ++i) {
      const T* dout = static_cast<const T*>(args.dout) + i / shape.K * shape.D;
      const std::int64_t r = shape.row_from_slot[i];
      const std::int64_t first = (r >= 0 ? r : -1 - r) * shape.D;
      double sum = 0.0;
      for (std::int64_t d = 0; d < shape.D; ++d) {
        const double g = dout[d].get();
        if (r >= 0) sum += g * static_cast<const T*>(args.y)[first + d].get();
        const double w = r >= 0 ? static_cast<double>(shape.combine_weight[i]) : 0.0;
        if (first < shape.num_rows * shape.D) static_cast<T*>(args.dy)[first + d].set(w * g);
      }
      args.dcombine_weight[i] = static_cast<float>(sum);
    }
  });
}

}  // namespace switchyard::kernels
