// Times of products, attention and copies at training shapes: one JSON line per case on stdout.
// Nothing here asserts; a case that cannot run says why on stderr.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>

#include "kernels/include/attention.h"
#include "kernels/include/product.h"
#include "kernels/include/rotary.h"

namespace switchyard::kernels {
namespace {

constexpr int kNumRounds = 3;

void* allocated(std::size_t bytes) {
  void* data = nullptr;
  if (cudaMalloc(&data, std::max<std::size_t>(bytes, 256)) != cudaSuccess) {
    std::fprintf(stderr, "no %zu bytes of device memory\n", bytes);
    std::exit(1);
  }
  return data;
}

/// ms of one call: `num_calls` in a row between two events.
template <typename Call>
double time_ms(int num_calls, cudaStream_t stream, const Call& call) {
  cudaEvent_t begin = nullptr, end = nullptr;
  cudaEventCreate(&begin);
  cudaEventCreate(&end);
  for (int i = 0; i < 3; ++i) call();
  cudaEventRecord(begin, stream);
  for (int i = 0; i < num_calls; ++i) call();
  cudaEventRecord(end, stream);
  cudaEventSynchronize(end);
  float ms = 0.0F;
  cudaEventElapsedTime(&ms, begin, end);
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return static_cast<double>(ms) / num_calls;
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

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

/// Numbers that differ and repeat from run to run, in bf16.
void fill(void* data, std::size_t bytes) {
  std::vector<unsigned short> pattern(bytes / 2);
  unsigned state = 1;
  for (unsigned short& x : pattern) {
    state = state * 1664525U + 1013904223U;
    x = static_cast<unsigned short>(0x3E00U + ((state >> 16U) & 0x81FFU));  // +-[0.125, 2)
  }
  cudaMemcpy(data, pattern.data(), bytes, cudaMemcpyHostToDevice);
}

void bench_attention(cudaStream_t stream, std::int64_t B, std::int64_t T, std::int64_t H) {
  constexpr std::int64_t C = 64;
  Attention attention;
  const std::size_t out_bytes = static_cast<std::size_t>(B * T * H * C) * 2;
  void *qkv = allocated(3 * out_bytes), *dqkv = allocated(3 * out_bytes);
  void *out = allocated(out_bytes), *dout = allocated(out_bytes);
  auto* stats = static_cast<float*>(allocated(static_cast<std::size_t>(B * H * T) * 4));
  auto* random = static_cast<std::int64_t*>(allocated(16));
  cudaMemset(random, 0, 16);
  fill(qkv, 3 * out_bytes);
  fill(dout, out_bytes);
  for (const float dropout_frac : {0.0F, 0.2F}) {
    for (const bool is_deterministic : {false, true}) {
      const AttentionShape s = AttentionShape::packed(B, T, H, C, dropout_frac, is_deterministic);
      KernelStatus status = attention.prepare(s);
      if (!status.ok()) {
        std::fprintf(stderr, "%s\n", status.message);
        continue;
      }
      const std::size_t forward_bytes = attention.forward_workspace_bytes(s);
      const std::size_t backward_bytes = attention.backward_workspace_bytes(s);
      void* workspace = allocated(std::max(forward_bytes, backward_bytes));
      const AttentionInputs in = AttentionInputs::packed(qkv, H, C);
      const AttentionGradients gradients = AttentionGradients::packed(dqkv, H, C);
      std::vector<double> forward, backward;
      for (int round = 0; round < kNumRounds; ++round) {
        forward.push_back(time_ms(30, stream, [&] {
          status = attention.forward(s, in, out, stats, random, random + 1, workspace, stream);
        }));
        if (!status.ok()) std::fprintf(stderr, "%s\n", status.message);
        backward.push_back(time_ms(30, stream, [&] {
          status = attention.backward(
              s, in, out, stats, dout, gradients, random, random + 1, workspace, stream);
        }));
        if (!status.ok()) std::fprintf(stderr, "%s\n", status.message);
      }
      const double flop = 2.0 * static_cast<double>(B * H * C) * static_cast<double>(T * T);
      std::printf(
          "{\"case\": \"attention\", \"B\": %lld, \"T\": %lld, \"H\": %lld, \"C\": %lld, "
          "\"dropout_frac\": %.1f, \"is_deterministic\": %s, \"forward_ms\": %.4f, "
          "\"backward_ms\": %.4f, \"forward_tflops\": %.1f, \"backward_tflops\": %.1f, "
          "\"forward_workspace_bytes\": %zu, \"backward_workspace_bytes\": %zu}\n",
          static_cast<long long>(B),
          static_cast<long long>(T),
          static_cast<long long>(H),
          static_cast<long long>(C),
          static_cast<double>(dropout_frac),
          is_deterministic ? "true" : "false",
          median(forward),
          median(backward),
          flop / median(forward) * 1e-9,
          2.5 * flop / median(backward) * 1e-9,
          forward_bytes,
          backward_bytes);
      std::fflush(stdout);
      cudaFree(workspace);
    }
  }
  for (void* data : {qkv, dqkv, out, dout, static_cast<void*>(stats), static_cast<void*>(random)}) {
    cudaFree(data);
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

int main() {
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
  bench_copy(stream);
  bench_rotary(stream);
  bench_products(stream);
  bench_attention(stream, 64, 1024, 12);
  bench_attention(stream, 64, 256, 6);
  cudaStreamDestroy(stream);
  return 0;
}
