// Decoding on the device against the host reference; skipped where no CUDA device answers.
#include "kernels/include/decode_attention.h"
#include "kernels/include/decode_embedding.h"
#include "kernels/include/decode_linear.h"
#include "kernels/include/sample_token.h"
#include "tests/kernels/device_array.h"

namespace switchyard::kernels {
namespace {

constexpr Dtype kF32 = Dtype::kF32;
constexpr Dtype kBf16 = Dtype::kBf16;

const char* name(Dtype dtype) {
  return dtype == kF32 ? "f32" : "bf16";
}

struct LinearCase {
  std::int64_t M, N, K;
  Dtype weight, in, out;
  DecodeActivation activation = DecodeActivation::kNone;
  bool has_norm = false, is_rms = false, has_bias = true, has_residual = false;
  int offset = 0;  ///< elements that arrays are off an aligned address

  [[nodiscard]] DecodeLinear shape() const {
    DecodeLinear result;
    result.M = M;
    result.N = N;
    result.K = K;
    result.weight_dtype = weight;
    result.in_dtype = in;
    result.out_dtype = out;
    result.activation = activation;
    result.is_rms = is_rms;
    return result;
  }

  [[nodiscard]] std::string text() const {
    return std::to_string(M) + " rows, N " + std::to_string(N) + ", K " + std::to_string(K) +
           ", weights " + name(weight) + ", x " + name(in) + ", y " + name(out) + ", activation " +
           std::to_string(static_cast<int>(activation)) + (has_norm ? ", norm" : "") +
           (is_rms ? " (rms)" : "") + (has_bias ? ", bias" : "") +
           (has_residual ? ", residual" : "") + ", offset " + std::to_string(offset);
  }
};

void expect_same_linear(const LinearCase& one) {
  SCOPED_TRACE(one.text());
  const double spread = 1.0 / std::sqrt(static_cast<double>(one.K));
  const HostArray x = HostArray::random(one.in, one.M * one.K, 1, 1.5);
  const HostArray scale = HostArray::random(kF32, one.K, 2),
                  shift = HostArray::random(kF32, one.K, 3);
  const HostArray weight = HostArray::random(one.weight, one.N * one.K, 4, spread);
  const HostArray gate = HostArray::random(one.weight, one.N * one.K, 5, spread);
  const HostArray bias = HostArray::random(one.weight, one.N, 6);
  const HostArray gate_bias = HostArray::random(one.weight, one.N, 7);
  HostArray y = HostArray::random(one.out, one.M * one.N, 8);
  const DeviceCopy x_(x, one.offset), scale_(scale), shift_(shift), weight_(weight, one.offset);
  const DeviceCopy gate_(gate, one.offset), bias_(bias), gate_bias_(gate_bias), y_(y, one.offset);
  const auto arguments = [&](auto& x_at,
                             auto& scale_at,
                             auto& shift_at,
                             auto& weight_at,
                             auto& bias_at,
                             auto& gate_at,
                             auto& gate_bias_at,
                             auto& y_at) {
    DecodeLinearArguments args;
    args.x = x_at.data();
    args.norm_weight = one.has_norm ? scale_at.floats() : nullptr;
    args.norm_bias = one.has_norm && !one.is_rms ? shift_at.floats() : nullptr;
    args.weight = weight_at.data();
    args.bias = one.has_bias ? bias_at.data() : nullptr;
    args.gate = gate_at.data();
    args.gate_bias = one.has_bias ? gate_bias_at.data() : nullptr;
    args.residual = one.has_residual ? y_at.data() : nullptr;
    args.y = y_at.data();
    return args;
  };
  ASSERT_TRUE(launched(decode_linear_cuda(
      one.shape(), arguments(x_, scale_, shift_, weight_, bias_, gate_, gate_bias_, y_), nullptr)));
  decode_linear_reference(one.shape(),
                          arguments(x, scale, shift, weight, bias, gate, gate_bias, y));
  const Errors errors(y_.values().doubles(), y.doubles());
  EXPECT_TRUE(errors.within(one.weight)) << errors;
  EXPECT_LE(one.out == kF32 ? errors.normalised_square : 0.0, 1e-5) << errors;
}

TEST_F(Device, DecodeLinearEqualsTheReference) {
  struct Size {
    std::int64_t N, K;
  };

  for (const Size size : {Size{1, 8}, {7, 16}, {33, 40}, {100, 96}, {64, 776}, {40, 2056}}) {
    for (const std::int64_t M : {1, 2, 5, 8, 9, 16, 17, 31, 32}) {
      for (const DecodeActivation activation : {DecodeActivation::kNone,
                                                DecodeActivation::kGeluErf,
                                                DecodeActivation::kGeluTanh,
                                                DecodeActivation::kSwiglu}) {
        expect_same_linear({M, size.N, size.K, kBf16, kF32, kBf16, activation, true});
        expect_same_linear({M, size.N, size.K, kBf16, kBf16, kF32, activation, false});
      }
      const auto none = DecodeActivation::kNone;
      expect_same_linear({M, size.N, size.K, kBf16, kBf16, kF32, none, true, true, false});
      expect_same_linear({M, size.N, size.K, kBf16, kBf16, kBf16, none, false, false, true, true});
      expect_same_linear({M, size.N, size.K, kBf16, kBf16, kF32, none, false, false, false, true});
    }
  }
}

TEST_F(Device, DecodeLinearOfAnySizeEqualsTheReference) {
  for (const std::int64_t M : {1, 7, 8, 9, 32}) {
    for (const std::int64_t K : {1, 31, 37, 100}) {
      for (const DecodeActivation activation :
           {DecodeActivation::kNone, DecodeActivation::kGeluErf, DecodeActivation::kSwiglu}) {
        for (const bool has_norm : {false, true}) {
          expect_same_linear({M, 13, K, kF32, kF32, kF32, activation, has_norm, false, true, true});
          expect_same_linear({M, 13, K, kBf16, kBf16, kF32, activation, has_norm, true});
        }
      }
    }
    const auto none = DecodeActivation::kNone;
    expect_same_linear({M, 13, 64, kBf16, kF32, kBf16, none, true, false, true, false, 1});
    expect_same_linear({M, 13, 64, kF32, kF32, kF32, none, false, false, true, true, 1});
  }
}

TEST_F(Device, DecodeLinearOfModelSizesEqualsTheReference) {
  const auto none = DecodeActivation::kNone;
  for (const std::int64_t M : {1, 16}) {
    expect_same_linear({M, 2304, 768, kBf16, kF32, kBf16, none, true});
    expect_same_linear({M, 768, 768, kBf16, kBf16, kF32, none, false, false, true, true});
    expect_same_linear({M, 3072, 768, kBf16, kF32, kBf16, DecodeActivation::kGeluTanh, true});
    expect_same_linear({M, 768, 3072, kBf16, kBf16, kF32, none, false, false, true, true});
  }
  expect_same_linear({1, 50257, 768, kBf16, kF32, kF32, none, true, false, false});
  expect_same_linear({17, 10000, 64, kBf16, kF32, kF32, none, true, false, false});
  expect_same_linear({9, 10000, 2048, kBf16, kBf16, kF32, none, false, false, false});
  // Normalised rows that do not fit shared memory together, or not at all.
  expect_same_linear({32, 24, 4096, kBf16, kF32, kBf16, DecodeActivation::kSwiglu, true});
  expect_same_linear({9, 24, 10000, kBf16, kBf16, kBf16, none, true});
  expect_same_linear({2, 24, 16384, kBf16, kBf16, kBf16, none, true});
}

TEST_F(Device, DecodeLinearGivesARowTheSameBitsInAnyCompany) {
  constexpr std::int64_t N = 200, K = 768, kMost = 32;
  const HostArray x = HostArray::random(kF32, kMost * K, 1), scale(kF32, K, 1.0);
  const HostArray weight = HostArray::random(kBf16, N * K, 2, 0.05);
  const DeviceCopy x_(x), scale_(scale), weight_(weight);
  HostArray all(kF32, 0);
  for (const std::int64_t M : {32, 16, 4, 1}) {
    const DeviceCopy y_(HostArray(kF32, M * N));
    DecodeLinearArguments args;
    args.x = x_.data();
    args.norm_weight = scale_.floats();
    args.weight = weight_.data();
    args.y = y_.data();
    ASSERT_TRUE(launched(
        decode_linear_cuda(LinearCase{M, N, K, kBf16, kF32, kF32}.shape(), args, nullptr)));
    const HostArray y = y_.values();
    if (M == kMost) all = y;
    for (std::int64_t i = 0; i < M * N; ++i) ASSERT_EQ(y[i], all[i]) << M << " rows, " << i;
  }
}

struct AttentionCase {
  std::int64_t H, C, S;
  std::vector<std::int32_t> length;
};

void expect_same_attention(const AttentionCase& one, Dtype dtype, bool is_rotated) {
  const auto B = std::ssize(one.length);
  const std::int64_t rows = B * one.H;
  SCOPED_TRACE(std::to_string(B) + " sequences, H " + std::to_string(one.H) + ", C " +
               std::to_string(one.C) + ", S " + std::to_string(one.S) + ", first length " +
               std::to_string(one.length[0]) + ", " + name(dtype) +
               (is_rotated ? ", rotated" : ""));
  const HostArray qkv = HostArray::random(dtype, 3 * rows * one.C, 1);
  HostArray cosine(kF32, one.S * one.C / 2), sine = cosine;
  for (std::int64_t i = 0; i < cosine.size(); ++i) {
    const double angle = static_cast<double>(i % 1000) * 0.37;
    cosine.set(i, std::cos(angle));
    sine.set(i, std::sin(angle));
  }
  HostArray key = HostArray::random(dtype, rows * one.S * one.C, 2);
  HostArray value = HostArray::random(dtype, rows * one.S * one.C, 3);
  HostArray out(dtype, rows * one.C, 7.0);
  const DeviceCopy qkv_(qkv), cosine_(cosine), sine_(sine), key_(key), value_(value), out_(out);
  const DeviceArray<std::int32_t> length_(one.length);
  DecodeAttention shape{B, one.H, one.C, one.S, 0, dtype, false};
  for (const std::int32_t length : one.length) {
    shape.max_length = std::max<std::int64_t>(shape.max_length, length);
  }
  ASSERT_TRUE(launched(decode_attention_cuda(shape,
                                             {qkv_.data(),
                                              is_rotated ? cosine_.floats() : nullptr,
                                              is_rotated ? sine_.floats() : nullptr,
                                              length_.data(),
                                              key_.data(),
                                              value_.data(),
                                              out_.data()},
                                             nullptr)));
  decode_attention_reference(shape,
                             {qkv.data(),
                              is_rotated ? cosine.floats() : nullptr,
                              is_rotated ? sine.floats() : nullptr,
                              one.length.data(),
                              key.data(),
                              value.data(),
                              out.data()});
  EXPECT_TRUE(agrees(out_, out)) << "out";
  EXPECT_TRUE(agrees(key_, key)) << "key";
  EXPECT_TRUE(agrees(value_, value)) << "value";
}

TEST_F(Device, DecodeAttentionEqualsTheReference) {
  const std::vector<AttentionCase> cases{{1, 8, 4, {0}},
                                         {1, 8, 4, {3, 0, 1}},
                                         {2, 16, 40, {0, 1, 31, 32, 33, 39}},
                                         {3, 64, 300, {-1, 299, 300, 7, 128, 129}},
                                         {12, 64, 1024, {511}},
                                         {12, 64, 1024, {1023}},
                                         {12, 64, 600, {512, 511, 1, 100, 0, 599, 256, 255}},
                                         {1, 24, 200, {150, 3}},
                                         {2, 80, 700, {699, 5}},
                                         {2, 128, 2100, {2099, 1000}},
                                         {1, 64, 5000, {4999}}};
  for (const AttentionCase& one : cases) {
    for (const Dtype dtype : {kF32, kBf16}) {
      for (const bool is_rotated : {false, true}) expect_same_attention(one, dtype, is_rotated);
    }
  }
  expect_same_attention({2, 256, 300, {299, 64}}, kBf16, true);
  expect_same_attention({2, 4, 300, {299, 64}}, kF32, true);
}

TEST_F(Device, DecodeEmbeddingEqualsTheReference) {
  const std::vector<std::int32_t> token{4, 0, -1, 5, 3}, length{3, 0, 1, 4, -1};
  const DeviceArray<std::int32_t> token_(token), length_(length);
  for (const std::int64_t D : {1, 33, 768}) {
    for (const TypePair& types : kTypePairs) {
      for (const bool has_position : {false, true}) {
        const HostArray table = HostArray::random(types.compute, 5 * D, 1);
        const HostArray position = HostArray::random(types.compute, 4 * D, 2);
        HostArray x(types.stream, 5 * D, 7.0);
        const DeviceCopy table_(table), position_(position), x_(x);
        const DecodeEmbedding shape{5, D, 5, 4, types.compute, types.stream};
        ASSERT_TRUE(launched(decode_embedding_cuda(shape,
                                                   {token_.data(),
                                                    length_.data(),
                                                    table_.data(),
                                                    has_position ? position_.data() : nullptr,
                                                    x_.data()},
                                                   nullptr)));
        decode_embedding_reference(shape,
                                   {token.data(),
                                    length.data(),
                                    table.data(),
                                    has_position ? position.data() : nullptr,
                                    x.data()});
        EXPECT_TRUE(agrees(x_, x)) << types.text() << ", D " << D;
      }
    }
  }
}

// ---- drawing -----------------------------------------------------------------------------------

struct Differences {
  int num_draws = 0, num_different = 0;
};

/// Draws from the same rows again and again.
void draw_both(std::int64_t V,
               const SampleSettings& settings,
               double spread,
               double grain,
               Differences* differences) {
  SCOPED_TRACE("V " + std::to_string(V) + ", temperature " + std::to_string(settings.temperature) +
               ", top-k " + std::to_string(settings.top_k) + ", top-p " +
               std::to_string(settings.top_p) + ", min-p " + std::to_string(settings.min_p) +
               ", spread " + std::to_string(spread) + ", grain " + std::to_string(grain));
  constexpr std::int64_t M = 3, kDraws = 8;
  const std::int64_t stride = V + 3;
  HostArray logits = HostArray::random(kF32, M * stride, static_cast<std::uint32_t>(V), spread);
  if (grain > 0.0) {
    for (std::int64_t i = 0; i < logits.size(); ++i) {
      logits.set(i, std::round(logits[i] / grain) * grain);
    }
  }
  SampleToken shape;
  shape.M = M;
  shape.V = V;
  shape.stride = stride;
  shape.capacity = kDraws;
  const std::vector<std::uint64_t> seed{1, 0xFFFFFFFFFFFFFFFFU, 77};
  std::vector<std::int64_t> drawn(M, 0);
  std::vector<std::int32_t> token(M, -1), length(M, 4), tokens(M * kDraws, -1);
  std::vector<float> log_probability(M * kDraws, 0.0F), entropy = log_probability;
  const DeviceCopy logits_(logits);
  const DeviceArray<SampleSettings> settings_({settings});
  const DeviceArray<std::uint64_t> seed_(seed);
  const DeviceArray<std::int64_t> drawn_(drawn);
  const DeviceArray<std::int32_t> token_(token), length_(length), tokens_(tokens);
  const DeviceArray<float> log_probability_(log_probability), entropy_(entropy);
  for (std::int64_t i = 0; i < kDraws; ++i) {
    ASSERT_TRUE(launched(sample_token_cuda(shape,
                                           {logits_.floats(),
                                            settings_.data(),
                                            seed_.data(),
                                            drawn_.data(),
                                            token_.data(),
                                            length_.data(),
                                            tokens_.data(),
                                            log_probability_.data(),
                                            entropy_.data()},
                                           nullptr)));
    sample_token_reference(shape,
                           {logits.floats(),
                            &settings,
                            seed.data(),
                            drawn.data(),
                            token.data(),
                            length.data(),
                            tokens.data(),
                            log_probability.data(),
                            entropy.data()});
  }
  EXPECT_EQ(drawn_.values(), drawn);
  EXPECT_EQ(length_.values(), length);
  const std::vector<std::int32_t> got = tokens_.values();
  const std::vector<float> got_log = log_probability_.values(), got_entropy = entropy_.values();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    ++differences->num_draws;
    EXPECT_NEAR(got_entropy[i], entropy[i], 2e-5 * (1.0 + std::fabs(entropy[i]))) << i;
    if (got[i] == tokens[i]) {
      EXPECT_NEAR(got_log[i], log_probability[i], 2e-5 * (1.0 + std::fabs(log_probability[i])));
      continue;
    }
    ++differences->num_different;
    std::printf("  another token: V %lld, top-k %d, top-p %g, min-p %g: %d, expected %d\n",
                static_cast<long long>(V),
                settings.top_k,
                static_cast<double>(settings.top_p),
                static_cast<double>(settings.min_p),
                got[i],
                tokens[i]);
    EXPECT_GE(got[i], 0);
    EXPECT_LT(got[i], V);
  }
}

TEST_F(Device, SampleTokenDrawsWhatTheReferenceDraws) {
  Differences differences;
  for (const std::int64_t V : {1, 2, 31, 65, 1000, 1024, 2048, 2049, 4097, 50257, 131072, 131080}) {
    for (const SampleSettings& settings : {SampleSettings{0.0F},
                                           {1.0F},
                                           {0.8F, 1.0F, 0.0F, 1},
                                           {0.8F, 1.0F, 0.0F, 200},
                                           {0.8F, 1.0F, 0.0F, 900},
                                           {1.0F, 1.0F, 0.0F, 2000},
                                           {1.0F, 0.9F},
                                           {0.7F, 0.3F},
                                           {1.0F, 0.95F, 0.02F, 50},
                                           {1.3F, 1.0F, 0.1F}}) {
      draw_both(V, settings, 1.0, 0.0, &differences);
      draw_both(V, settings, 5.0, 0.0, &differences);
      draw_both(V, settings, 1.0, 0.25, &differences);   // many ties
      draw_both(V, settings, 1.0, 100.0, &differences);  // nothing but ties
    }
  }
  std::printf("%d of %d draws differ\n", differences.num_different, differences.num_draws);
  EXPECT_LE(differences.num_different, differences.num_draws / 100);
}

}  // namespace
}  // namespace switchyard::kernels
