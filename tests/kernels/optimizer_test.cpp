// The host references of the update against a scalar written out, step by step.
#include <limits>

#include <gtest/gtest.h>

#include "kernels/include/adamw.h"
#include "kernels/include/gradient_norm.h"
#include "tests/kernels/host_array.h"

namespace switchyard::kernels {
namespace {

struct Parameters {
  HostArray master, gradient, moment1, moment2, compute;

  explicit Parameters(std::int64_t size)
      : master(HostArray::random(Dtype::kF32, size, 1)),
        gradient(HostArray::random(Dtype::kF32, size, 2)),
        moment1(Dtype::kF32, size),
        moment2(Dtype::kF32, size),
        compute(Dtype::kBf16, size) {}

  AdamWBuffers buffers(std::int64_t num_decayed) {
    return {.master = master.floats(),
            .gradient = gradient.floats(),
            .moment1 = moment1.floats(),
            .moment2 = moment2.floats(),
            .compute = compute.data(),
            .size = master.size(),
            .num_decayed = num_decayed};
  }
};

TEST(AdamWReference, FollowsTheScalarUpdateForManySteps) {
  const AdamW options{.beta1 = 0.9F, .beta2 = 0.99F, .weight_decay = 0.5F};
  Parameters p(2);
  StepState state{.learning_rate = 0.01F};
  std::vector<double> w = p.master.doubles(), m(2, 0.0), v(2, 0.0);
  const double beta1 = static_cast<double>(options.beta1);
  const double beta2 = static_cast<double>(options.beta2);
  for (int t = 1; t <= 20; ++t) {
    adamw_reference(options, p.buffers(1), &state, nullptr);
    ++state.step;
    for (std::size_t i = 0; i < 2; ++i) {
      const double g = p.gradient[static_cast<std::int64_t>(i)];
      const double rate = static_cast<double>(state.learning_rate);
      m[i] = beta1 * m[i] + (1.0 - beta1) * g;
      v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
      if (i == 0) w[i] *= 1.0 - rate * 0.5;
      const double m_hat = m[i] / (1.0 - std::pow(beta1, t));
      const double v_hat = v[i] / (1.0 - std::pow(beta2, t));
      w[i] -= rate * m_hat / (std::sqrt(v_hat) + 1e-8);
      EXPECT_NEAR(p.master[static_cast<std::int64_t>(i)], w[i], 2e-6) << "step " << t;
      EXPECT_NEAR(p.compute[static_cast<std::int64_t>(i)], w[i], 1e-2);
    }
  }
}

TEST(AdamWReference, ClipsByTheNorm) {
  Parameters clipped(8), scaled(8);
  const float norm = 4.0F;
  for (std::int64_t i = 0; i < 8; ++i) {
    scaled.gradient.set(i, scaled.gradient[i] * (0.5 / (4.0 + 1e-6)));
  }
  const StepState state{.learning_rate = 0.1F};
  adamw_reference({.grad_clip_norm = 0.5F}, clipped.buffers(8), &state, &norm);
  adamw_reference({}, scaled.buffers(8), &state, nullptr);
  EXPECT_LE(Errors(clipped.moment1.doubles(), scaled.moment1.doubles()).largest, 1e-7);
  EXPECT_LE(Errors(clipped.master.doubles(), scaled.master.doubles()).largest, 1e-6);
  Parameters below(8), plain(8);
  const float small = 0.25F;
  adamw_reference({.grad_clip_norm = 0.5F}, below.buffers(8), &state, &small);
  adamw_reference({}, plain.buffers(8), &state, nullptr);
  EXPECT_EQ(below.master, plain.master);
}

TEST(AdamWReference, LeavesEverythingAfterANormThatIsNotFinite) {
  for (const float norm :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    Parameters p(8), before(8);
    const StepState state{.learning_rate = 0.1F};
    adamw_reference({}, p.buffers(8), &state, &norm);
    EXPECT_EQ(p.master, before.master);
    EXPECT_EQ(p.moment1, before.moment1);
    EXPECT_EQ(p.moment2, before.moment2);
    EXPECT_EQ(p.compute, before.compute);
  }
}

TEST(GradientNormReference, IsTheLength) {
  const float gradient[] = {3.0F, 0.0F, -4.0F, 12.0F};
  float norm = -1.0F;
  gradient_norm_reference(gradient, 4, &norm);
  EXPECT_EQ(norm, 13.0F);
  gradient_norm_reference(gradient, 0, &norm);
  EXPECT_EQ(norm, 0.0F);
}

}  // namespace
}  // namespace switchyard::kernels
