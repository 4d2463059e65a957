// The host references of decoding against the operations that they join.
#include <gtest/gtest.h>

#include "kernels/include/attention.h"
#include "kernels/include/decode_attention.h"
#include "kernels/include/decode_embedding.h"
#include "kernels/include/decode_linear.h"
#include "kernels/include/gelu.h"
#include "kernels/include/philox.h"
#include "kernels/include/residual_norm.h"
#include "kernels/include/rotary.h"
#include "kernels/include/sample_token.h"
#include "kernels/include/swiglu.h"
#include "tests/kernels/host_array.h"

namespace switchyard::kernels {
namespace {

/// x W^T + bias in f64, kept as f32.
HostArray product(const HostArray& x,
                  const HostArray& w,
                  const HostArray& bias,
                  std::int64_t M,
                  std::int64_t N,
                  std::int64_t K) {
  HostArray y(Dtype::kF32, M * N);
  for (std::int64_t m = 0; m < M; ++m) {
    for (std::int64_t n = 0; n < N; ++n) {
      double sum = bias[n];
      for (std::int64_t k = 0; k < K; ++k) sum += x[m * K + k] * w[n * K + k];
      y.set(m * N + n, sum);
    }
  }
  return y;
}

TEST(DecodeLinearReference, JoinsNormProductActivationAndResidual) {
  constexpr std::int64_t M = 3, N = 5, K = 16;
  const HostArray x = HostArray::random(Dtype::kF32, M * K, 1, 2.0);
  const HostArray scale = HostArray::random(Dtype::kF32, K, 2);
  const HostArray shift = HostArray::random(Dtype::kF32, K, 3);
  const HostArray w = HostArray::random(Dtype::kF32, N * K, 4);
  const HostArray gate = HostArray::random(Dtype::kF32, N * K, 5);
  const HostArray bias = HostArray::random(Dtype::kF32, N, 6);
  const HostArray gate_bias = HostArray::random(Dtype::kF32, N, 7);
  const HostArray residual = HostArray::random(Dtype::kF32, M * N, 8);
  for (const bool is_rms : {false, true}) {
    HostArray h(Dtype::kF32, M * K);
    ResidualNorm norm;
    norm.N = M;
    norm.D = K;
    norm.is_rms = is_rms;
    norm.eps = 1e-3F;
    ResidualNormForward forward;
    forward.x = x.data();
    forward.weight = scale.floats();
    forward.bias = shift.floats();
    forward.y = h.data();
    residual_norm_reference(norm, forward);
    const HostArray a = product(h, w, bias, M, N, K), g = product(h, gate, gate_bias, M, N, K);
    for (const DecodeActivation activation : {DecodeActivation::kNone,
                                              DecodeActivation::kGeluErf,
                                              DecodeActivation::kGeluTanh,
                                              DecodeActivation::kSwiglu}) {
      HostArray want = a;
      if (activation == DecodeActivation::kSwiglu) {
        swiglu_reference(Dtype::kF32, g.data(), a.data(), M, N, want.data());
      } else if (activation != DecodeActivation::kNone) {
        const bool is_erf = activation == DecodeActivation::kGeluErf;
        gelu_reference(
            is_erf ? GeluKind::kErf : GeluKind::kTanh, Dtype::kF32, a.data(), M * N, want.data());
      }
      for (std::int64_t i = 0; i < M * N; ++i) want.set(i, want[i] + residual[i]);
      DecodeLinear shape;
      shape.M = M;
      shape.N = N;
      shape.K = K;
      shape.activation = activation;
      shape.is_rms = is_rms;
      shape.eps = 1e-3F;
      HostArray y = residual;
      decode_linear_reference(shape,
                              {x.data(),
                               scale.floats(),
                               shift.floats(),
                               w.data(),
                               bias.data(),
                               gate.data(),
                               gate_bias.data(),
                               y.data(),
                               y.data()});
      const Errors errors(y.doubles(), want.doubles());
      EXPECT_LE(errors.largest, 1e-6) << errors;
    }
  }
}

TEST(DecodeAttentionReference, EqualsAttentionOverTheWholeSequence) {
  constexpr std::int64_t B = 2, T = 7, H = 3, C = 8, S = 9;
  for (const bool is_rotated : {false, true}) {
    HostArray qkv = HostArray::random(Dtype::kF32, B * T * 3 * H * C, 1);
    HostArray cosine(Dtype::kF32, S * C / 2), sine = cosine;
    for (std::int64_t i = 0; i < S * C / 2; ++i) {
      const double angle = static_cast<double>(i / (C / 2)) / (1.0 + static_cast<double>(i % 4));
      cosine.set(i, std::cos(angle));
      sine.set(i, std::sin(angle));
    }
    DecodeAttention shape;
    shape.B = B;
    shape.H = H;
    shape.C = C;
    shape.S = S;
    HostArray key(Dtype::kF32, B * H * S * C, 5.0), value = key;
    HostArray got(Dtype::kF32, B * T * H * C), step(Dtype::kF32, B * 3 * H * C);
    HostArray out(Dtype::kF32, B * H * C);
    for (std::int64_t t = 0; t < T; ++t) {
      // the second sequence is one position behind: its turn comes with a length of its own
      const std::vector<std::int32_t> length{static_cast<std::int32_t>(t),
                                             static_cast<std::int32_t>(t - 1)};
      for (std::int64_t b = 0; b < B; ++b) {
        const std::int64_t from = std::max<std::int64_t>(t - b, 0);
        for (std::int64_t i = 0; i < 3 * H * C; ++i) {
          step.set(b * 3 * H * C + i, qkv[(b * T + from) * 3 * H * C + i]);
        }
      }
      decode_attention_reference(shape,
                                 {step.data(),
                                  is_rotated ? cosine.floats() : nullptr,
                                  is_rotated ? sine.floats() : nullptr,
                                  length.data(),
                                  key.data(),
                                  value.data(),
                                  out.data()});
      for (std::int64_t b = 0; b < B; ++b) {
        if (t - b < 0) continue;
        for (std::int64_t i = 0; i < H * C; ++i) {
          got.set((b * T + t - b) * H * C + i, out[b * H * C + i]);
        }
      }
    }
    if (is_rotated) {
      rotary_reference(qkv.data(), Dtype::kF32, cosine.floats(), sine.floats(), B, T, H, C, false);
    }
    HostArray want(Dtype::kF32, B * T * H * C), stats(Dtype::kF32, B * H * T);
    attention_forward_reference(AttentionShape::packed(B, T, H, C),
                                Dtype::kF32,
                                AttentionInputs::packed(qkv.data(), H, C, Dtype::kF32),
                                want.data(),
                                stats.floats());
    for (std::int64_t i = 0; i < B * T * H * C; ++i) {
      const bool is_last = i / (H * C) == 2 * T - 1;  // its turn did not come
      EXPECT_NEAR(got[i], is_last ? got[i] : want[i], 1e-6) << i;
    }
  }
}

TEST(DecodeEmbeddingReference, AddsTheRowsOfTokenAndPosition) {
  constexpr std::int64_t D = 3, V = 5, S = 4;
  const HostArray table = HostArray::random(Dtype::kF32, V * D, 1);
  const HostArray position = HostArray::random(Dtype::kF32, S * D, 2);
  const std::vector<std::int32_t> token{4, 0, -1, 5}, length{3, 0, 1, 4};
  HostArray x(Dtype::kF32, 4 * D);
  decode_embedding_reference(
      {4, D, V, S, Dtype::kF32, Dtype::kF32},
      {token.data(), length.data(), table.data(), position.data(), x.data()});
  for (std::int64_t d = 0; d < D; ++d) {
    EXPECT_FLOAT_EQ(static_cast<float>(x[d]),
                    static_cast<float>(table[4 * D + d] + position[3 * D + d]));
    EXPECT_FLOAT_EQ(static_cast<float>(x[D + d]), static_cast<float>(table[d] + position[d]));
    EXPECT_EQ(x[2 * D + d], position[D + d]);
    EXPECT_EQ(x[3 * D + d], 0.0);
  }
}

/// Draws with seeds 0 … num_draws - 1; how often each token came.
std::vector<int> counts(const std::vector<float>& logits, const SampleSettings& settings) {
  constexpr int kDraws = 4000;
  std::vector<int> count(logits.size());
  for (std::uint64_t seed = 0; seed < kDraws; ++seed) {
    std::int64_t drawn = 0;
    std::int32_t token = -1;
    SampleToken shape;
    shape.M = 1;
    shape.V = shape.stride = std::ssize(logits);
    SampleTokenArguments args;
    args.logits = logits.data();
    args.settings = &settings;
    args.seed = &seed;
    args.num_drawn = &drawn;
    args.token = &token;
    sample_token_reference(shape, args);
    ++count.at(static_cast<std::size_t>(token));
  }
  return count;
}

std::vector<bool> possible(const std::vector<float>& logits, const SampleSettings& settings) {
  std::vector<bool> is_possible;
  for (const int count : counts(logits, settings)) is_possible.push_back(count > 0);
  return is_possible;
}

TEST(SampleTokenReference, KeepsWhatTheFiltersSay) {
  using Bools = std::vector<bool>;
  const std::vector<float> logits{0.0F, 1.0F, 1.0F, 0.5F, -1.0F};  // p 0.14 0.32 0.32 0.19 0.03…
  EXPECT_EQ(possible(logits, {}), Bools({true, true, true, true, true}));
  EXPECT_EQ(possible(logits, {0.0F}), Bools({false, true, false, false, false}));
  EXPECT_EQ(possible(logits, {1.0F, 1.0F, 0.0F, 1}), Bools({false, true, true, false, false}));
  EXPECT_EQ(possible(logits, {1.0F, 1.0F, 0.0F, 3}), Bools({false, true, true, true, false}));
  EXPECT_EQ(possible(logits, {1.0F, 0.6F}), Bools({false, true, true, false, false}));
  EXPECT_EQ(possible(logits, {1.0F, 0.65F}), Bools({false, true, true, true, false}));
  EXPECT_EQ(possible(logits, {1.0F, 0.1F}), Bools({false, true, false, false, false}));
  EXPECT_EQ(possible(logits, {1.0F, 1.0F, 0.3F}), Bools({true, true, true, true, false}));
  EXPECT_EQ(possible(logits, {1.0F, 1.0F, 0.5F}), Bools({false, true, true, true, false}));
}

TEST(SampleTokenReference, DrawsWithTheProbabilityOfTheSoftmax) {
  const std::vector<float> logits{0.0F, std::log(3.0F), std::log(6.0F)};
  const std::vector<int> count = counts(logits, {});
  EXPECT_NEAR(count[0] / 4000.0, 0.1, 0.02);
  EXPECT_NEAR(count[1] / 4000.0, 0.3, 0.03);
  const std::vector<int> sharp = counts(logits, {0.5F});
  EXPECT_NEAR(sharp[0] / 4000.0, 1.0 / 46.0, 0.01);
}

TEST(SampleTokenReference, WritesTheTokenAndItsEvidenceAndStepsOn) {
  const std::vector<float> logits{0.0F, 0.0F, 9.0F, 0.0F, 5.0F, 9.0F};  // two rows, one unused
  SampleToken shape;
  shape.M = 2;
  shape.V = 2;
  shape.stride = 3;
  shape.capacity = 4;
  SampleSettings settings;
  settings.temperature = 0.0F;
  const std::vector<std::uint64_t> seed{1, 2};
  std::vector<std::int64_t> drawn{1, 4};
  std::vector<std::int32_t> token{9, 9}, length{5, 6}, tokens(8, -1);
  std::vector<float> log_probability(8, 7.0F), entropy(8, 7.0F);
  sample_token_reference(shape,
                         {logits.data(),
                          &settings,
                          seed.data(),
                          drawn.data(),
                          token.data(),
                          length.data(),
                          tokens.data(),
                          log_probability.data(),
                          entropy.data()});
  EXPECT_EQ(token, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(drawn, (std::vector<std::int64_t>{2, 5}));
  EXPECT_EQ(length, (std::vector<std::int32_t>{6, 7}));
  EXPECT_EQ(tokens, (std::vector<std::int32_t>{-1, 0, -1, -1, -1, -1, -1, -1}));
  EXPECT_NEAR(log_probability[1], -std::log(2.0), 1e-6);
  EXPECT_NEAR(entropy[1], std::log(2.0), 1e-6);
  EXPECT_EQ(entropy[0], 7.0F);
}

}  // namespace
}  // namespace switchyard::kernels
