// Attention of short sequences on the device against the host; skipped where no device answers.
#include <string>

#include "kernels/include/short_attention.h"
#include "tests/kernels/device_memory.h"

namespace switchyard::kernels {
namespace {

using Bytes = DeviceMemory<unsigned char>;

constexpr Dtype kBf16 = Dtype::kBf16;
constexpr std::int64_t kSeed = 0x1234'5678'9ABC, kOffset = 77;

class DeviceShortAttention : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_device()) GTEST_SKIP() << "no CUDA device answers";
  }
};

std::string text_of(const AttentionShape& s) {
  return "B=" + std::to_string(s.B) + " T=" + std::to_string(s.T) + " H=" + std::to_string(s.H) +
         " C=" + std::to_string(s.C) + " dropout=" + std::to_string(s.dropout_frac);
}

std::int64_t out_size(const AttentionShape& s) {
  return s.B * s.T * s.H * s.C;
}

/// What goes in: queries, keys and values and the gradient of the result.
struct Given {
  Numbers qkv, dout;

  /// `deviation` of queries, keys and values: a large one makes one weight of a row near 1.
  explicit Given(const AttentionShape& s, float deviation = 1.0F)
      : qkv(Numbers::normal(3 * out_size(s), kBf16, 11, deviation)),
        dout(Numbers::normal(out_size(s), kBf16, 12)) {}
};

struct Outcome {
  Numbers out, stats, dqkv;

  explicit Outcome(const AttentionShape& s)
      : out(out_size(s), kBf16),
        stats(s.B * s.H * s.T, Dtype::kF32),
        dqkv(3 * out_size(s), kBf16) {}
};

Outcome reference_of(const AttentionShape& s, const Given& given) {
  Outcome want(s);
  auto* const stats = static_cast<float*>(want.stats.data());
  const auto in = AttentionInputs::packed(given.qkv.data(), s.H, s.C);
  short_attention_reference(s, kBf16, {in, want.out.data(), stats, &kSeed, &kOffset});
  short_attention_backward_reference(s,
                                     kBf16,
                                     {in,
                                      want.out.data(),
                                      stats,
                                      given.dout.data(),
                                      AttentionGradients::packed(want.dqkv.data(), s.H, s.C),
                                      &kSeed,
                                      &kOffset});
  return want;
}

/// A copy of numbers on the device between bytes that must not change.
class Guarded {
 public:
  explicit Guarded(const Numbers& numbers) : memory_(with_guards(numbers)) {}

  [[nodiscard]] unsigned char* data() const { return memory_.data() + kGuardBytes; }

  void read(Numbers* into) const {
    const std::vector<unsigned char> bytes = memory_.values();
    const auto begin = bytes.begin() + kGuardBytes;
    into->bytes().assign(begin, bytes.end() - kGuardBytes);
    EXPECT_EQ(bytes, with_guards(*into)) << "memory beside a tensor was written";
  }

 private:
  static constexpr std::ptrdiff_t kGuardBytes = 256;

  static std::vector<unsigned char> with_guards(const Numbers& numbers) {
    std::vector<unsigned char> bytes(numbers.bytes().size() + 2 * kGuardBytes, 0x5A);
    std::copy(numbers.bytes().begin(), numbers.bytes().end(), bytes.begin() + kGuardBytes);
    return bytes;
  }

  DeviceMemory<unsigned char> memory_;
};

Outcome device_of(const AttentionShape& s, const Given& given, bool keeps_mask) {
  Outcome got(s);
  const Guarded qkv(given.qkv), dout(given.dout);
  const Guarded out(got.out), stats(got.stats), dqkv(got.dqkv);
  const DeviceMemory<std::int64_t> random(std::vector<std::int64_t>{kSeed, kOffset});
  const Bytes mask(short_attention_mask_bytes(s));
  std::uint8_t* const mask_at = keeps_mask ? mask.data() : nullptr;
  const auto in = AttentionInputs::packed(qkv.data(), s.H, s.C);
  auto* const stats_at = reinterpret_cast<float*>(stats.data());
  KernelStatus status = short_attention_cuda(
      s, {in, out.data(), stats_at, random.data(), random.data() + 1, mask_at}, nullptr);
  EXPECT_TRUE(status.ok()) << status.message;
  status = short_attention_backward_cuda(s,
                                         {in,
                                          out.data(),
                                          stats_at,
                                          dout.data(),
                                          AttentionGradients::packed(dqkv.data(), s.H, s.C),
                                          random.data(),
                                          random.data() + 1,
                                          mask_at},
                                         nullptr);
  EXPECT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  out.read(&got.out);
  stats.read(&got.stats);
  dqkv.read(&got.dqkv);
  return got;
}

