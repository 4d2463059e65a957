// Attention on the device against the host; skipped where no device answers.
#include "kernels/include/attention.h"

#include <array>
#include <iostream>

#include "tests/kernels/device_memory.h"

namespace switchyard::kernels {
namespace {

using Bytes = std::vector<unsigned char>;
using DeviceBytes = DeviceMemory<unsigned char>;

constexpr Dtype kBf16 = Dtype::kBf16;

class DeviceAttention : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_device()) GTEST_SKIP() << "no CUDA device answers";
  }
};

std::string text_of(const AttentionShape& s) {
  return "B=" + std::to_string(s.B) + " T=" + std::to_string(s.T) + " H=" + std::to_string(s.H) +
         " C=" + std::to_string(s.C) + (s.is_causal ? " causal" : " full") +
         (s.is_deterministic ? " deterministic" : "") +
         " dropout=" + std::to_string(s.dropout_frac);
}

std::int64_t out_size(const AttentionShape& s) {
  return s.B * s.T * s.H * s.C;
}

/// What both directions give.
struct Outcome {
  Numbers out, stats, dqkv;

  explicit Outcome(const AttentionShape& s)
      : out(out_size(s), kBf16),
        stats(s.B * s.H * s.T, Dtype::kF32),
        dqkv(3 * out_size(s), kBf16) {}
};

/// Runs both directions on packed buffers. The shape is prepared.
Outcome run(Attention& attention,
            const AttentionShape& s,
            const Numbers& qkv,
            const Numbers& dout,
            std::int64_t seed = 0,
            std::int64_t offset = 0) {
  const DeviceBytes dqkv_in(qkv.bytes()), ddout(dout.bytes());
  Outcome outcome(s);
  const DeviceBytes out(outcome.out.bytes().size()), dqkv(outcome.dqkv.bytes().size());
  const DeviceMemory<float> stats(static_cast<std::size_t>(s.B * s.H * s.T));
  const DeviceMemory<std::int64_t> random(std::vector<std::int64_t>{seed, offset});
  const DeviceBytes workspace(
      std::max(attention.forward_workspace_bytes(s), attention.backward_workspace_bytes(s)));
  const auto in = AttentionInputs::packed(dqkv_in.data(), s.H, s.C);
  KernelStatus status = attention.forward(
      s, in, out.data(), stats.data(), random.data(), random.data() + 1, workspace.data(), nullptr);
  EXPECT_TRUE(status.ok()) << status.message;
  status = attention.backward(s,
                              in,
                              out.data(),
                              stats.data(),
                              ddout.data(),
                              AttentionGradients::packed(dqkv.data(), s.H, s.C),
                              random.data(),
                              random.data() + 1,
                              workspace.data(),
                              nullptr);
  EXPECT_TRUE(status.ok()) << status.message;
  outcome.out.bytes() = out.values();
  outcome.dqkv.bytes() = dqkv.values();
  const std::vector<float> log_sums = stats.values();
  std::copy(log_sums.begin(), log_sums.end(), static_cast<float*>(outcome.stats.data()));
  return outcome;
}

/// Weights and their gradients are rounded to bf16 before they are multiplied: errors add up, so
/// that the mean square says more than the worst element.
void expect_close(const Numbers& got, const Numbers& want, const char* name) {
  SCOPED_TRACE(name);
  EXPECT_LE(worst_error(got, want, 2e-2, 4e-2), 1.0) << "largest error in allowances";
  double squares = 0.0;
  for (std::int64_t i = 0; i < want.size(); ++i) squares += want.get(i) * want.get(i);
  if (squares > 1e-4 * static_cast<double>(want.size())) {  // else it is all rounding
    EXPECT_LE(normalised_squared_error(got, want), 1e-3);
  }
}

struct Sizes {
  std::int64_t B, T, H, C;
};

constexpr Sizes kSizes[] = {
    {1, 1, 1, 8}, {2, 33, 2, 64}, {2, 128, 3, 64}, {1, 65, 2, 80}, {1, 256, 2, 128}};

