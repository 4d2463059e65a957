// Times of products, attention and copies at training shapes, and of decoding: one JSON line per
// case on stdout. Nothing here asserts; a case that cannot run says why on stderr.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>

#include "kernels/bench/measure.h"
#include "kernels/include/attention.h"
#include "kernels/include/decode_attention.h"
#include "kernels/include/decode_linear.h"
#include "kernels/include/product.h"
#include "kernels/include/rotary.h"
#include "kernels/include/sample_token.h"
#include "kernels/include/short_attention.h"

namespace switchyard::kernels {
namespace {

struct ProductCase {
  std::string name;
  ProductShape shape;
};

constexpr auto kBf16 = Dtype::kBf16;
constexpr auto kF32 = Dtype::kF32;

/// Forward, gradient of x and gradient of the weight of one linear layer over N tokens.
void add_linear(std::vector<ProductCase>* cases,
                const std::string& name,
                std::int64_t N,
                std::int64_t in,
                std::int64_t out) {
  cases->push_back(
      {name + ".forward", ProductShape::packed(N, out, in, false, true, kBf16, kBf16)});
  cases->push_back({name + ".dx", ProductShape::packed(N, in, out, false, false, kBf16, kBf16)});
  cases->push_back(
      {name + ".dw", ProductShape::packed(out, in, N, true, false, kBf16, kF32, true)});
}

std::vector<ProductCase> product_cases() {
  std::vector<ProductCase> cases;
  constexpr std::int64_t N = 65536, D = 768, F = 3072, V = 50304;
  add_linear(&cases, "qkv", N, D, 3 * D);
  add_linear(&cases, "output", N, D, D);
  add_linear(&cases, "up", N, D, F);
  add_linear(&cases, "down", N, F, D);
  add_linear(&cases, "head_eighth", N / 8, D, V);
  cases.push_back(
      {"up.forward_gelu",
       ProductShape::packed(N, F, D, false, true, kBf16, kBf16, false, ProductEpilogue::kGelu)});
  cases.push_back(
      {"down.dx_gelu",
       ProductShape::packed(
           N, F, D, false, false, kBf16, kBf16, false, ProductEpilogue::kGeluBackward)});
  return cases;
}

/// The start of each array in a block as tune() fills it: A, B, C, bias, aux, each from 256 bytes.
/// The sizes are those of packed matrices.
struct Arrays {
  unsigned char *a, *b, *c, *aux;

  Arrays(const ProductShape& s, void* data) {
    const auto rounded = [](std::int64_t bytes) { return (bytes + 255) / 256 * 256; };
    a = static_cast<unsigned char*>(data);
    b = a + rounded(s.M * s.K * 2);
    c = b + rounded(s.K * s.N * 2);
    aux = c + rounded(s.M * s.N * (s.out_dtype == kF32 ? 4 : 2));
  }
};

void bench_products(cudaStream_t stream) {
  Products heuristic, tuned;
  for (const ProductCase& one : product_cases()) {
    const ProductShape& s = one.shape;
    const std::size_t bytes = Products::scratch_bytes(s);
    void* data = allocated(bytes);
    ProductTiming timing;
    KernelStatus status = tuned.tune(s, data, bytes, stream, &timing);
    if (!status.ok()) {
      std::fprintf(stderr, "%s: %s\n", one.name.c_str(), status.message);
      cudaFree(data);
      continue;
    }
    const Arrays at(s, data);
    const auto run = [&](Products& products) {
      const KernelStatus result = products.run(s, at.a, at.b, at.c, stream, nullptr, at.aux);
      if (!result.ok()) std::fprintf(stderr, "%s: %s\n", one.name.c_str(), result.message);
    };
    std::vector<double> first, best;
    for (int round = 0; round < kNumRounds; ++round) {
      first.push_back(time_ms(30, stream, [&] { run(heuristic); }));
      best.push_back(time_ms(30, stream, [&] { run(tuned); }));
    }
    const double flop =
        2.0 * static_cast<double>(s.M) * static_cast<double>(s.N) * static_cast<double>(s.K);
    std::printf(
        "{\"case\": \"product\", \"name\": \"%s\", \"M\": %lld, \"N\": %lld, \"K\": %lld, "
        "\"num_candidates\": %d, \"heuristic_ms\": %.4f, \"tuned_ms\": %.4f, "
        "\"heuristic_tflops\": %.1f, \"tuned_tflops\": %.1f}\n",
        one.name.c_str(),
        static_cast<long long>(s.M),
        static_cast<long long>(s.N),
        static_cast<long long>(s.K),
        timing.num_candidates,
        median(first),
        median(best),
        flop / median(first) * 1e-9,
        flop / median(best) * 1e-9);
    std::fflush(stdout);
    cudaFree(data);
  }
}

/// The arrays of an attention, filled.
struct AttentionMemory {
  void *qkv, *dqkv, *out, *dout;
  float* stats;
  std::int64_t* random;
  AttentionInputs in;
  AttentionGradients gradients;