/// Weights and slopes are rounded to bf16 before they are multiplied: errors add up, so that the
/// mean square says more than the worst element.
void expect_close(const Numbers& got, const Numbers& want, double absolute, const char* name) {
  SCOPED_TRACE(name);
  EXPECT_LE(worst_error(got, want, absolute, 4e-2), 1.0) << "largest error in allowances";
  double squares = 0.0;
  for (std::int64_t i = 0; i < want.size(); ++i) squares += want.get(i) * want.get(i);
  if (squares > 1e-4 * static_cast<double>(want.size())) {  // else it is all rounding
    EXPECT_LE(normalised_squared_error(got, want), 1e-3);
  }
}

void expect_agreement(const AttentionShape& s, const Given& given, double absolute) {
  const Outcome want = reference_of(s, given);
  for (const bool keeps_mask : {false, true}) {
    SCOPED_TRACE(text_of(s) + (keeps_mask ? ", mask kept" : ", mask drawn again"));
    const Outcome got = device_of(s, given, keeps_mask);
    expect_close(got.out, want.out, absolute, "out");
    expect_close(got.dqkv, want.dqkv, absolute, "dqkv");
    EXPECT_LE(worst_error(got.stats, want.stats, 1e-3, 1e-4), 1.0) << "stats";
  }
}

TEST_F(DeviceShortAttention, EqualsTheReferenceInBothDirections) {
  for (const std::int64_t T : {1, 2, 15, 16, 17, 33, 64, 77, 128, 200, 255, 256}) {
    for (const float dropout_frac : {0.0F, 0.2F}) {
      const AttentionShape s = AttentionShape::packed(2, T, 3, 64, dropout_frac);
      expect_agreement(s, Given(s), 2e-2);
    }
  }
}

TEST_F(DeviceShortAttention, TakesNarrowHeads) {
  for (const std::int64_t T : {1, 40, 130, 256}) {
    for (const float dropout_frac : {0.0F, 0.5F}) {
      const AttentionShape s = AttentionShape::packed(1, T, 3, 32, dropout_frac);
      expect_agreement(s, Given(s), 2e-2);
    }
  }
}

/// Scores with a deviation of 16: one weight of a row is nearly 1, the others vanish.
TEST_F(DeviceShortAttention, HoldsWithPeakedWeights) {
  for (const std::int64_t T : {77, 256}) {
    for (const float dropout_frac : {0.0F, 0.2F}) {
      const AttentionShape s = AttentionShape::packed(1, T, 2, 64, dropout_frac);
      expect_agreement(s, Given(s, 4.0F), 0.5);
    }
  }
}

TEST_F(DeviceShortAttention, RepeatsItsBits) {
  for (const float dropout_frac : {0.0F, 0.2F}) {
    const AttentionShape s = AttentionShape::packed(3, 250, 2, 64, dropout_frac);
    SCOPED_TRACE(text_of(s));
    const Given given(s);
    const Outcome first = device_of(s, given, true);
    for (const bool keeps_mask : {true, false}) {
      const Outcome again = device_of(s, given, keeps_mask);
      EXPECT_EQ(again.out.bytes(), first.out.bytes());
      EXPECT_EQ(again.stats.bytes(), first.stats.bytes());
      EXPECT_EQ(again.dqkv.bytes(), first.dqkv.bytes());
    }
  }
}

