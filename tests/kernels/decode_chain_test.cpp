// Kernels of decoding in a row, started early and recorded as a graph, against the same ones one
// after another; skipped where no CUDA device answers.
#include "kernels/include/decode_attention.h"
#include "kernels/include/decode_embedding.h"
#include "kernels/include/decode_linear.h"
#include "kernels/include/sample_token.h"
#include "tests/kernels/device_array.h"

namespace switchyard::kernels {
namespace {

constexpr Dtype kF32 = Dtype::kF32;
constexpr Dtype kBf16 = Dtype::kBf16;
constexpr std::int64_t kLayers = 3, D = 256, H = 4, C = 64, F = 1024, V = 3000, S = 600;
constexpr int kNumSteps = 40;

DeviceCopy weights(std::int64_t size, std::uint32_t seed, double spread = 0.06) {
  return DeviceCopy(HostArray::random(kBf16, size, seed, spread));
}

/// A small model with what it remembers; a step reads one token per sequence and draws the next.
class Chain {
 public:
  explicit Chain(std::int64_t num_rows)
      : M(num_rows),
        stream(HostArray(kF32, M * D)),
        qkv(HostArray(kBf16, M * 3 * D)),
        mixed(HostArray(kBf16, M * D)),
        hidden(HostArray(kBf16, M * F)),
        logits(HostArray(kF32, M * V)),
        keys(HostArray(kBf16, kLayers * M * S * D)),
        values(HostArray(kBf16, kLayers * M * S * D)),
        token(std::vector<std::int32_t>(static_cast<std::size_t>(M), 5)),
        length(lengths(M)),
        drawn(std::vector<std::int64_t>(static_cast<std::size_t>(M), 0)),
        seed(std::vector<std::uint64_t>(static_cast<std::size_t>(M), 11)),
        tokens(std::vector<std::int32_t>(static_cast<std::size_t>(M * kNumSteps), -1)) {}

  KernelStatus step(bool may_overlap, cudaStream_t on) {
    const auto layer_at = [](const DeviceCopy& all, std::int64_t i, std::int64_t size) {
      return static_cast<void*>(static_cast<char*>(all.data()) + i * size * 2);
    };
    KernelStatus status = decode_embedding_cuda(
        {M, D, V, S, kBf16, kF32, may_overlap},
        {token.data(), length.data(), table.data(), position.data(), stream.data()},
        on);
    const auto then = [&](const KernelStatus& next) {
      if (status.ok()) status = next;
    };
    const auto linear = [&](std::int64_t N, std::int64_t K, Dtype in, Dtype out) {
      DecodeLinear shape;
      shape.M = M;
      shape.N = N;
      shape.K = K;
      shape.weight_dtype = kBf16;
      shape.in_dtype = in;
      shape.out_dtype = out;
      shape.may_overlap = may_overlap;
      return shape;
    };
    for (std::int64_t i = 0; i < kLayers; ++i) {
      DecodeLinearArguments args;
      args.x = stream.data();
      args.norm_weight = scale.floats();
      args.weight = layer_at(qkv_weight, i, 3 * D * D);
      args.y = qkv.data();
      then(decode_linear_cuda(linear(3 * D, D, kF32, kBf16), args, on));
      then(decode_attention_cuda({M, H, C, S, S, kBf16, may_overlap},
                                 {qkv.data(),
                                  nullptr,
                                  nullptr,
                                  length.data(),
                                  layer_at(keys, i, M * S * D),
                                  layer_at(values, i, M * S * D),
                                  mixed.data()},
                                 on));
      args = {};
      args.x = mixed.data();
      args.weight = layer_at(output_weight, i, D * D);
      args.residual = args.y = stream.data();
      then(decode_linear_cuda(linear(D, D, kBf16, kF32), args, on));
      args = {};
      args.x = stream.data();
      args.norm_weight = scale.floats();
      args.weight = layer_at(up_weight, i, F * D);
      args.y = hidden.data();
      DecodeLinear up = linear(F, D, kF32, kBf16);
      up.activation = DecodeActivation::kGeluTanh;
      then(decode_linear_cuda(up, args, on));
      args = {};
      args.x = hidden.data();
      args.weight = layer_at(down_weight, i, F * D);
      args.residual = args.y = stream.data();
      then(decode_linear_cuda(linear(D, F, kBf16, kF32), args, on));
    }
    DecodeLinearArguments args;
    args.x = stream.data();
    args.norm_weight = scale.floats();
    args.weight = table.data();
    args.y = logits.data();
    then(decode_linear_cuda(linear(V, D, kF32, kF32), args, on));
    SampleTokenArguments sample;
    sample.logits = logits.floats();
    sample.settings = settings.data();
    sample.seed = seed.data();
    sample.num_drawn = drawn.data();
    sample.token = token.data();
    sample.length = length.data();
    sample.tokens = tokens.data();
    then(sample_token_cuda({M, V, V, kNumSteps, may_overlap}, sample, on));
    return status;
  }