TEST_F(DeviceAttention, EqualsTheReferenceInBothDirections) {
  Attention attention;
  for (const Sizes& size : kSizes) {
    for (int kind = 0; kind < 4; ++kind) {
      const AttentionShape s = AttentionShape::packed(
          size.B, size.T, size.H, size.C, 0.0F, (kind & 1) != 0, (kind & 2) == 0);
      SCOPED_TRACE(text_of(s));
      if (const KernelStatus status = attention.prepare(s); !status.ok()) {
        std::cout << "refused: " << status.message << "\n";
        // One position alone is no training shape; the others must run.
        EXPECT_EQ(s.T, 1) << status.message;
        continue;
      }
      const Numbers qkv = Numbers::normal(3 * out_size(s), kBf16, 11);
      const Numbers dout = Numbers::normal(out_size(s), kBf16, 12);
      const Outcome got = run(attention, s, qkv, dout);
      Outcome want(s);
      const auto in = AttentionInputs::packed(qkv.data(), s.H, s.C);
      auto* stats = static_cast<float*>(want.stats.data());
      attention_forward_reference(s, kBf16, in, want.out.data(), stats);
      attention_backward_reference(s,
                                   kBf16,
                                   in,
                                   want.out.data(),
                                   stats,
                                   dout.data(),
                                   AttentionGradients::packed(want.dqkv.data(), s.H, s.C));
      expect_close(got.out, want.out, "out");
      expect_close(got.dqkv, want.dqkv, "dqkv");
      EXPECT_LE(worst_error(got.stats, want.stats, 1e-3, 1e-4), 1.0) << "stats";
    }
  }
}

TEST_F(DeviceAttention, DeterministicBackwardRepeatsItsBits) {
  Attention attention;
  for (const Sizes& size : {Sizes{2, 128, 3, 64}, Sizes{2, 1024, 4, 64}}) {
    for (const float dropout_frac : {0.0F, 0.2F}) {
      const AttentionShape s =
          AttentionShape::packed(size.B, size.T, size.H, size.C, dropout_frac, true);
      SCOPED_TRACE(text_of(s));
      const KernelStatus status = attention.prepare(s);
      ASSERT_TRUE(status.ok()) << status.message;
      std::cout << "workspace: forward " << attention.forward_workspace_bytes(s) << ", backward "
                << attention.backward_workspace_bytes(s) << " bytes\n";
      const Numbers qkv = Numbers::normal(3 * out_size(s), kBf16, 21);
      const Numbers dout = Numbers::normal(out_size(s), kBf16, 22);
      const Outcome first = run(attention, s, qkv, dout, 3, 4);
      const Outcome second = run(attention, s, qkv, dout, 3, 4);
      EXPECT_EQ(first.out.bytes(), second.out.bytes());
      EXPECT_EQ(first.stats.bytes(), second.stats.bytes());
      EXPECT_EQ(first.dqkv.bytes(), second.dqkv.bytes());
    }
  }
}

// ---- dropout: with T = C, q = k = 0, v = dout = identity the weights can be read ----
constexpr float kDropped = 0.2F;

AttentionShape readable_shape(bool is_deterministic) {
  return AttentionShape::packed(3, 64, 4, 64, kDropped, is_deterministic);
}

struct ReadableInputs {
  Numbers qkv, dout;

  explicit ReadableInputs(const AttentionShape& s)
      : qkv(3 * out_size(s), kBf16), dout(out_size(s), kBf16) {
    reference::Elements v(qkv.data(), kBf16), g(dout.data(), kBf16);
    for (std::int64_t n = 0; n < s.B * s.T; ++n) {
      for (std::int64_t h = 0; h < s.H; ++h) {
        v.set((n * 3 + 2) * s.H * s.C + h * s.C + n % s.T, 1.0);
        g.set((n * s.H + h) * s.C + n % s.T, 1.0);
      }
    }
  }
};

/// Index of out[b, t, h, c].
std::int64_t out_at(
    const AttentionShape& s, std::int64_t b, std::int64_t t, std::int64_t h, std::int64_t c) {
  return ((b * s.T + t) * s.H + h) * s.C + c;
}

/// Index of qkv[b, t, part, h, c].
std::int64_t qkv_at(const AttentionShape& s,
                    std::int64_t b,
                    std::int64_t t,
                    std::int64_t part,
                    std::int64_t h,
                    std::int64_t c) {
  return (((b * s.T + t) * 3 + part) * s.H + h) * s.C + c;
}

