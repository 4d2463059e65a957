// The host reference against the definition, element by element.
#include "kernels/include/embedding.h"

#include <gtest/gtest.h>

#include "kernels/include/philox.h"
#include "tests/kernels/host_array.h"

namespace switchyard::kernels {
namespace {

constexpr std::int64_t kTokens[] = {2, 0, 2, 4, -1, 5, 2};  // the fifth and sixth are no rows
constexpr std::int64_t kN = 7;
constexpr std::int64_t kT = 3;
constexpr std::int64_t kD = 2;
constexpr std::int64_t kV = 5;
constexpr std::int64_t kBegin = 1;
constexpr std::uint32_t kSite = 8;
constexpr StepState kState{.seed = 21, .step = 3, .learning_rate = 0.0F};

double factor(float dropout, std::int64_t i) {
  const std::uint32_t number =
      philox_number(kState.seed, kState.step, kSite, static_cast<std::uint64_t>(i));
  const std::uint32_t threshold = dropout_threshold(dropout);
  return number >= threshold ? dropout_scale(threshold) : 0.0;
}

class EmbeddingReference : public ::testing::TestWithParam<float> {
 protected:
  [[nodiscard]] Embedding shape() const {
    return {.N = kN, .T = kT, .D = kD, .V = kV, .dropout = GetParam(), .site = kSite};
  }
};

TEST_P(EmbeddingReference, AddsRowAndPosition) {
  const HostArray table = HostArray::random(Dtype::kF32, kV * kD, 1);
  const HostArray position = HostArray::random(Dtype::kF32, (kT + kBegin) * kD, 2);
  HostArray x(Dtype::kF32, kN * kD);
  embedding_reference(shape(),
                      {.tokens = kTokens,
                       .table = table.data(),
                       .position = position.data(),
                       .begin = kBegin,
                       .state = &kState,
                       .x = x.data()});
  for (std::int64_t n = 0; n < kN; ++n) {
    for (std::int64_t d = 0; d < kD; ++d) {
      const bool is_row = kTokens[n] >= 0 && kTokens[n] < kV;
      const double row = is_row ? table[kTokens[n] * kD + d] : 0.0;
      const double want = row + position[(n % kT + kBegin) * kD + d];
      EXPECT_NEAR(x[n * kD + d], factor(GetParam(), n * kD + d) * want, 1e-6);
    }
  }
}

TEST_P(EmbeddingReference, SumsGradientsByTokenAndByPosition) {
  const HostArray dx = HostArray::random(Dtype::kF32, kN * kD, 3);
  for (const float beta : {0.0F, 1.0F}) {
    HostArray dtable(Dtype::kF32, kV * kD, 0.5), dposition(Dtype::kF32, kT * kD, 0.5);
    embedding_backward_reference(shape(),
                                 {.tokens = kTokens,
                                  .dx = dx.data(),
                                  .state = &kState,
                                  .dtable = dtable.floats(),
                                  .beta_table = beta,
                                  .dposition = dposition.floats(),
                                  .beta_position = beta});
    for (std::int64_t d = 0; d < kD; ++d) {
      for (std::int64_t v = 0; v < kV; ++v) {
        double want = 0.5 * static_cast<double>(beta);
        for (std::int64_t n = 0; n < kN; ++n) {
          if (kTokens[n] == v) want += factor(GetParam(), n * kD + d) * dx[n * kD + d];
        }
        EXPECT_NEAR(dtable[v * kD + d], want, 1e-6);
      }
      for (std::int64_t t = 0; t < kT; ++t) {
        double want = 0.5 * static_cast<double>(beta);
        for (std::int64_t n = t; n < kN; n += kT) {
          want += factor(GetParam(), n * kD + d) * dx[n * kD + d];
        }
        EXPECT_NEAR(dposition[t * kD + d], want, 1e-6);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Dropout, EmbeddingReference, ::testing::Values(0.0F, 0.3F));

}  // namespace
}  // namespace switchyard::kernels
