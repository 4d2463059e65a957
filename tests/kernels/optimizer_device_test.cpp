// The device against the host reference; skipped where no CUDA device answers.
#include <limits>

#include "kernels/include/adamw.h"
#include "kernels/include/gradient_norm.h"
#include "tests/kernels/device_array.h"

namespace switchyard::kernels {
namespace {

constexpr Dtype kF32 = Dtype::kF32;

HostArray squares(HostArray array) {
  for (std::int64_t i = 0; i < array.size(); ++i) array.set(i, array[i] * array[i]);
  return array;
}

/// Parameters in the middle of a training, on both sides.
struct Parameters {
  HostArray master, gradient, moment1, moment2, compute;
  DeviceCopy master_, gradient_, moment1_, moment2_, compute_;

  Parameters(std::int64_t size, int offset)
      : master(HostArray::random(kF32, size, 1)),
        gradient(HostArray::random(kF32, size, 2)),
        moment1(HostArray::random(kF32, size, 3, 0.1)),
        moment2(squares(HostArray::random(kF32, size, 4))),
        compute(Dtype::kBf16, size, 9.0),
        master_(master, offset),
        gradient_(gradient, offset),
        moment1_(moment1, offset),
        moment2_(moment2, offset),
        compute_(compute, offset) {}

  AdamWBuffers on_host(std::int64_t num_decayed, bool has_compute) {
    return {.master = master.floats(),
            .gradient = gradient.floats(),
            .moment1 = moment1.floats(),
            .moment2 = moment2.floats(),
            .compute = has_compute ? compute.data() : nullptr,
            .size = master.size(),
            .num_decayed = num_decayed};
  }

  [[nodiscard]] AdamWBuffers on_device(std::int64_t num_decayed, bool has_compute) const {
    return {.master = master_.floats(),
            .gradient = gradient_.floats(),
            .moment1 = moment1_.floats(),
            .moment2 = moment2_.floats(),
            .compute = has_compute ? compute_.data() : nullptr,
            .size = master.size(),
            .num_decayed = num_decayed};
  }

  void expect_same() const {
    EXPECT_TRUE(agrees(master_, master)) << "master";
    EXPECT_TRUE(agrees(moment1_, moment1)) << "moment1";
    EXPECT_TRUE(agrees(moment2_, moment2)) << "moment2";
    EXPECT_TRUE(agrees(compute_, compute)) << "compute";
  }
};

TEST_F(Device, AdamWEqualsTheReference) {
  for (const std::int64_t size : {0, 1, 3, 31, 1000, 4097, 3'000'001}) {
    for (const std::uint64_t step : {0ULL, 1ULL, 9'999'999ULL}) {
      for (const int offset : {0, 1}) {
        const bool has_compute = step != 1;
        SCOPED_TRACE(std::to_string(size) + " elements, step " + std::to_string(step) +
                     ", offset " + std::to_string(offset));
        Parameters p(size, offset);
        const StepState state{.step = step, .learning_rate = 1e-2F};
        const DeviceArray<StepState> device_state(std::vector<StepState>{state});
        const HostArray norm(kF32, 1, 3.0);
        const DeviceCopy device_norm(norm);
        const AdamW options{.beta2 = 0.999F, .grad_clip_norm = 1.5F};
        const std::int64_t num_decayed = size * 2 / 3;
        ASSERT_TRUE(launched(adamw_cuda(options,
                                        p.on_device(num_decayed, has_compute),
                                        device_state.data(),
                                        device_norm.floats(),
                                        nullptr)));
        adamw_reference(options, p.on_host(num_decayed, has_compute), &state, norm.floats());
        p.expect_same();
      }
    }
  }
}

TEST_F(Device, AdamWReadsTheStepAnew) {
  Parameters p(1000, 0);
  for (std::uint64_t t = 0; t < 3; ++t) {
    const StepState state{.step = t, .learning_rate = 1e-2F};
    const DeviceArray<StepState> device_state(std::vector<StepState>{state});
    ASSERT_TRUE(
        launched(adamw_cuda({}, p.on_device(500, true), device_state.data(), nullptr, nullptr)));
    adamw_reference({}, p.on_host(500, true), &state, nullptr);
  }
  p.expect_same();
}

TEST_F(Device, AdamWLeavesEverythingAfterANormThatIsNotFinite) {
  for (const double norm : {HUGE_VAL, std::numeric_limits<double>::quiet_NaN()}) {
    const Parameters p(4097, 0);
    const DeviceArray<StepState> state(std::vector<StepState>{{.learning_rate = 1e-2F}});
    const DeviceArray<float> device_norm(std::vector<float>{static_cast<float>(norm)});
    ASSERT_TRUE(launched(
        adamw_cuda({}, p.on_device(4097, true), state.data(), device_norm.data(), nullptr)));
    EXPECT_EQ(p.master_.values(), p.master);
    EXPECT_EQ(p.moment1_.values(), p.moment1);
    EXPECT_EQ(p.moment2_.values(), p.moment2);
    EXPECT_EQ(p.compute_.values(), p.compute);
  }
}

TEST_F(Device, GradientNormEqualsTheReferenceAndIsTheSameTwice) {
  for (const std::int64_t size : {0, 1, 31, 4095, 4097, 1'000'003, 5'000'000}) {
    for (const int offset : {0, 1}) {
      SCOPED_TRACE(std::to_string(size) + " elements, offset " + std::to_string(offset));
      const HostArray gradient = HostArray::random(kF32, size, 1);
      HostArray want(kF32, 1);
      gradient_norm_reference(gradient.floats(), size, want.floats());
      const DeviceCopy gradient_(gradient, offset), first(HostArray(kF32, 1, -1.0));
      const DeviceCopy second(HostArray(kF32, 1, -2.0));
      const Scratch workspace(gradient_norm_workspace_bytes(size));
      for (const DeviceCopy* norm : {&first, &second}) {
        ASSERT_TRUE(launched(gradient_norm_cuda(
            gradient_.floats(), size, norm->floats(), workspace.data(), nullptr)));
      }
      EXPECT_TRUE(agrees(first, want));
      EXPECT_EQ(first.values(), second.values());
    }
  }
}

TEST_F(Device, GradientNormShowsWhatIsNotFinite) {
  HostArray gradient(kF32, 1000, 0.5);
  gradient.set(700, std::numeric_limits<double>::quiet_NaN());
  const DeviceCopy gradient_(gradient), norm(HostArray(kF32, 1));
  const Scratch workspace(gradient_norm_workspace_bytes(1000));
  ASSERT_TRUE(launched(
      gradient_norm_cuda(gradient_.floats(), 1000, norm.floats(), workspace.data(), nullptr)));
  EXPECT_TRUE(std::isnan(norm.values()[0]));
}

TEST(Launcher, RefusesADecayedPartBeyondTheEnd) {
  EXPECT_FALSE(adamw_cuda({}, {.size = 4, .num_decayed = 5}, nullptr, nullptr, nullptr).ok());
}

}  // namespace
}  // namespace switchyard::kernels
