// Host references that need no LibTorch to be checked: by finite differences and known values.
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/include/attention.h"
#include "kernels/include/product.h"
#include "kernels/include/rotary.h"
#include "kernels/reference/element.h"

namespace switchyard::kernels {
namespace {

constexpr Dtype kF32 = Dtype::kF32;

std::vector<float> normal(std::int64_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(static_cast<std::size_t>(size));
  for (float& value : values) value = distribution(random);
  return values;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return sum;
}

TEST(ProductReference, TranspositionsAreTheSameProduct) {
  // A = [[1, 2, 3], [4, 5, 6]], B = [[1, 0], [2, 1], [0, 3]]
  const std::vector<float> a{1, 2, 3, 4, 5, 6}, a_t{1, 4, 2, 5, 3, 6};
  const std::vector<float> b{1, 0, 2, 1, 0, 3}, b_t{1, 2, 0, 0, 1, 3};
  const std::vector<float> want{5, 11, 14, 23};
  for (int kind = 0; kind < 4; ++kind) {
    const bool is_a = (kind & 1) != 0, is_b = (kind & 2) != 0;
    std::vector<float> c(4, 7.0F);
    product_reference(ProductShape::packed(2, 2, 3, is_a, is_b, kF32, kF32),
                      is_a ? a_t.data() : a.data(),
                      is_b ? b_t.data() : b.data(),
                      c.data());
    EXPECT_EQ(c, want);
    product_reference(ProductShape::packed(2, 2, 3, is_a, is_b, kF32, kF32, true),
                      is_a ? a_t.data() : a.data(),
                      is_b ? b_t.data() : b.data(),
                      c.data());
    EXPECT_EQ(c, (std::vector<float>{10, 22, 28, 46}));
  }
}

TEST(ProductReference, EpiloguesMatchTheirDefinition) {
  const std::vector<float> x{-3.0F, -0.5F, 0.0F, 0.7F, 2.0F}, one{1.0F};
  const std::vector<float> bias{0.25F};
  const auto run =
      [&](ProductEpilogue epilogue, std::vector<float> input, std::vector<float>* aux) {
        std::vector<float> c(input.size());
        product_reference(
            ProductShape::packed(5, 1, 1, false, false, kF32, kF32, false, epilogue, kF32),
            input.data(),
            one.data(),
            c.data(),
            bias.data(),
            aux->data());
        return c;
      };
  std::vector<float> aux(5);
  const std::vector<float> gelu = run(ProductEpilogue::kGelu, x, &aux);
  EXPECT_EQ(aux, x);
  EXPECT_NEAR(gelu[3], 0.530570F, 1e-5F);  // 0.35 (1 + tanh(0.7978846 (0.7 + 0.044715 0.343)))
  EXPECT_EQ(gelu[2], 0.0F);
  const std::vector<float> shifted = run(ProductEpilogue::kGeluBias, x, &aux);
  EXPECT_FLOAT_EQ(aux[0], -2.75F);
  EXPECT_NE(shifted[0], gelu[0]);
  const std::vector<float> biased = run(ProductEpilogue::kBias, x, &aux);
  EXPECT_FLOAT_EQ(biased[4], 2.25F);
  // The slope by central differences: the backward of a gradient of 1.
  std::vector<float> at = x;
  const std::vector<float> slope =
      run(ProductEpilogue::kGeluBackward, std::vector<float>(5, 1.0F), &at);
  constexpr float kStep = 1e-2F;
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::vector<float> more = x, less = x, unused(5);
    more[i] += kStep;
    less[i] -= kStep;
    const float difference = (run(ProductEpilogue::kGelu, more, &unused)[i] -
                              run(ProductEpilogue::kGelu, less, &unused)[i]) /
                             (2.0F * kStep);
    EXPECT_NEAR(slope[i], difference, 2e-4F) << x[i];
  }
}

TEST(ProductShape, TextIsReadBackAndNothingElseIs) {
  std::vector<ProductShape> shapes{
      ProductShape::packed(1, 2, 3, false, true, Dtype::kBf16, kF32, true),
      ProductShape::packed(65536, 50304, 768, true, false, kF32, kF32),
      ProductShape::packed(4,
                           8,
                           16,
                           false,
                           false,
                           Dtype::kBf16,
                           Dtype::kBf16,
                           false,
                           ProductEpilogue::kGeluBias,
                           kF32)};
  shapes[0].ldc = 9;
  for (const ProductShape& shape : shapes) {
    const std::string text = text_from_product_shape(shape);
    ProductShape read;
    ASSERT_TRUE(product_shape_from_text(text, &read)) << text;
    EXPECT_EQ(text_from_product_shape(read), text);
    EXPECT_EQ(read.ldc, shape.ldc);
    EXPECT_EQ(read.is_b_transposed, shape.is_b_transposed);
    EXPECT_EQ(read.epilogue, shape.epilogue);
    for (const std::string& broken :
         {text + " ", text + "x", " " + text, text.substr(1), std::string()}) {
      EXPECT_FALSE(product_shape_from_text(broken, &read)) << broken;
    }
  }
  ProductShape unread;
  EXPECT_FALSE(product_shape_from_text(
      "M=1 N=2 K=3 lda=3 ldb=2 ldc=2 a=plain b=plain beta=2 in=f32 out=f32 epilogue=none bias=none "
      "ld_aux=0",
      &unread));
}

TEST(ProductShape, FaultsAreSaidInWords) {
  const ProductShape fine = ProductShape::packed(4, 8, 16, false, false, kF32, kF32);
  EXPECT_EQ(fault_of_product_shape(fine), nullptr);
  ProductShape faulty = fine;
  faulty.lda = 15;
  EXPECT_NE(fault_of_product_shape(faulty), nullptr);
  faulty = fine;
  faulty.M = -1;
  EXPECT_NE(fault_of_product_shape(faulty), nullptr);
  faulty = fine;
  faulty.out_dtype = Dtype::kBf16;
  EXPECT_NE(fault_of_product_shape(faulty), nullptr);
  faulty = fine;
  faulty.epilogue = ProductEpilogue::kGelu;
  EXPECT_NE(fault_of_product_shape(faulty), nullptr) << "ld_aux is 0";
}

TEST(AttentionReference, UniformWeightsGiveMeans) {
  const AttentionShape s = AttentionShape::packed(1, 3, 1, 8);
  std::vector<float> qkv(3 * 24, 0.0F), out(24), stats(3);
  for (std::size_t t = 0; t < 3; ++t) {
    for (std::size_t c = 0; c < 8; ++c) qkv[t * 24 + 16 + c] = static_cast<float>(t + 1);
  }
  attention_forward_reference(
      s, kF32, AttentionInputs::packed(qkv.data(), 1, 8, kF32), out.data(), stats.data());
  EXPECT_FLOAT_EQ(out[0], 1.0F);
  EXPECT_FLOAT_EQ(out[8], 1.5F);
  EXPECT_FLOAT_EQ(out[16], 2.0F);
  EXPECT_NEAR(stats[2], std::log(3.0F), 1e-6F);
}

TEST(AttentionReference, GradientsMatchCentralDifferences) {
  for (const bool is_causal : {true, false}) {
    const AttentionShape s = AttentionShape::packed(2, 4, 2, 8, 0.0F, false, is_causal);
    const std::int64_t size = 2 * 4 * 2 * 8;
    std::vector<float> qkv = normal(3 * size, 1);
    const std::vector<float> weights = normal(size, 2);
    std::vector<float> out(static_cast<std::size_t>(size)), stats(16), gradient(qkv.size(), -9.0F);
    const auto loss = [&] {
      attention_forward_reference(
          s, kF32, AttentionInputs::packed(qkv.data(), 2, 8, kF32), out.data(), stats.data());
      return dot(out, weights);
    };
    loss();
    attention_backward_reference(s,
                                 kF32,
                                 AttentionInputs::packed(qkv.data(), 2, 8, kF32),
                                 out.data(),
                                 stats.data(),
                                 weights.data(),
                                 AttentionGradients::packed(gradient.data(), 2, 8, kF32));
    constexpr float kStep = 1e-2F;
    for (std::size_t i = 0; i < qkv.size(); ++i) {
      const float kept = qkv[i];
      qkv[i] = kept + kStep;
      const double more = loss();
      qkv[i] = kept - kStep;
      const double less = loss();
      qkv[i] = kept;
      EXPECT_NEAR(static_cast<double>(gradient[i]),
                  (more - less) / (2.0 * static_cast<double>(kStep)),
                  1e-3)
          << i;
    }
  }
}

TEST(RotaryReference, TurnsQueriesAndKeysAndTurnsThemBack) {
  constexpr std::int64_t B = 2, T = 3, H = 2, C = 4;
  std::vector<float> cosine, sine;
  for (std::int64_t t = 0; t < T; ++t) {
    for (std::int64_t i = 0; i < C / 2; ++i) {
      const double angle = static_cast<double>(t) / static_cast<double>(1 + 9 * i);
      cosine.push_back(static_cast<float>(std::cos(angle)));
      sine.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  const std::vector<float> x = normal(3 * B * T * H * C, 3);
  std::vector<float> y = x;
  rotary_reference(y.data(), kF32, cosine.data(), sine.data(), B, T, H, C, false);
  // Batch 1, position 2, k, head 1, pair (1, 3).
  const std::size_t first = ((1 * 3 + 2) * 3 + 1) * 8 + 4 + 1;
  EXPECT_NEAR(y[first], x[first] * cosine[5] - x[first + 2] * sine[5], 1e-6F);
  EXPECT_NEAR(y[first + 2], x[first + 2] * cosine[5] + x[first] * sine[5], 1e-6F);
  const std::size_t value = ((1 * 3 + 2) * 3 + 2) * 8;
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(y[value + i], x[value + i]);
  rotary_reference(y.data(), kF32, cosine.data(), sine.data(), B, T, H, C, true);
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(y[i], x[i], 2e-6F);
}

TEST(Element, RoundsToNearestEvenAndKeepsNan) {
  reference::Bf16 element{};
  element.set(1.0 + 1.0 / 256.0);  // half way between 1 and 1 + 1/128
  EXPECT_EQ(element.get(), 1.0);
  element.set(1.0 + 3.0 / 256.0);
  EXPECT_EQ(element.get(), 1.0 + 2.0 / 128.0);
  element.set(std::nan(""));
  EXPECT_TRUE(std::isnan(element.get()));
}

}  // namespace
}  // namespace switchyard::kernels