  AttentionMemory(std::int64_t B, std::int64_t T, std::int64_t H, std::int64_t C) {
    const std::size_t bytes = static_cast<std::size_t>(B * T * H * C) * 2;
    qkv = allocated(3 * bytes);
    dqkv = allocated(3 * bytes);
    out = allocated(bytes);
    dout = allocated(bytes);
    stats = static_cast<float*>(allocated(static_cast<std::size_t>(B * H * T) * 4));
    random = static_cast<std::int64_t*>(allocated(16));
    cudaMemset(random, 0, 16);
    fill(qkv, 3 * bytes);
    fill(dout, bytes);
    in = AttentionInputs::packed(qkv, H, C);
    gradients = AttentionGradients::packed(dqkv, H, C);
  }

  AttentionMemory(const AttentionMemory&) = delete;
  AttentionMemory& operator=(const AttentionMemory&) = delete;

  ~AttentionMemory() {
    for (void* data : {qkv, dqkv, out, dout, static_cast<void*>(stats), static_cast<void*>(random)})
      cudaFree(data);
  }
};

/// Times both directions of a shape and prints them; `options` are further fields.
template <typename Forward, typename Backward>
void time_attention(cudaStream_t stream,
                    const char* name,
                    const AttentionShape& s,
                    const std::string& options,
                    const Forward& run_forward,
                    const Backward& run_backward) {
  std::vector<double> forward, backward;
  KernelStatus status;
  for (int round = 0; round < kNumRounds; ++round) {
    forward.push_back(time_ms(30, stream, [&] { status = run_forward(); }));
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.message);
    backward.push_back(time_ms(30, stream, [&] { status = run_backward(); }));
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.message);
  }
  const double flop = 2.0 * static_cast<double>(s.B * s.H * s.C) * static_cast<double>(s.T * s.T);
  std::printf(
      "{\"case\": \"%s\", \"B\": %lld, \"T\": %lld, \"H\": %lld, \"C\": %lld, "
      "\"dropout_frac\": %.1f, %s, \"forward_ms\": %.4f, \"backward_ms\": %.4f, "
      "\"forward_tflops\": %.1f, \"backward_tflops\": %.1f}\n",
      name,
      static_cast<long long>(s.B),
      static_cast<long long>(s.T),
      static_cast<long long>(s.H),
      static_cast<long long>(s.C),
      static_cast<double>(s.dropout_frac),
      options.c_str(),
      median(forward),
      median(backward),
      flop / median(forward) * 1e-9,
      2.5 * flop / median(backward) * 1e-9);
  std::fflush(stdout);
}

std::string field(const char* name, bool value) {
  return std::string("\"") + name + "\": " + (value ? "true" : "false");
}

