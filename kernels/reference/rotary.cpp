#include "kernels/include/rotary.h"

#include "kernels/reference/element.h"

namespace switchyard::kernels {

void rotary_reference(void* qkv,
                      Dtype dtype,
                      const float* cosine,
                      const float* sine,
                      std::int64_t B,
                      std::int64_t T,
                      std::int64_t H,
                      std::int64_t C,
                      bool is_backward) {
  reference::Elements x(qkv, dtype);
  const std::int64_t half = C / 2;
  for (std::int64_t n = 0; n < B * T; ++n) {
    for (std::int64_t head = 0; head < 2 * H; ++head) {  // q's heads, then k's
      const std::int64_t first = (n * 3 * H + head) * C;
      for (std::int64_t i = 0; i < half; ++i) {
        const auto c = static_cast<double>(cosine[n % T * half + i]);
        const double s = static_cast<double>(sine[n % T * half + i]) * (is_backward ? -1.0 : 1.0);
        const double a = x.get(first + i), b = x.get(first + half + i);
        x.set(first + i, a * c - b * s);
        x.set(first + half + i, b * c + a * s);
      }
    }
  }
}

}  // namespace switchyard::kernels
