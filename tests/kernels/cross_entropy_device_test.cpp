// The device against the host reference; skipped where no CUDA device answers.
#include "kernels/include/cross_entropy.h"
#include "tests/kernels/cases.h"
#include "tests/kernels/device_array.h"

namespace switchyard::kernels {
namespace {

/// The same rows on both sides; `offset` takes the logits off their alignment.
void expect_same(const RowShape& shape, Dtype dtype, float z_coef, int offset) {
  SCOPED_TRACE(std::to_string(shape.num_rows) + " rows of " + std::to_string(shape.num_classes) +
               (dtype == Dtype::kF32 ? ", f32" : ", bf16") + ", z " + std::to_string(z_coef) +
               ", offset " + std::to_string(offset));
  constexpr Dtype kF32 = Dtype::kF32;
  HostArray logits = HostArray::random(dtype, shape.num_rows * shape.stride, 29, 4.0);
  std::mt19937 random(31);
  std::vector<std::int64_t> target(static_cast<std::size_t>(shape.num_rows));
  for (std::int64_t& t : target) t = static_cast<std::int64_t>(random()) % shape.num_classes;
  if (target.size() > 2) target[1] = -1;  // not counted
  const DeviceCopy rows(logits, offset);
  const DeviceArray<std::int64_t> targets(target);
  HostArray loss(kF32, shape.num_rows, -1.0), plain = loss;
  const HostArray factor(kF32, 1, 0.25);
  const DeviceCopy device_loss(loss), device_plain(plain), device_factor(factor);
  const bool has_z = z_coef != 0.0F;
  ASSERT_TRUE(
      launched(cross_entropy_cuda(rows.data(),
                                  dtype,
                                  targets.data(),
                                  shape.num_rows,
                                  shape.num_classes,
                                  shape.stride,
                                  2.0F,
                                  device_loss.floats(),
                                  nullptr,
                                  {.z_coef = z_coef,
                                   .plain_loss = has_z ? device_plain.floats() : nullptr,
                                   .device_scale = has_z ? device_factor.floats() : nullptr})));
  cross_entropy_reference(logits.data(),
                          dtype,
                          target.data(),
                          shape.num_rows,
                          shape.num_classes,
                          shape.stride,
                          2.0F,
                          loss.floats(),
                          {.z_coef = z_coef,
                           .plain_loss = has_z ? plain.floats() : nullptr,
                           .device_scale = has_z ? factor.floats() : nullptr});
  EXPECT_TRUE(agrees(device_loss, loss));
  EXPECT_TRUE(agrees(device_plain, plain));
  const Errors errors(rows.values().doubles(), logits.doubles());
  EXPECT_LE(errors.largest, dtype == kF32 ? 4e-6 : 8e-3) << errors;
}

TEST_F(Device, CrossEntropyEqualsTheReference) {
  for (const RowShape& shape : kRowShapes) {
    for (const Dtype dtype : {Dtype::kF32, Dtype::kBf16}) {
      for (const float z_coef : {0.0F, 1e-3F}) {
        for (const int offset : {0, 1}) expect_same(shape, dtype, z_coef, offset);
      }
    }
  }
}

TEST_F(Device, CrossEntropyTakesThePlainCall) {
  HostArray logits(Dtype::kF32, 4, 0.0), loss(Dtype::kF32, 1);
  const DeviceCopy rows(logits), losses(loss);
  const DeviceArray<std::int64_t> target(std::vector<std::int64_t>{1});
  ASSERT_TRUE(launched(cross_entropy_cuda(
      rows.data(), Dtype::kF32, target.data(), 1, 4, 4, 1.0F, losses.floats(), nullptr)));
  EXPECT_NEAR(losses.values()[0], std::log(4.0), 1e-6);
  EXPECT_NEAR(rows.values()[1], -0.75, 1e-6);
  EXPECT_NEAR(rows.values()[3], 0.25, 1e-6);
}

}  // namespace
}  // namespace switchyard::kernels