template <typename Visit>
void for_each_weight(const AttentionShape& s, const Visit& visit) {
  for (std::int64_t b = 0; b < s.B; ++b) {
    for (std::int64_t h = 0; h < s.H; ++h) {
      for (std::int64_t t = 0; t < s.T; ++t) {
        for (std::int64_t u = 0; u <= t; ++u) visit(b, h, t, u);
      }
    }
  }
}

TEST_F(DeviceAttention, DropoutKeepsTheMeanAndBothDirectionsShareTheMask) {
  Attention attention;
  const AttentionShape s = readable_shape(false);
  const KernelStatus status = attention.prepare(s);
  ASSERT_TRUE(status.ok()) << status.message;
  const ReadableInputs in(s);
  const Outcome got = run(attention, s, in.qkv, in.dout, 7, 100);
  std::int64_t num_weights = 0, num_dropped = 0, num_other = 0;
  double sum_kept = 0.0;
  for_each_weight(s, [&](std::int64_t b, std::int64_t h, std::int64_t t, std::int64_t u) {
    const double weight = got.out.get(out_at(s, b, t, h, u));
    const double full = 1.0 / static_cast<double>(t + 1) / (1.0 - static_cast<double>(kDropped));
    ++num_weights;
    if (weight == 0.0) {
      ++num_dropped;
    } else {
      EXPECT_NEAR(weight, full, 0.01 * full) << b << " " << h << " " << t << " " << u;
    }
    sum_kept += weight * static_cast<double>(t + 1);
    // dv[u, t] is the same weight.
    const double back = got.dqkv.get(qkv_at(s, b, u, 2, h, t));
    if ((back == 0.0) != (weight == 0.0) || std::fabs(back - weight) > 0.02 * full) ++num_other;
  });
  EXPECT_EQ(num_other, 0) << "of " << num_weights << " weights differ between out and dv";
  const auto total = static_cast<double>(num_weights);  // 24,960: deviation 0.0025
  EXPECT_NEAR(static_cast<double>(num_dropped) / total, static_cast<double>(kDropped), 0.015);
  EXPECT_NEAR(sum_kept / total, 1.0, 0.02) << "the mean weight must not change";

  const Outcome same = run(attention, s, in.qkv, in.dout, 7, 100);
  EXPECT_EQ(same.out.bytes(), got.out.bytes());
  for (const std::array<std::int64_t, 2> other :
       {std::array<std::int64_t, 2>{8, 100}, std::array<std::int64_t, 2>{7, 4196}}) {
    const Outcome outcome = run(attention, s, in.qkv, in.dout, other[0], other[1]);
    std::int64_t num_equal = 0;
    for_each_weight(s, [&](std::int64_t b, std::int64_t h, std::int64_t t, std::int64_t u) {
      const std::int64_t i = out_at(s, b, t, h, u);
      num_equal += (outcome.out.get(i) == 0.0) == (got.out.get(i) == 0.0) ? 1 : 0;
    });
    // Independent masks agree in 0.8^2 + 0.2^2 = 0.68 of the places.
    EXPECT_NEAR(static_cast<double>(num_equal) / total, 0.68, 0.03) << other[0] << " " << other[1];
  }
}

