// The host references of activations against formulas in f64 and their central differences.
#include <gtest/gtest.h>

#include "kernels/include/gelu.h"
#include "kernels/include/swiglu.h"
#include "tests/kernels/host_array.h"

namespace switchyard::kernels {
namespace {

double gelu(GeluKind kind, double h) {
  if (kind == GeluKind::kErf) return h * (1.0 + std::erf(h / std::sqrt(2.0))) / 2.0;
  return h / 2.0 * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (h + 0.044715 * h * h * h)));
}

TEST(GeluReference, EqualsTheFormulaAndItsSlope) {
  constexpr std::int64_t kSize = 241;
  HostArray h(Dtype::kF32, kSize), y(Dtype::kF32, kSize), dh(Dtype::kF32, kSize);
  for (std::int64_t i = 0; i < kSize; ++i) h.set(i, static_cast<double>(i - 120) / 20.0);
  const HostArray dy = HostArray::random(Dtype::kF32, kSize, 1);
  for (const GeluKind kind : {GeluKind::kErf, GeluKind::kTanh}) {
    gelu_reference(kind, Dtype::kF32, h.data(), kSize, y.data());
    gelu_backward_reference(kind, Dtype::kF32, dy.data(), h.data(), kSize, dh.data());
    std::vector<double> x = h.doubles();
    const std::vector<double> slopes = central_differences(x, [&] {
      double sum = 0.0;
      for (std::int64_t i = 0; i < kSize; ++i) {
        sum += dy[i] * gelu(kind, x[static_cast<std::size_t>(i)]);
      }
      return sum;
    });
    for (std::int64_t i = 0; i < kSize; ++i) {
      EXPECT_NEAR(y[i], gelu(kind, h[i]), 1e-6);
      EXPECT_NEAR(dh[i], slopes[static_cast<std::size_t>(i)], 1e-6);
    }
  }
}

TEST(GeluReference, WorksInPlaceAndStaysFiniteFarOut) {
  HostArray h(Dtype::kBf16, 2);
  h.set(0, 1e4);
  h.set(1, -1e4);
  for (const GeluKind kind : {GeluKind::kErf, GeluKind::kTanh}) {
    HostArray dy(Dtype::kBf16, 2, 3.0), y = h;
    gelu_reference(kind, Dtype::kBf16, y.data(), 2, y.data());
    gelu_backward_reference(kind, Dtype::kBf16, dy.data(), h.data(), 2, dy.data());
    EXPECT_EQ(y[0], h[0]);
    EXPECT_EQ(y[1], 0.0);
    EXPECT_EQ(dy[0], 3.0);
    EXPECT_EQ(dy[1], 0.0);
  }
}

TEST(SwigluReference, EqualsTheFormulaAndItsSlopesInBothLayouts) {
  constexpr std::int64_t kN = 3, kF = 5, kSize = kN * kF;
  const HostArray packed = HostArray::random(Dtype::kF32, 2 * kSize, 1, 2.0);
  const HostArray dy = HostArray::random(Dtype::kF32, kSize, 2);
  HostArray gate(Dtype::kF32, kSize), up(Dtype::kF32, kSize);
  for (std::int64_t n = 0; n < kN; ++n) {
    for (std::int64_t f = 0; f < kF; ++f) {
      gate.set(n * kF + f, packed[n * 2 * kF + f]);
      up.set(n * kF + f, packed[n * 2 * kF + kF + f]);
    }
  }
  std::vector<double> x = packed.doubles();
  const auto y_at = [&](std::int64_t n, std::int64_t f) {
    const double a = x[static_cast<std::size_t>(n * 2 * kF + f)];
    return a / (1.0 + std::exp(-a)) * x[static_cast<std::size_t>(n * 2 * kF + kF + f)];
  };
  const std::vector<double> slopes = central_differences(x, [&] {
    double sum = 0.0;
    for (std::int64_t i = 0; i < kSize; ++i) sum += dy[i] * y_at(i / kF, i % kF);
    return sum;
  });
  for (const bool is_packed : {true, false}) {
    const void* gate_at = is_packed ? packed.data() : gate.data();
    const void* up_at = is_packed ? nullptr : up.data();
    HostArray y(Dtype::kF32, kSize), gradient(Dtype::kF32, 2 * kSize);
    swiglu_reference(Dtype::kF32, gate_at, up_at, kN, kF, y.data());
    swiglu_backward_reference(Dtype::kF32, dy.data(), gate_at, up_at, kN, kF, gradient.data());
    for (std::int64_t i = 0; i < kSize; ++i) EXPECT_NEAR(y[i], y_at(i / kF, i % kF), 1e-5);
    for (std::int64_t i = 0; i < 2 * kSize; ++i) {
      EXPECT_NEAR(gradient[i], slopes[static_cast<std::size_t>(i)], 1e-5);
    }
  }
  HostArray in_place = packed;
  swiglu_backward_reference(
      Dtype::kF32, dy.data(), in_place.data(), nullptr, kN, kF, in_place.data());
  for (std::int64_t i = 0; i < 2 * kSize; ++i) {
    EXPECT_NEAR(in_place[i], slopes[static_cast<std::size_t>(i)], 1e-5);
  }
}

}  // namespace
}  // namespace switchyard::kernels
