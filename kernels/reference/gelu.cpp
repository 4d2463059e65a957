#include "kernels/include/gelu.h"

#include <cmath>

#include "kernels/reference/element.h"

namespace switchyard::kernels {
namespace {

using reference::with_type;

struct Gelu {
  double value, slope;
};

Gelu gelu(GeluKind kind, double h) {
  if (kind == GeluKind::kErf) {
    const double phi = std::exp(-0.5 * h * h) / std::sqrt(2.0 * M_PI);
    const double below = 0.5 * std::erfc(-h / std::sqrt(2.0));
    return {h * below, below + h * phi};
  }
  constexpr double kCubic = 0.044715;
  const double scale = std::sqrt(2.0 / M_PI);
  const double tanh = std::tanh(scale * (h + kCubic * h * h * h));
  const double slope = 0.5 * h * (1.0 - tanh * tanh) * scale * (1.0 + 3.0 * kCubic * h * h);
  return {0.5 * h * (1.0 + tanh), 0.5 * (1.0 + tanh) + slope};
}

}  // namespace

void gelu_reference(GeluKind kind, Dtype dtype, const void* h, std::int64_t size, void* y) {
  with_type(dtype, [&]<typename T>(T*) {
    for (std::int64_t i = 0; i < size; ++i) {
      static_cast<T*>(y)[i].set(gelu(kind, static_cast<const T*>(h)[i].get()).value);
    }
  });
}

void gelu_backward_reference(
    GeluKind kind, Dtype dtype, const void* dy, const void* h, std::int64_t size, void* dh) {
  with_type(dtype, [&]<typename T>(T*) {
    for (std::int64_t i = 0; i < size; ++i) {
      const double slope = gelu(kind, static_cast<const T*>(h)[i].get()).slope;
      static_cast<T*>(dh)[i].set(static_cast<const T*>(dy)[i].get() * slope);
    }
  });
}

}  // namespace switchyard::kernels