/// Both directions in f64 with a known mask.
Outcome masked_reference(const AttentionShape& s,
                         const Numbers& qkv,
                         const Numbers& dout,
                         const Numbers& mask_source) {
  Outcome want(s);
  const double scale = 1.0 / std::sqrt(static_cast<double>(s.C));
  const double kept = 1.0 / (1.0 - static_cast<double>(s.dropout_frac));
  std::vector<double> dqkv(static_cast<std::size_t>(3 * out_size(s)), 0.0);
  reference::Elements out(want.out.data(), kBf16), rounded(want.dqkv.data(), kBf16);
  const auto C = static_cast<std::size_t>(s.C);
  for (std::int64_t b = 0; b < s.B; ++b) {
    for (std::int64_t h = 0; h < s.H; ++h) {
      for (std::int64_t t = 0; t < s.T; ++t) {
        std::vector<double> score(static_cast<std::size_t>(t + 1)), slope(score.size());
        std::vector<double> mixed(C, 0.0);
        double sum = 0.0, r = 0.0;
        for (std::int64_t u = 0; u <= t; ++u) {
          double& x = score[static_cast<std::size_t>(u)];
          for (std::int64_t c = 0; c < s.C; ++c) {
            x += scale * qkv.get(qkv_at(s, b, t, 0, h, c)) * qkv.get(qkv_at(s, b, u, 1, h, c));
          }
          x = std::exp(x);
          sum += x;
        }
        for (std::int64_t u = 0; u <= t; ++u) {
          const double p = score[static_cast<std::size_t>(u)] /= sum;
          const double m = mask_source.get(out_at(s, b, t, h, u)) != 0.0 ? kept : 0.0;
          for (std::int64_t c = 0; c < s.C; ++c) {
            const double g = dout.get(out_at(s, b, t, h, c));
            const double v = qkv.get(qkv_at(s, b, u, 2, h, c));
            mixed[static_cast<std::size_t>(c)] += p * m * v;
            slope[static_cast<std::size_t>(u)] += m * g * v;
            dqkv[static_cast<std::size_t>(qkv_at(s, b, u, 2, h, c))] += p * m * g;
          }
          r += p * slope[static_cast<std::size_t>(u)];
        }
        for (std::int64_t u = 0; u <= t; ++u) {
          const double ds =
              score[static_cast<std::size_t>(u)] * (slope[static_cast<std::size_t>(u)] - r) * scale;
          for (std::int64_t c = 0; c < s.C; ++c) {
            dqkv[static_cast<std::size_t>(qkv_at(s, b, t, 0, h, c))] +=
                ds * qkv.get(qkv_at(s, b, u, 1, h, c));
            dqkv[static_cast<std::size_t>(qkv_at(s, b, u, 1, h, c))] +=
                ds * qkv.get(qkv_at(s, b, t, 0, h, c));
          }
        }
        for (std::int64_t c = 0; c < s.C; ++c) {
          out.set(out_at(s, b, t, h, c), mixed[static_cast<std::size_t>(c)]);
        }
      }
    }
  }
  for (std::size_t i = 0; i < dqkv.size(); ++i) rounded.set(static_cast<std::int64_t>(i), dqkv[i]);
  return want;
}

TEST_F(DeviceAttention, DropoutGradientsEqualThoseOfTheMask) {
  Attention attention;
  for (const bool is_deterministic : {false, true}) {
    const AttentionShape s = readable_shape(is_deterministic);
    SCOPED_TRACE(text_of(s));
    const KernelStatus status = attention.prepare(s);
    ASSERT_TRUE(status.ok()) << status.message;
    const ReadableInputs readable(s);
    const Outcome mask = run(attention, s, readable.qkv, readable.dout, 5, 6);
    const Numbers qkv = Numbers::normal(3 * out_size(s), kBf16, 31);
    const Numbers dout = Numbers::normal(out_size(s), kBf16, 32);
    const Outcome got = run(attention, s, qkv, dout, 5, 6);
    const Outcome want = masked_reference(s, qkv, dout, mask.out);
    expect_close(got.out, want.out, "out");
    expect_close(got.dqkv, want.dqkv, "dqkv");
  }
}