  std::int64_t M;
  DeviceCopy table = weights(V * D, 1, 0.3), position = weights(S * D, 2, 0.3);
  DeviceCopy qkv_weight = weights(kLayers * 3 * D * D, 3);
  DeviceCopy output_weight = weights(kLayers * D * D, 4);
  DeviceCopy up_weight = weights(kLayers * F * D, 5), down_weight = weights(kLayers * F * D, 6);
  DeviceCopy scale{HostArray(kF32, D, 1.0)};
  DeviceCopy stream, qkv, mixed, hidden, logits, keys, values;
  DeviceArray<std::int32_t> token, length;
  DeviceArray<std::int64_t> drawn;
  DeviceArray<std::uint64_t> seed;
  DeviceArray<std::int32_t> tokens;
  DeviceArray<SampleSettings> settings{{SampleSettings{0.8F, 1.0F, 0.0F, 200}}};

 private:
  static std::vector<std::int32_t> lengths(std::int64_t num_rows) {
    std::vector<std::int32_t> all;
    for (std::int64_t m = 0; m < num_rows; ++m) all.push_back(static_cast<std::int32_t>(7 * m));
    return all;
  }
};

void expect_same(const Chain& got, const Chain& want) {
  EXPECT_EQ(got.tokens.values(), want.tokens.values());
  EXPECT_EQ(got.length.values(), want.length.values());
  EXPECT_TRUE(got.logits.values() == want.logits.values()) << "logits";
  EXPECT_TRUE(got.keys.values() == want.keys.values()) << "keys";
  EXPECT_TRUE(got.values.values() == want.values.values()) << "values";
}

TEST_F(Device, DecodingStartedEarlyAndRecordedHasTheBitsOfOneKernelAfterAnother) {
  for (const std::int64_t M : {1, 16}) {
    SCOPED_TRACE(std::to_string(M) + " rows");
    cudaStream_t stream = nullptr;
    ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
    Chain one_by_one(M), early(M), recorded(M);
    for (int i = 0; i < kNumSteps; ++i) {
      ASSERT_TRUE(launched(one_by_one.step(false, stream)));
    }
    for (int i = 0; i < kNumSteps; ++i) {
      const KernelStatus status = early.step(true, stream);
      ASSERT_TRUE(status.ok()) << status.message;
    }
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    expect_same(early, one_by_one);

    cudaGraph_t graph = nullptr;
    cudaGraphExec_t program = nullptr;
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    const KernelStatus status = recorded.step(true, stream);
    ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    ASSERT_TRUE(status.ok()) << status.message;
    ASSERT_EQ(cudaGraphInstantiate(&program, graph, 0), cudaSuccess);
    for (int i = 0; i < kNumSteps; ++i) ASSERT_EQ(cudaGraphLaunch(program, stream), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    expect_same(recorded, one_by_one);
    cudaGraphExecDestroy(program);
    cudaGraphDestroy(graph);
    cudaStreamDestroy(stream);
  }
}

}  // namespace
}  // namespace switchyard::kernels
