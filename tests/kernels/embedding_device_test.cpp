// The device against the host reference; skipped where no CUDA device answers.
#include "kernels/include/embedding.h"
#include "tests/kernels/device_array.h"

namespace switchyard::kernels {
namespace {

constexpr Dtype kF32 = Dtype::kF32;

enum class Spread { kEven, kSkewed, kOne, kOutside };

struct Case {
  std::int64_t N, T, D, V;
  Spread spread;

  [[nodiscard]] std::string text() const {
    return std::to_string(N) + " tokens in sequences of " + std::to_string(T) + ", " +
           std::to_string(D) + " wide, table of " + std::to_string(V);
  }

  [[nodiscard]] std::vector<std::int64_t> tokens() const {
    std::mt19937 random(static_cast<std::uint32_t>(N + V));
    std::vector<std::int64_t> tokens(static_cast<std::size_t>(N));
    for (std::int64_t& token : tokens) {
      token = static_cast<std::int64_t>(random()) % V;
      if (spread == Spread::kOne || (spread == Spread::kSkewed && random() % 4 != 0)) token = V / 2;
      if (spread == Spread::kOutside) token += static_cast<std::int64_t>(random() % 3) - 1;
    }
    return tokens;
  }
};

constexpr Case kCases[] = {{0, 4, 8, 5, Spread::kEven},
                           {1, 1, 1, 1, Spread::kEven},
                           {31, 8, 7, 3, Spread::kOutside},
                           {32, 8, 8, 65, Spread::kEven},
                           {33, 8, 20, 65, Spread::kSkewed},
                           {64, 64, 4, 2, Spread::kOne},
                           {1000, 32, 384, 65, Spread::kEven},
                           {4097, 256, 100, 65, Spread::kSkewed},
                           {4097, 256, 33, 128, Spread::kOutside},
                           {4097, 64, 64, 129, Spread::kOutside},
                           {1000, 100, 768, 1000, Spread::kEven},
                           {4097, 1024, 384, 50304, Spread::kSkewed},
                           {4097, 4096, 33, 257, Spread::kOne},
                           {1000, 1000, 1032, 64, Spread::kSkewed},
                           {131200, 1024, 4, 65, Spread::kSkewed},
                           {16384, 256, 8, 65, Spread::kEven}};

/// Both sides with the same numbers; `offset` takes every array off its alignment.
void expect_same(const Case& c, const TypePair& types, float dropout, float beta, int offset) {
  SCOPED_TRACE(c.text() + ", " + types.text() + ", dropout " + std::to_string(dropout) + ", beta " +
               std::to_string(beta) + ", offset " + std::to_string(offset));
  const Embedding shape{.N = c.N,
                        .T = c.T,
                        .D = c.D,
                        .V = c.V,
                        .stream_dtype = types.stream,
                        .compute_dtype = types.compute,
                        .dropout = dropout,
                        .site = 21};
  const std::vector<std::int64_t> tokens = c.tokens();
  const DeviceArray<std::int64_t> device_tokens(tokens);
  const StepState state{.seed = 5, .step = 1'000'000};
  const DeviceArray<StepState> device_state(std::vector<StepState>{state});
  constexpr std::int64_t kBegin = 3;
  const bool has_position = beta != 0.0F || offset == 0;

  const HostArray table = HostArray::random(types.compute, c.V * c.D, 1);
  const HostArray position = HostArray::random(types.compute, (c.T + kBegin) * c.D, 2);
  HostArray x(types.stream, c.N * c.D, 9.0);
  const DeviceCopy table_(table, offset), position_(position, offset), x_(x, offset);
  ASSERT_TRUE(launched(embedding_cuda(shape,
                                      {.tokens = device_tokens.data(),
                                       .table = table_.data(),
                                       .position = has_position ? position_.data() : nullptr,
                                       .begin = kBegin,
                                       .state = dropout > 0.0F ? device_state.data() : nullptr,
                                       .x = x_.data()},
                                      nullptr)));
  embedding_reference(shape,
                      {.tokens = tokens.data(),
                       .table = table.data(),
                       .position = has_position ? position.data() : nullptr,
                       .begin = kBegin,
                       .state = &state,
                       .x = x.data()});
  EXPECT_TRUE(agrees(x_, x)) << "x";

  const HostArray dx = HostArray::random(types.stream, c.N * c.D, 3);
  HostArray dtable(kF32, c.V * c.D, 0.5), dposition(kF32, c.T * c.D, 0.5);
  const DeviceCopy dx_(dx, offset), dtable_(dtable, offset), dposition_(dposition, offset);
  const Scratch workspace(embedding_workspace_bytes(c.N, c.D, c.V));
  ASSERT_TRUE(
      launched(embedding_backward_cuda(shape,
                                       {.tokens = device_tokens.data(),
                                        .dx = dx_.data(),
                                        .state = dropout > 0.0F ? device_state.data() : nullptr,
                                        .dtable = dtable_.floats(),
                                        .beta_table = beta,
                                        .dposition = has_position ? dposition_.floats() : nullptr,
                                        .beta_position = 1.0F - beta,
                                        .workspace = workspace.data()},
                                       nullptr)));
  embedding_backward_reference(shape,
                               {.tokens = tokens.data(),
                                .dx = dx.data(),
                                .state = &state,
                                .dtable = dtable.floats(),
                                .beta_table = beta,
                                .dposition = has_position ? dposition.floats() : nullptr,
                                .beta_position = 1.0F - beta});
  EXPECT_TRUE(agrees(dtable_, dtable)) << "dtable";
  EXPECT_TRUE(agrees(dposition_, dposition)) << "dposition";
}

TEST_F(Device, EmbeddingEqualsTheReference) {
  for (const Case& c : kCases) {
    for (const TypePair& types : kTypePairs) {
      expect_same(c, types, 0.0F, 0.0F, 0);
      expect_same(c, types, 0.2F, 1.0F, 0);
      if (c.D <= 100) expect_same(c, types, 0.2F, 0.0F, 1);
    }
  }
}

TEST_F(Device, EmbeddingGradientIsTheSameTwice) {
  for (const std::int64_t V : {65, 50304}) {
    const Case c{4097, 256, 64, V, Spread::kSkewed};
    const DeviceArray<std::int64_t> tokens(c.tokens());
    const DeviceCopy dx(HostArray::random(Dtype::kBf16, c.N * c.D, 3));
    const DeviceCopy first(HostArray(kF32, V * c.D)), second(HostArray(kF32, V * c.D, 4.0));
    const Scratch workspace(embedding_workspace_bytes(c.N, c.D, V));
    for (const DeviceCopy* dtable : {&first, &second}) {
      ASSERT_TRUE(launched(embedding_backward_cuda({.N = c.N,
                                                    .T = c.T,
                                                    .D = c.D,
                                                    .V = V,
                                                    .stream_dtype = Dtype::kBf16,
                                                    .compute_dtype = Dtype::kBf16},
                                                   {.tokens = tokens.data(),
                                                    .dx = dx.data(),
                                                    .dtable = dtable->floats(),
                                                    .workspace = workspace.data()},
                                                   nullptr)));
    }
    EXPECT_EQ(first.values(), second.values());
  }
}

TEST(Launcher, RefusesEmbeddingsInWords) {
  const EmbeddingForward forward{};
  EXPECT_FALSE(embedding_cuda({.N = 1, .D = 8, .V = 0}, forward, nullptr).ok());
  EXPECT_FALSE(embedding_cuda({.N = 1, .D = 0, .V = 8}, forward, nullptr).ok());
  EXPECT_FALSE(embedding_cuda({.N = 1, .D = 8, .V = 8, .dropout = 0.5F}, forward, nullptr).ok());
  HostArray dtable(kF32, 8);
  EXPECT_FALSE(
      embedding_backward_cuda({.N = 1, .D = 8, .V = 1}, {.dtable = dtable.floats()}, nullptr).ok());
}

}  // namespace
}  // namespace switchyard::kernels
