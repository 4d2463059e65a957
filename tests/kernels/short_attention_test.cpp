// The host reference of attention over short sequences: formulas, gradients, random numbers.
#include "kernels/include/short_attention.h"

#include <array>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/kernels/host_array.h"

namespace switchyard::kernels {
namespace {

constexpr Dtype kF32 = Dtype::kF32;
constexpr std::int64_t kSeed = 5, kOffset = 9;

TEST(ShortAttentionReference, NumbersEveryWeightOnce) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t i : {0U, 1U}) {
    for (std::uint32_t t = 0; t < 256; ++t) {
      for (std::uint32_t u = 0; u < 256; ++u) {
        const std::uint64_t number = short_attention_number(i, t, u);
        EXPECT_EQ(number / 65536, i);
        seen.insert(number);
      }
    }
  }
  EXPECT_EQ(seen.size(), 2U * 65536U);
}

/// Factor of weight [t, u], from the definition.
double factor_of(const AttentionShape& s, std::int64_t i, std::int64_t t, std::int64_t u) {
  const std::uint32_t threshold = dropout_threshold(s.dropout_frac);
  const std::uint32_t number = philox_number(kSeed,
                                             kOffset,
                                             0,
                                             short_attention_number(static_cast<std::uint64_t>(i),
                                                                    static_cast<std::uint32_t>(t),
                                                                    static_cast<std::uint32_t>(u)));
  return number >= threshold ? dropout_scale(threshold) : 0.0;
}

/// Loss sum_i weights[i] out[i] of numbers in f64, and out.
double naive(const AttentionShape& s,
             const std::vector<double>& qkv,
             const std::vector<double>& weights,
             std::vector<double>* out) {
  const auto at = [&](std::int64_t b, std::int64_t t, std::int64_t part, std::int64_t h) {
    return static_cast<std::size_t>((((b * s.T + t) * 3 + part) * s.H + h) * s.C);
  };
  const auto C = static_cast<std::size_t>(s.C);
  double loss = 0.0;
  for (std::int64_t b = 0; b < s.B; ++b) {
    for (std::int64_t h = 0; h < s.H; ++h) {
      for (std::int64_t t = 0; t < s.T; ++t) {
        std::vector<double> p;
        double total = 0.0;
        for (std::int64_t u = 0; u <= t; ++u) {
          double score = 0.0;
          for (std::size_t c = 0; c < C; ++c) {
            score += qkv[at(b, t, 0, h) + c] * qkv[at(b, u, 1, h) + c];
          }
          p.push_back(std::exp(score / std::sqrt(static_cast<double>(s.C))));
          total += p.back();
        }
        for (std::size_t c = 0; c < C; ++c) {
          double mixed = 0.0;
          for (std::int64_t u = 0; u <= t; ++u) {
            mixed += p[static_cast<std::size_t>(u)] / total * factor_of(s, b * s.H + h, t, u) *
                     qkv[at(b, u, 2, h) + c];
          }
          const auto i = static_cast<std::size_t>(((b * s.T + t) * s.H + h) * s.C) + c;
          loss += weights[i] * mixed;
          (*out)[i] = mixed;
        }
      }
    }
  }
  return loss;
}

TEST(ShortAttentionReference, FollowsTheFormulaAndItsSlopes) {
  for (const float dropout_frac : {0.0F, 0.3F}) {
    const AttentionShape s = AttentionShape::packed(2, 18, 2, 8, dropout_frac);
    const std::int64_t size = s.B * s.T * s.H * s.C;
    const HostArray qkv = HostArray::random(kF32, 3 * size, 1);
    const HostArray dout = HostArray::random(kF32, size, 2);
    HostArray out(kF32, size), stats(kF32, s.B * s.H * s.T), dqkv(kF32, 3 * size, -9.0);
    const auto in = AttentionInputs::packed(qkv.data(), s.H, s.C, kF32);
    short_attention_reference(s, kF32, {in, out.data(), stats.floats(), &kSeed, &kOffset});
    short_attention_backward_reference(s,
                                       kF32,
                                       {in,
                                        out.data(),
                                        stats.floats(),
                                        dout.data(),
                                        AttentionGradients::packed(dqkv.data(), s.H, s.C, kF32),
                                        &kSeed,
                                        &kOffset});
    std::vector<double> x = qkv.doubles(), want(static_cast<std::size_t>(size));
    const std::vector<double> weights = dout.doubles();
    naive(s, x, weights, &want);
    EXPECT_TRUE(Errors(out.doubles(), want).within(kF32)) << Errors(out.doubles(), want);
    std::vector<double> unused = want;
    const std::vector<double> slopes =
        central_differences(x, [&] { return naive(s, x, weights, &unused); });
    EXPECT_TRUE(Errors(dqkv.doubles(), slopes).within(kF32)) << Errors(dqkv.doubles(), slopes);
  }
}

TEST(ShortAttentionReference, DropsItsShareByPositionAndSeed) {
  AttentionShape s = AttentionShape::packed(2, 64, 3, 64, 0.2F);
  std::int64_t num_dropped = 0, num_weights = 0;
  for (std::int64_t i = 0; i < s.B * s.H; ++i) {
    for (std::int64_t t = 0; t < s.T; ++t) {
      for (std::int64_t u = 0; u <= t; ++u) {
        ++num_weights;
        num_dropped += factor_of(s, i, t, u) == 0.0 ? 1 : 0;
      }
    }
  }
  // 12,480 weights: deviation 0.0036.
  EXPECT_NEAR(static_cast<double>(num_dropped) / static_cast<double>(num_weights), 0.2, 0.015);
  EXPECT_EQ(short_attention_mask_bytes(s), 6U * 4U * 2U * 64U);
  s.dropout_frac = 0.0F;
  EXPECT_EQ(short_attention_mask_bytes(s), 0U);
}

TEST(ShortAttention, SaysWhatItDoesNotTake) {
  const auto fault = [](const AttentionShape& s) {
    const char* words = fault_of_short_attention(s);
    return std::string(words == nullptr ? "" : words);
  };
  EXPECT_EQ(fault(AttentionShape::packed(64, 256, 6, 64, 0.2F)), "");
  EXPECT_EQ(fault(AttentionShape::packed(1, 1, 1, 32)), "");
  EXPECT_EQ(fault(AttentionShape::packed(0, 0, 0, 64)), "");
  EXPECT_NE(fault(AttentionShape::packed(1, 257, 1, 64)).find("256"), std::string::npos);
  EXPECT_NE(fault(AttentionShape::packed(1, 16, 1, 80)).find("C is"), std::string::npos);
  EXPECT_NE(fault(AttentionShape::packed(1, 16, 1, 64, 0.0F, false, false)).find("causal"),
            std::string::npos);
  EXPECT_NE(fault(AttentionShape::packed(1 << 20, 16, 1 << 10, 64)).find("B H"), std::string::npos);
  EXPECT_NE(fault(AttentionShape::packed(1, 16, 1, 64, 1.0F)).find("dropout"), std::string::npos);
}

}  // namespace
}  // namespace switchyard::kernels
