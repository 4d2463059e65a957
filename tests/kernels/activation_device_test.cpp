// The device against the host reference; skipped where no CUDA device answers.
#include "kernels/include/gelu.h"
#include "kernels/include/swiglu.h"
#include "tests/kernels/device_array.h"

namespace switchyard::kernels {
namespace {

std::string text(Dtype dtype, int offset) {
  return std::string(dtype == Dtype::kF32 ? "f32" : "bf16") + ", offset " + std::to_string(offset);
}

/// `in_place`: 0 not, 1 over dy, 2 over h.
void expect_same_gelu(GeluKind kind, Dtype dtype, std::int64_t size, int offset, int in_place) {
  SCOPED_TRACE(std::to_string(size) + " elements, " + text(dtype, offset) +
               (kind == GeluKind::kErf ? ", erf" : ", tanh") + ", in place " +
               std::to_string(in_place));
  HostArray h = HostArray::random(dtype, size, 1, 3.0);
  if (size > 8) {  // the far ends
    h.set(0, 30.0);
    h.set(1, -30.0);
    h.set(2, 0.0);
    h.set(3, 1e30);
    h.set(4, -1e30);
    h.set(5, -5.5);
    h.set(6, 15.9);
    h.set(7, -15.9);
  }
  const HostArray dy = HostArray::random(dtype, size, 2);
  HostArray y(dtype, size, 9.0), dh = y;
  const DeviceCopy h_(h, offset), dy_(dy, offset), y_(in_place == 2 ? h : y, offset);
  const DeviceCopy dh_(in_place == 0 ? dh : in_place == 1 ? dy : h, offset);
  ASSERT_TRUE(launched(
      gelu_cuda(kind, dtype, in_place == 2 ? y_.data() : h_.data(), size, y_.data(), nullptr)));
  ASSERT_TRUE(launched(gelu_backward_cuda(kind,
                                          dtype,
                                          in_place == 1 ? dh_.data() : dy_.data(),
                                          in_place == 2 ? dh_.data() : h_.data(),
                                          size,
                                          dh_.data(),
                                          nullptr)));
  gelu_reference(kind, dtype, h.data(), size, y.data());
  gelu_backward_reference(kind, dtype, dy.data(), h.data(), size, dh.data());
  HostArray got_y = y_.values();
  if (size > 8) {  // its size hides every other error
    EXPECT_GE(got_y[3], 0.9e30);
    got_y.set(3, 0.0);
    y.set(3, 0.0);
  }
  const Errors errors(got_y.doubles(), y.doubles());
  EXPECT_TRUE(errors.within(dtype)) << errors;
  EXPECT_TRUE(agrees(dh_, dh)) << "dh";
}

TEST_F(Device, GeluEqualsTheReference) {
  for (const std::int64_t size : {0, 1, 7, 31, 32, 33, 1000, 4096, 4097, 100'003}) {
    for (const Dtype dtype : {Dtype::kF32, Dtype::kBf16}) {
      for (const GeluKind kind : {GeluKind::kErf, GeluKind::kTanh}) {
        for (const int in_place : {0, 1, 2}) expect_same_gelu(kind, dtype, size, 0, in_place);
        expect_same_gelu(kind, dtype, size, 1, 0);
      }
    }
  }
}

TEST_F(Device, GeluKeepsItsAccuracyOverTheWholeRange) {
  constexpr std::int64_t kSize = 200'001;
  HostArray h(Dtype::kF32, kSize), y = h, dh = h;
  const HostArray one(Dtype::kF32, kSize, 1.0);
  for (std::int64_t i = 0; i < kSize; ++i) {
    h.set(i, static_cast<double>(i - kSize / 2) * 8.0 / static_cast<double>(kSize / 2));
  }
  const DeviceCopy h_(h), one_(one), y_(y), dh_(dh);
  for (const GeluKind kind : {GeluKind::kErf, GeluKind::kTanh}) {
    ASSERT_TRUE(launched(gelu_cuda(kind, Dtype::kF32, h_.data(), kSize, y_.data(), nullptr)));
    ASSERT_TRUE(launched(
        gelu_backward_cuda(kind, Dtype::kF32, one_.data(), h_.data(), kSize, dh_.data(), nullptr)));
    gelu_reference(kind, Dtype::kF32, h.data(), kSize, y.data());
    gelu_backward_reference(kind, Dtype::kF32, one.data(), h.data(), kSize, dh.data());
    const HostArray got_y = y_.values(), got_dh = dh_.values();
    double worst_y = 0.0, worst_dh = 0.0;
    for (std::int64_t i = 0; i < kSize; ++i) {
      const double scale = std::max(1.0, std::fabs(h[i]));
      worst_y = std::max(worst_y, std::fabs(got_y[i] - y[i]) / scale);
      worst_dh = std::max(worst_dh, std::fabs(got_dh[i] - dh[i]));
    }
    EXPECT_LE(worst_y, 4e-7);
    EXPECT_LE(worst_dh, 2e-6);
  }
}

void expect_same_swiglu(std::int64_t N, std::int64_t F, Dtype dtype, int offset, bool is_packed) {
  SCOPED_TRACE(std::to_string(N) + " rows of " + std::to_string(F) + ", " + text(dtype, offset) +
               (is_packed ? ", packed" : ", separate"));
  const HostArray gate = HostArray::random(dtype, (is_packed ? 2 : 1) * N * F, 1, 3.0);
  const HostArray up = HostArray::random(dtype, N * F, 2);
  const HostArray dy = HostArray::random(dtype, N * F, 3);
  HostArray y(dtype, N * F, 9.0), gradient(dtype, 2 * N * F, 9.0);
  const DeviceCopy gate_(gate, offset), up_(up, offset), dy_(dy, offset), y_(y, offset);
  const DeviceCopy gradient_(gradient, offset);
  const void* up_at = is_packed ? nullptr : up_.data();
  const void* host_up = is_packed ? nullptr : up.data();
  ASSERT_TRUE(launched(swiglu_cuda(dtype, gate_.data(), up_at, N, F, y_.data(), nullptr)));
  ASSERT_TRUE(launched(swiglu_backward_cuda(
      dtype, dy_.data(), gate_.data(), up_at, N, F, gradient_.data(), nullptr)));
  swiglu_reference(dtype, gate.data(), host_up, N, F, y.data());
  swiglu_backward_reference(dtype, dy.data(), gate.data(), host_up, N, F, gradient.data());
  EXPECT_TRUE(agrees(y_, y)) << "y";
  EXPECT_TRUE(agrees(gradient_, gradient)) << "gradient";
  if (!is_packed) return;
  ASSERT_TRUE(launched(
      swiglu_backward_cuda(dtype, dy_.data(), gate_.data(), nullptr, N, F, gate_.data(), nullptr)));
  EXPECT_TRUE(agrees(gate_, gradient)) << "in place";
}

TEST_F(Device, SwigluEqualsTheReference) {
  for (const std::int64_t N : {0, 1, 33, 1000}) {
    for (const std::int64_t F : {1, 7, 8, 32, 33, 344, 1024, 1032}) {
      for (const Dtype dtype : {Dtype::kF32, Dtype::kBf16}) {
        for (const bool is_packed : {false, true}) {
          expect_same_swiglu(N, F, dtype, 0, is_packed);
          if (F < 100) expect_same_swiglu(N, F, dtype, 1, is_packed);
        }
      }
    }
  }
}

}  // namespace
}  // namespace switchyard::kernels
