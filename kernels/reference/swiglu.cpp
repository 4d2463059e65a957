#include "kernels/include/swiglu.h"

#include <cmath>

#include "kernels/reference/element.h"

namespace switchyard::kernels {
namespace {

using reference::with_type;

/// Where the halves of a row lie: packed when `up` is null.
template <typename T>
struct Halves {
  const T* gate;
  const T* up;
  std::int64_t stride;

  Halves(const void* gate_at, const void* up_at, std::int64_t F)
      : gate(static_cast<const T*>(gate_at)),
        up(up_at != nullptr ? static_cast<const T*>(up_at) : gate + F),
        stride(up_at != nullptr ? F : 2 * F) {}
};

double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

}  // namespace

void swiglu_reference(
    Dtype dtype, const void* gate, const void* up, std::int64_t N, std::int64_t F, void* y) {
  with_type(dtype, [&]<typename T>(T*) {
    const Halves<T> halves(gate, up, F);
    for (std::int64_t n = 0; n < N; ++n) {
      for (std::int64_t f = 0; f < F; ++f) {
        const double a = halves.gate[n * halves.stride + f].get();
        const double b = halves.up[n * halves.stride + f].get();
        static_cast<T*>(y)[n * F + f].set(a * sigmoid(a) * b);
      }
    }
  });
}

void swiglu_backward_reference(Dtype dtype,
                               const void* dy,
                               const void* gate,
                               const void* up,
                               std::int64_t N,
                               std::int64_t F,
                               void* dgate_up) {
  with_type(dtype, [&]<typename T>(T*) {
    const Halves<T> halves(gate, up, F);
    auto* packed = static_cast<T*>(dgate_up);
    for (std::int64_t n = 0; n < N; ++n) {
      for (std::int64_t f = 0; f < F; ++f) {
        const double a = halves.gate[n * halves.stride + f].get();
        const double b = halves.up[n * halves.stride + f].get();
        const double g = static_cast<const T*>(dy)[n * F + f].get(), s = sigmoid(a);
        packed[n * 2 * F + f].set(g * b * s * (1.0 + a * (1.0 - s)));
        packed[n * 2 * F + F + f].set(g * a * s);
      }
    }
  });
}

}  // namespace switchyard::kernels