void bench_attention(cudaStream_t stream, std::int64_t B, std::int64_t T, std::int64_t H) {
  Attention attention;
  const AttentionMemory at(B, T, H, 64);
  const std::int64_t *seed = at.random, *offset = at.random + 1;
  for (const float dropout_frac : {0.0F, 0.2F}) {
    for (const bool is_deterministic : {false, true}) {
      const AttentionShape s = AttentionShape::packed(B, T, H, 64, dropout_frac, is_deterministic);
      const KernelStatus status = attention.prepare(s);
      if (!status.ok()) {
        std::fprintf(stderr, "%s\n", status.message);
        continue;
      }
      const std::size_t forward_bytes = attention.forward_workspace_bytes(s);
      const std::size_t backward_bytes = attention.backward_workspace_bytes(s);
      void* workspace = allocated(std::max(forward_bytes, backward_bytes));
      const auto forward = [&] {
        return attention.forward(s, at.in, at.out, at.stats, seed, offset, workspace, stream);
      };
      const auto backward = [&] {
        return attention.backward(
            s, at.in, at.out, at.stats, at.dout, at.gradients, seed, offset, workspace, stream);
      };
      const std::string options =
          field("is_deterministic", is_deterministic) +
          ", \"forward_workspace_bytes\": " + std::to_string(forward_bytes) +
          ", \"backward_workspace_bytes\": " + std::to_string(backward_bytes);
      time_attention(stream, "attention", s, options, forward, backward);
      cudaFree(workspace);
    }
  }
}

/// The same through our own kernels; with dropout once with the mask kept and once drawn again.
void bench_short_attention(cudaStream_t stream, std::int64_t B, std::int64_t T, std::int64_t H) {
  const AttentionMemory at(B, T, H, 64);
  const std::int64_t *seed = at.random, *offset = at.random + 1;
  for (const float dropout_frac : {0.0F, 0.2F}) {
    const AttentionShape s = AttentionShape::packed(B, T, H, 64, dropout_frac, true);
    const std::size_t mask_bytes = short_attention_mask_bytes(s);
    auto* const mask = static_cast<std::uint8_t*>(allocated(mask_bytes));
    for (const bool keeps_mask : {true, false}) {
      if (keeps_mask && mask_bytes == 0) continue;
      std::uint8_t* const kept = keeps_mask ? mask : nullptr;
      const auto forward = [&] {
        return short_attention_cuda(s, {at.in, at.out, at.stats, seed, offset, kept}, stream);
      };
      const auto backward = [&] {
        return short_attention_backward_cuda(
            s, {at.in, at.out, at.stats, at.dout, at.gradients, seed, offset, kept}, stream);
      };
      time_attention(
          stream, "short_attention", s, field("keeps_mask", keeps_mask), forward, backward);
    }
    cudaFree(mask);
  }
}

void bench_rotary(cudaStream_t stream) {
  constexpr std::int64_t B = 64, T = 1024, H = 12, C = 64;
  const std::size_t bytes = static_cast<std::size_t>(3 * B * T * H * C) * 2;
  void* qkv = allocated(bytes);
  fill(qkv, bytes);
  auto* table = static_cast<float*>(allocated(static_cast<std::size_t>(T * C / 2) * 4));
  cudaMemset(table, 0, static_cast<std::size_t>(T * C / 2) * 4);
  std::vector<double> times;
  for (int round = 0; round < kNumRounds; ++round) {
    times.push_back(time_ms(
        30, stream, [&] { rotary_cuda(qkv, kBf16, table, table, B, T, H, C, false, stream); }));
  }
  const double moved = 2.0 * 2.0 / 3.0 * static_cast<double>(bytes);  // q and k, read and written
  std::printf("{\"case\": \"rotary\", \"ms\": %.4f, \"tb_per_s\": %.3f}\n",
              median(times),
              moved / median(times) * 1e-9);
  cudaFree(qkv);
  cudaFree(table);
}