/// Rows further apart than a packed buffer's, and between tensors.
TEST_F(DeviceShortAttention, TakesTensorsOfOtherStrides) {
  const AttentionShape packed = AttentionShape::packed(2, 50, 2, 64, 0.2F);
  const std::int64_t D = packed.H * packed.C, num_rows = packed.B * packed.T;
  AttentionShape apart = packed;
  apart.q_row = apart.k_row = apart.v_row = apart.out_row = D + 8;
  apart.dq_row = apart.dk_row = apart.dv_row = D + 16;
  const Given given(packed);
  const Outcome want = device_of(packed, given, false);
  const auto spread = [&](const Numbers& from, std::int64_t part, std::int64_t parts) {
    Numbers to(num_rows * (D + 8), kBf16);
    for (std::int64_t n = 0; n < num_rows; ++n) {
      std::copy_n(from.bytes().begin() + (n * parts + part) * D * 2,
                  D * 2,
                  to.bytes().begin() + n * (D + 8) * 2);
    }
    return to;
  };
  const Guarded q(spread(given.qkv, 0, 3)), k(spread(given.qkv, 1, 3)), v(spread(given.qkv, 2, 3));
  const Guarded dout(spread(given.dout, 0, 1)), out(Numbers(num_rows * (D + 8), kBf16));
  Numbers gradient(num_rows * (D + 16), kBf16);
  const Guarded dq(gradient), dk(gradient), dv(gradient);
  const DeviceMemory<float> stats(static_cast<std::size_t>(want.stats.size()));
  const DeviceMemory<std::int64_t> random(std::vector<std::int64_t>{kSeed, kOffset});
  const AttentionInputs in{q.data(), k.data(), v.data()};
  KernelStatus status = short_attention_cuda(
      apart, {in, out.data(), stats.data(), random.data(), random.data() + 1}, nullptr);
  ASSERT_TRUE(status.ok()) << status.message;
  status = short_attention_backward_cuda(apart,
                                         {in,
                                          out.data(),
                                          stats.data(),
                                          dout.data(),
                                          {dq.data(), dk.data(), dv.data()},
                                          random.data(),
                                          random.data() + 1},
                                         nullptr);
  ASSERT_TRUE(status.ok()) << status.message;
  std::int64_t part = 0;
  for (const Guarded* tensor : {&dq, &dk, &dv}) {
    tensor->read(&gradient);
    std::int64_t num_other = 0;
    for (std::int64_t n = 0; n < num_rows; ++n) {
      for (std::int64_t c = 0; c < D; ++c) {
        const double wanted = want.dqkv.get((n * 3 + part) * D + c);
        num_other += gradient.get(n * (D + 16) + c) == wanted ? 0 : 1;
      }
    }
    EXPECT_EQ(num_other, 0) << "elements of part " << part;
    ++part;
  }
}

TEST_F(DeviceShortAttention, RefusesInWords) {
  const AttentionShape s = AttentionShape::packed(1, 16, 1, 64, 0.2F);
  const Bytes memory(1 << 16);
  const auto in = AttentionInputs::packed(memory.data(), 1, 64);
  auto* const stats = reinterpret_cast<float*>(memory.data());
  const auto* const random = reinterpret_cast<const std::int64_t*>(memory.data());
  const auto message = [](const KernelStatus& status) {
    return std::string(status.ok() ? "" : status.message);
  };
  EXPECT_NE(message(short_attention_cuda(s, {in, memory.data(), stats}, nullptr)).find("seed"),
            std::string::npos);
  EXPECT_NE(
      message(short_attention_cuda(s, {in, memory.data() + 2, stats, random, random}, nullptr))
          .find("16 bytes"),
      std::string::npos);
  EXPECT_NE(message(short_attention_backward_cuda(
                        s, {in, memory.data(), stats, memory.data(), {}, random, random}, nullptr))
                .find("null"),
            std::string::npos);
  AttentionShape wide = s;
  wide.T = 257;
  EXPECT_NE(message(short_attention_cuda(wide, {in, memory.data(), stats, random, random}, nullptr))
                .find("256"),
            std::string::npos);
  const AttentionShape empty = AttentionShape::packed(0, 16, 1, 64, 0.2F);
  EXPECT_TRUE(short_attention_cuda(empty, {}, nullptr).ok());
  EXPECT_TRUE(short_attention_backward_cuda(empty, {}, nullptr).ok());
}

}  // namespace
}  // namespace switchyard::kernels
