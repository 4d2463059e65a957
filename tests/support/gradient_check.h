#pragma once

#include <algorithm>
#include <cmath>
#include <functional>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

namespace switchyard::test {

struct GradientTolerance {
  double step = 1e-5;       ///< of the central difference
  double tolerance = 1e-6;  ///< relative to the largest gradient, at least absolute
  std::int64_t stride = 1;  ///< checks every stride-th element
};

/// Compares the gradient of a scalar function of one float64 tensor with central differences.
/// `leaf` is changed in place and put back; `function` must read it anew at every call.
inline void expect_gradient_matches(const std::function<at::Tensor()>& function,
                                    at::Tensor leaf,
                                    GradientTolerance options = {}) {
  ASSERT_EQ(leaf.scalar_type(), at::kDouble);
  leaf.requires_grad_(true);
  if (leaf.grad().defined()) leaf.mutable_grad().zero_();
  function().backward();
  const at::Tensor gradient =
      leaf.grad().defined() ? leaf.grad().clone().contiguous() : at::zeros_like(leaf);
  const at::NoGradGuard no_grad;
  auto* x = leaf.data_ptr<double>();
  const auto* g = gradient.data_ptr<double>();
  const double scale = leaf.numel() > 0 ? std::max(1.0, gradient.abs().max().item<double>()) : 1.0;
  for (std::int64_t i = 0; i < leaf.numel(); i += options.stride) {
    const double kept = x[i];
    x[i] = kept + options.step;
    const double above = function().item<double>();
    x[i] = kept - options.step;
    const double below = function().item<double>();
    x[i] = kept;
    EXPECT_NEAR(g[i], (above - below) / (2.0 * options.step), options.tolerance * scale)
        << "element " << i << " of " << leaf.numel();
  }
}

/// Standard normal float64 numbers from a seed.
inline at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed) {
  at::Generator random = at::globalContext().defaultGenerator(at::kCPU).clone();
  random.set_current_seed(seed);
  return at::empty(shape, at::kDouble).normal_(0.0, 1.0, random);
}

}  // namespace switchyard::test