/// Layers of GPT-2 124M for M tokens, each call with other weights so that none are cached.
void bench_decode_linear(cudaStream_t stream, std::int64_t M) {
  struct Case {
    const char* name;
    std::int64_t N, K;
    bool has_norm;
    DecodeActivation activation;
  };

  constexpr std::size_t kPoolBytes = std::size_t{1} << 29U;
  constexpr auto kNone = DecodeActivation::kNone;
  auto* pool = static_cast<char*>(allocated(kPoolBytes));
  fill(pool, kPoolBytes);
  void *x = allocated(std::size_t{1} << 20U), *y = allocated(std::size_t{1} << 24U);
  fill(x, std::size_t{1} << 20U);
  auto* scale = static_cast<float*>(allocated(4096 * 4));
  cudaMemset(scale, 0, 4096 * 4);
  for (const Case& one : {Case{"qkv", 2304, 768, true, kNone},
                          {"output", 768, 768, false, kNone},
                          {"up", 3072, 768, true, DecodeActivation::kGeluTanh},
                          {"down", 768, 3072, false, kNone},
                          {"head", 50304, 768, true, kNone}}) {
    DecodeLinear shape;
    shape.M = M;
    shape.N = one.N;
    shape.K = one.K;
    shape.weight_dtype = kBf16;
    shape.in_dtype = one.has_norm ? kF32 : kBf16;
    shape.out_dtype = kF32;
    shape.activation = one.activation;
    shape.may_overlap = true;
    DecodeLinearArguments args;
    args.x = x;
    args.norm_weight = one.has_norm ? scale : nullptr;
    args.y = y;
    const auto bytes = static_cast<std::size_t>(one.N * one.K) * 2;
    std::size_t next = 0;
    std::vector<double> times;
    KernelStatus status;
    for (int round = 0; round < kNumRounds; ++round) {
      times.push_back(time_ms(60, stream, [&] {
        args.weight = pool + next;
        next = next + 2 * bytes <= kPoolBytes ? next + bytes : 0;
        status = decode_linear_cuda(shape, args, stream);
      }));
    }
    if (!status.ok()) std::fprintf(stderr, "%s: %s\n", one.name, status.message);
    std::printf(
        "{\"case\": \"decode_linear\", \"name\": \"%s\", \"M\": %lld, \"N\": %lld, \"K\": %lld, "
        "\"us\": %.2f, \"tb_per_s\": %.3f}\n",
        one.name,
        static_cast<long long>(M),
        static_cast<long long>(one.N),
        static_cast<long long>(one.K),
        1e3 * median(times),
        static_cast<double>(bytes) / median(times) * 1e-9);
  }
  cudaFree(pool);
  cudaFree(x);
  cudaFree(y);
  cudaFree(scale);
}

void bench_decode_attention(cudaStream_t stream, std::int64_t B, std::int64_t length) {
  constexpr std::int64_t H = 12, C = 64;
  const std::int64_t S = length + 1;
  const auto bytes = static_cast<std::size_t>(B * H * S * C) * 2;
  void *key = allocated(bytes), *value = allocated(bytes);
  fill(key, bytes);
  fill(value, bytes);
  const auto row_bytes = static_cast<std::size_t>(B * H * C) * 2;
  void *qkv = allocated(3 * row_bytes), *out = allocated(row_bytes);
  fill(qkv, 3 * row_bytes);
  const std::vector<std::int32_t> lengths(static_cast<std::size_t>(B),
                                          static_cast<std::int32_t>(length));
  auto* length_at = static_cast<std::int32_t*>(allocated(lengths.size() * 4));
  cudaMemcpy(length_at, lengths.data(), lengths.size() * 4, cudaMemcpyHostToDevice);
  std::vector<double> times;
  for (int round = 0; round < kNumRounds; ++round) {
    times.push_back(time_ms(60, stream, [&] {
      decode_attention_cuda({B, H, C, S, S, kBf16, true},
                            {qkv, nullptr, nullptr, length_at, key, value, out},
                            stream);
    }));
  }
  std::printf(
      "{\"case\": \"decode_attention\", \"B\": %lld, \"length\": %lld, \"us\": %.2f, "
      "\"tb_per_s\": %.3f}\n",
      static_cast<long long>(B),
      static_cast<long long>(length),
      1e3 * median(times),
      2.0 * static_cast<double>(bytes) / median(times) * 1e-9);
  for (void* data : {key, value, qkv, out, static_cast<void*>(length_at)}) cudaFree(data);
}