TEST_F(DeviceAttention, TakesQueriesAndKeysFromAnotherBuffer) {
  Attention attention;
  const AttentionShape packed = AttentionShape::packed(2, 65, 2, 64, 0.0F, true);
  AttentionShape apart = packed;
  apart.q_row = apart.k_row = 2 * packed.H * packed.C;  // [B, T, 2, H, C]
  ASSERT_TRUE(attention.prepare(packed).ok());
  const KernelStatus prepared = attention.prepare(apart);
  ASSERT_TRUE(prepared.ok()) << prepared.message;
  const Numbers qkv = Numbers::normal(3 * out_size(packed), kBf16, 41);
  const Numbers dout = Numbers::normal(out_size(packed), kBf16, 42);
  const Outcome want = run(attention, packed, qkv, dout);

  const std::size_t part_bytes = static_cast<std::size_t>(packed.H * packed.C) * 2;
  Bytes qk;
  for (std::size_t n = 0; n < static_cast<std::size_t>(packed.B * packed.T); ++n) {
    const auto begin = qkv.bytes().begin() + static_cast<std::ptrdiff_t>(n * 3 * part_bytes);
    qk.insert(qk.end(), begin, begin + static_cast<std::ptrdiff_t>(2 * part_bytes));
  }
  const DeviceBytes dqk(qk), dqkv_in(qkv.bytes()), ddout(dout.bytes());
  const DeviceBytes out(want.out.bytes().size()), dqkv(want.dqkv.bytes().size());
  const DeviceMemory<float> stats(static_cast<std::size_t>(want.stats.size()));
  const DeviceBytes workspace(std::max(attention.forward_workspace_bytes(apart),
                                       attention.backward_workspace_bytes(apart)));
  const AttentionInputs in{
      dqk.data(), dqk.data() + part_bytes, AttentionInputs::packed(dqkv_in.data(), 2, 64).v};
  KernelStatus status = attention.forward(
      apart, in, out.data(), stats.data(), nullptr, nullptr, workspace.data(), nullptr);
  ASSERT_TRUE(status.ok()) << status.message;
  status = attention.backward(apart,
                              in,
                              out.data(),
                              stats.data(),
                              ddout.data(),
                              AttentionGradients::packed(dqkv.data(), 2, 64),
                              nullptr,
                              nullptr,
                              workspace.data(),
                              nullptr);
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(out.values(), want.out.bytes());
  EXPECT_EQ(dqkv.values(), want.dqkv.bytes());
}

TEST_F(DeviceAttention, ReplaysWithTheSeedThatIsOnTheDevice) {
  Attention attention;
  const AttentionShape s = readable_shape(true);
  ASSERT_TRUE(attention.prepare(s).ok());
  const ReadableInputs in(s);
  const Outcome first = run(attention, s, in.qkv, in.dout, 1, 0);
  const Outcome second = run(attention, s, in.qkv, in.dout, 2, 0);
  ASSERT_NE(first.out.bytes(), second.out.bytes());

  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  const DeviceBytes qkv(in.qkv.bytes()), dout(in.dout.bytes());
  const DeviceBytes out(first.out.bytes().size()), dqkv(first.dqkv.bytes().size());
  const DeviceMemory<float> stats(static_cast<std::size_t>(first.stats.size()));
  const DeviceMemory<std::int64_t> random(std::vector<std::int64_t>{1, 0});
  const DeviceBytes workspace(
      std::max(attention.forward_workspace_bytes(s), attention.backward_workspace_bytes(s)));
  const auto inputs = AttentionInputs::packed(qkv.data(), s.H, s.C);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  const KernelStatus forward = attention.forward(s,
                                                 inputs,
                                                 out.data(),
                                                 stats.data(),
                                                 random.data(),
                                                 random.data() + 1,
                                                 workspace.data(),
                                                 stream);
  const KernelStatus backward =
      attention.backward(s,
                         inputs,
                         out.data(),
                         stats.data(),
                         dout.data(),
                         AttentionGradients::packed(dqkv.data(), s.H, s.C),
                         random.data(),
                         random.data() + 1,
                         workspace.data(),
                         stream);
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  ASSERT_TRUE(forward.ok() && backward.ok());
  cudaGraphExec_t replay = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&replay, graph, 0), cudaSuccess);
  for (const std::int64_t seed : {1, 2}) {
    const Outcome& want = seed == 1 ? first : second;
    ASSERT_EQ(cudaMemcpy(random.data(), &seed, sizeof(seed), cudaMemcpyHostToDevice), cudaSuccess);
    ASSERT_EQ(cudaGraphLaunch(replay, stream), cudaSuccess);
    EXPECT_EQ(out.values(), want.out.bytes());
    EXPECT_EQ(dqkv.values(), want.dqkv.bytes());
  }
  cudaGraphExecDestroy(replay);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
}

TEST_F(DeviceAttention, RefusesInWords) {
  Attention attention;
  const AttentionShape odd = AttentionShape::packed(1, 8, 1, 12);
  EXPECT_FALSE(attention.prepare(odd).ok());
  const AttentionShape s = AttentionShape::packed(1, 64, 1, 64);
  const KernelStatus status = attention.forward(
      s, {nullptr, nullptr, nullptr}, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(std::string(status.message).find("not prepared"), std::string::npos);
  EXPECT_EQ(attention.forward_workspace_bytes(s), 0U);
}

}  // namespace
}  // namespace switchyard::kernels
