// The squared log-sum and the device's scale in the host reference, by central differences.
#include "kernels/include/cross_entropy.h"

#include <gtest/gtest.h>

#include "tests/kernels/host_array.h"

namespace switchyard::kernels {
namespace {

TEST(CrossEntropyReference, EqualsTheSlopesOfTheLossWithTheSquaredLogSum) {
  constexpr std::int64_t kN = 3, kV = 4, kStride = 6;
  constexpr double kZ = 0.125;
  const HostArray logits = HostArray::random(Dtype::kF32, kN * kStride, 1, 2.0);
  const std::int64_t target[] = {3, 9, 0};  // the second is not counted
  std::vector<double> x = logits.doubles();
  const auto losses_at = [&](std::int64_t n) {
    double sum = 0.0;
    for (std::int64_t v = 0; v < kV; ++v) {
      sum += std::exp(x[static_cast<std::size_t>(n * kStride + v)]);
    }
    const double s = std::log(sum);
    const bool is_counted = target[n] < kV;
    const double plain =
        is_counted ? s - x[static_cast<std::size_t>(n * kStride + target[n])] : 0.0;
    return std::pair(plain, is_counted ? plain + kZ * s * s : 0.0);
  };
  HostArray gradient = logits, loss(Dtype::kF32, kN), plain(Dtype::kF32, kN);
  const float device_scale = 0.5F;
  cross_entropy_reference(gradient.data(),
                          Dtype::kF32,
                          target,
                          kN,
                          kV,
                          kStride,
                          3.0F,
                          loss.floats(),
                          {.z_coef = static_cast<float>(kZ),
                           .plain_loss = plain.floats(),
                           .device_scale = &device_scale});
  for (std::int64_t n = 0; n < kN; ++n) {
    EXPECT_NEAR(plain[n], losses_at(n).first, 1e-6);
    EXPECT_NEAR(loss[n], losses_at(n).second, 1e-6);
  }
  const std::vector<double> slopes = central_differences(x, [&] {
    double total = 0.0;
    for (std::int64_t n = 0; n < kN; ++n) total += 1.5 * losses_at(n).second;
    return total;
  });
  EXPECT_LE(Errors(gradient.doubles(), slopes).largest, 1e-6);
}

}  // namespace
}  // namespace switchyard::kernels