void bench_sample_token(cudaStream_t stream, std::int64_t M, const SampleSettings& settings) {
  constexpr std::int64_t V = 50304;
  std::vector<float> logits(static_cast<std::size_t>(M * V));
  unsigned state = 1;
  for (float& x : logits) {  // a sum of uniform numbers, nearly normal
    x = -6.0F;
    for (int i = 0; i < 12; ++i) {
      state = state * 1664525U + 1013904223U;
      x += static_cast<float>(state >> 8U) / 16777216.0F;
    }
  }
  auto* logits_at = static_cast<float*>(allocated(logits.size() * 4));
  cudaMemcpy(logits_at, logits.data(), logits.size() * 4, cudaMemcpyHostToDevice);
  auto* settings_at = static_cast<SampleSettings*>(allocated(sizeof(settings)));
  cudaMemcpy(settings_at, &settings, sizeof(settings), cudaMemcpyHostToDevice);
  const auto rows = static_cast<std::size_t>(M);
  auto* seed = static_cast<std::uint64_t*>(allocated(rows * 8));
  auto* drawn = static_cast<std::int64_t*>(allocated(rows * 8));
  auto* token = static_cast<std::int32_t*>(allocated(rows * 4));
  cudaMemset(seed, 0, rows * 8);
  cudaMemset(drawn, 0, rows * 8);
  SampleToken shape;
  shape.M = M;
  shape.V = shape.stride = V;
  SampleTokenArguments args;
  args.logits = logits_at;
  args.settings = settings_at;
  args.seed = seed;
  args.num_drawn = drawn;
  args.token = token;
  std::vector<double> times;
  for (int round = 0; round < kNumRounds; ++round) {
    times.push_back(time_ms(30, stream, [&] { sample_token_cuda(shape, args, stream); }));
  }
  std::printf(
      "{\"case\": \"sample_token\", \"M\": %lld, \"V\": %lld, \"top_k\": %d, \"top_p\": %.2f, "
      "\"us\": %.2f}\n",
      static_cast<long long>(M),
      static_cast<long long>(V),
      settings.top_k,
      static_cast<double>(settings.top_p),
      1e3 * median(times));
  cudaFree(logits_at);
  cudaFree(settings_at);
  cudaFree(seed);
  cudaFree(drawn);
  cudaFree(token);
}

void bench_decoding(cudaStream_t stream) {
  for (const std::int64_t rows : {1, 16}) {
    bench_decode_linear(stream, rows);
    for (const std::int64_t length : {100, 500, 1000}) {
      bench_decode_attention(stream, rows, length);
    }
    bench_sample_token(stream, rows, {0.8F, 1.0F, 0.0F, 200});
    bench_sample_token(stream, rows, {0.8F, 0.9F, 0.0F, 0});
    bench_sample_token(stream, rows, {0.8F, 1.0F, 0.0F, 0});
    bench_sample_token(stream, rows, {0.0F, 1.0F, 0.0F, 0});
  }
}

void bench_copy(cudaStream_t stream) {
  constexpr std::size_t kBytes = std::size_t{1} << 30U;
  void *from = allocated(kBytes), *to = allocated(kBytes);
  cudaMemset(from, 1, kBytes);
  std::vector<double> times;
  for (int round = 0; round < kNumRounds; ++round) {
    times.push_back(time_ms(
        20, stream, [&] { cudaMemcpyAsync(to, from, kBytes, cudaMemcpyDeviceToDevice, stream); }));
  }
  std::printf("{\"case\": \"copy\", \"bytes\": %zu, \"ms\": %.4f, \"tb_per_s\": %.3f}\n",
              kBytes,
              median(times),
              2.0 * static_cast<double>(kBytes) / median(times) * 1e-9);
  cudaFree(from);
  cudaFree(to);
}

}  // namespace
}  // namespace switchyard::kernels

int main(int argument_count, char** arguments) {
  using namespace switchyard::kernels;
  cudaDeviceProp device{};
  int num_devices = 0;
  if (cudaGetDeviceCount(&num_devices) != cudaSuccess || num_devices == 0 ||
      cudaGetDeviceProperties(&device, 0) != cudaSuccess) {
    std::fprintf(stderr, "no CUDA device answers\n");
    return 1;
  }
  std::printf("{\"case\": \"device\", \"name\": \"%s\"}\n", device.name);
  cudaStream_t stream = nullptr;
  cudaStreamCreate(&stream);
  const std::string only = argument_count > 1 ? arguments[1] : "";
  bench_copy(stream);
  if (only.empty() || only == "decoding") bench_decoding(stream);
  if (only.empty()) {
    bench_rotary(stream);
    bench_products(stream);
  }
  if (only.empty() || only == "attention") {
    bench_attention(stream, 64, 1024, 12);
    bench_attention(stream, 64, 256, 6);
    bench_short_attention(stream, 64, 256, 6);
  }
  cudaStreamDestroy(stream);
  return 0;
}
