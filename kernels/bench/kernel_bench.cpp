// sy_kernel_bench: time and bytes per second of every kernel of the step at the shapes that count
// (124M: 65,536 tokens, 768 wide; small: 16,384 tokens, 384 wide). Bytes are what must move once;
// the small shapes stay in the L2 cache, so they may exceed the memory's speed.
#include <cstdint>
#include <cstdio>
#include <functional>
#include <vector>

#include <cuda_runtime_api.h>

#include "kernels/include/activate_rows.h"
#include "kernels/include/adamw.h"
#include "kernels/include/combine_rows.h"
#include "kernels/include/cross_entropy.h"
#include "kernels/include/embedding.h"
#include "kernels/include/expert_permutation.h"
#include "kernels/include/gather_rows.h"
#include "kernels/include/gelu.h"
#include "kernels/include/gradient_norm.h"
#include "kernels/include/residual_norm.h"
#include "kernels/include/route_top_k.h"
#include "kernels/include/swiglu.h"

namespace switchyard::kernels {
namespace {

/// Zeroed device memory.
class Memory {
 public:
  explicit Memory(std::int64_t bytes) {
    const auto size = static_cast<std::size_t>(bytes);
    if (cudaMalloc(&data_, size) != cudaSuccess || cudaMemset(data_, 0, size) != cudaSuccess) {
      std::puts("out of device memory");
    }
  }

  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  ~Memory() { cudaFree(data_); }

  [[nodiscard]] void* data() const { return data_; }

  [[nodiscard]] float* floats() const { return static_cast<float*>(data_); }

 private:
  void* data_ = nullptr;
};

/// Prints one row: the mean time of a run among many, and the bytes that had to move in it.
void measure(const char* name, std::int64_t bytes, const std::function<KernelStatus()>& run) {
  constexpr int kRuns = 50;
  cudaEvent_t begin = nullptr, end = nullptr;
  cudaEventCreate(&begin);
  cudaEventCreate(&end);
  KernelStatus status;
  for (int i = 0; i < 5 + kRuns && status.ok(); ++i) {
    if (i == 5) cudaEventRecord(begin, nullptr);
    status = run();
  }
  cudaEventRecord(end, nullptr);
  const cudaError_t error = cudaEventSynchronize(end);
  float total_ms = 0.0F;
  cudaEventElapsedTime(&total_ms, begin, end);
  const double us = 1e3 * static_cast<double>(total_ms) / kRuns;
  if (!status.ok() || error != cudaSuccess) {
    std::printf("%-52s %s\n", name, status.ok() ? cudaGetErrorString(error) : status.message);
  } else {
    std::printf("%-52s %9.1f us %7.2f TB/s\n", name, us, static_cast<double>(bytes) / us / 1e6);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
}

/// With a dropout, once with the mask kept and once drawn again.
void measure_norm(std::int64_t N, std::int64_t D, Dtype stream, float dropout, const char* text) {
  const std::int64_t size = N * D, wide = stream == Dtype::kF32 ? 4 : 2;
  const Memory x(size * wide), sum(size * wide), delta(size * 2), y(size * 2), state(64);
  const Memory mean(N * 4), rstd(N * 4), weight(D * 4), bias(D * 4), dweight(D * 4), dbias(D * 4);
  const Memory bits(N * ((D + 7) / 8));
  const Memory workspace(static_cast<std::int64_t>(residual_norm_workspace_bytes(N, D)));
  const ResidualNorm shape{
      .N = N, .D = D, .stream_dtype = stream, .compute_dtype = Dtype::kBf16, .dropout = dropout};
  const auto* step = static_cast<const StepState*>(state.data());
  for (const bool has_mask : {true, false}) {
    if (has_mask && dropout == 0.0F) continue;
    auto* mask = has_mask ? static_cast<std::uint8_t*>(bits.data()) : nullptr;
    const std::int64_t mask_bytes = has_mask ? size / 8 : 0;
    char name[80];
    std::snprintf(
        name, sizeof(name), "residual_norm forward, %s%s", text, has_mask ? ", mask" : "");
    measure(name, size * (2 * wide + 4) + mask_bytes, [&] {
      return residual_norm_cuda(shape,
                                {.x = x.data(),
                                 .delta = delta.data(),
                                 .weight = weight.floats(),
                                 .bias = bias.floats(),
                                 .state = step,
                                 .sum = sum.data(),
                                 .y = y.data(),
                                 .mean = mean.floats(),
                                 .rstd = rstd.floats(),
                                 .mask = mask},
                                nullptr);
    });
    const bool has_delta = dropout > 0.0F || stream == Dtype::kF32;
    std::snprintf(
        name, sizeof(name), "residual_norm backward, %s%s", text, has_mask ? ", mask" : "");
    measure(name, size * (3 * wide + (has_delta ? 4 : 2)) + mask_bytes, [&] {
      return residual_norm_backward_cuda(shape,
                                         {.dy = y.data(),
                                          .dsum = x.data(),
                                          .sum = sum.data(),
                                          .mean = mean.floats(),
                                          .rstd = rstd.floats(),
                                          .weight = weight.floats(),
                                          .state = step,
                                          .mask = mask,
                                          .dx = x.data(),
                                          .ddelta = has_delta ? delta.data() : nullptr,
                                          .dweight = dweight.floats(),
                                          .dbias = dbias.floats(),
                                          .workspace = workspace.data()},
                                         nullptr);
    });
  }
}

/// Tokens fall off like those of text: token v with a share near 1 / (v + 1).
std::vector<std::int64_t> text_like_tokens(std::int64_t N, std::int64_t V) {
  std::vector<std::int64_t> tokens;
  std::uint64_t random = 1;
  while (static_cast<std::int64_t>(tokens.size()) < N) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    const auto limit = static_cast<std::int64_t>((random >> 33U) % static_cast<std::uint64_t>(V));
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    tokens.push_back(static_cast<std::int64_t>(random >> 33U) % (limit + 1));
  }
  return tokens;
}

void measure_embedding(std::int64_t N, std::int64_t T, std::int64_t D, std::int64_t V) {
  const std::vector<std::int64_t> host = text_like_tokens(N, V);
  const Memory tokens(N * 8), table(V * D * 2), position(T * D * 2), x(N * D * 2);
  const Memory dtable(V * D * 4), dposition(T * D * 4);
  const Memory workspace(static_cast<std::int64_t>(embedding_workspace_bytes(N, D, V)));
  cudaMemcpy(tokens.data(), host.data(), host.size() * 8, cudaMemcpyHostToDevice);
  const auto* ids = static_cast<const std::int64_t*>(tokens.data());
  const Embedding shape{
      .N = N, .T = T, .D = D, .V = V, .stream_dtype = Dtype::kBf16, .compute_dtype = Dtype::kBf16};
  char name[80];
  std::snprintf(name, sizeof(name), "embedding forward, V %lld", static_cast<long long>(V));
  measure(name, 2 * N * D * 2, [&] {
    return embedding_cuda(
        shape,
        {.tokens = ids, .table = table.data(), .position = position.data(), .x = x.data()},
        nullptr);
  });
  for (const float beta : {0.0F, 1.0F}) {
    std::snprintf(name,
                  sizeof(name),
                  "embedding backward, V %lld, beta %.0f",
                  static_cast<long long>(V),
                  static_cast<double>(beta));
    measure(name, 2 * N * D * 2 + (beta == 0.0F ? V * D * 4 : 0), [&] {
      return embedding_backward_cuda(shape,
                                     {.tokens = ids,
                                      .dx = x.data(),
                                      .dtable = dtable.floats(),
                                      .beta_table = beta,
                                      .dposition = dposition.floats(),
                                      .workspace = workspace.data()},
                                     nullptr);
    });
  }
}

void measure_activations(std::int64_t N, std::int64_t F) {
  const std::int64_t size = N * F;
  const Memory h(size * 2), y(size * 2), packed(size * 4);
  for (const GeluKind kind : {GeluKind::kErf, GeluKind::kTanh}) {
    const bool is_erf = kind == GeluKind::kErf;
    measure(is_erf ? "gelu erf forward" : "gelu tanh forward", size * 4, [&] {
      return gelu_cuda(kind, Dtype::kBf16, h.data(), size, y.data(), nullptr);
    });
    measure(is_erf ? "gelu erf backward" : "gelu tanh backward", size * 6, [&] {
      return gelu_backward_cuda(kind, Dtype::kBf16, y.data(), h.data(), size, y.data(), nullptr);
    });
  }
  measure("swiglu forward, packed", size * 6, [&] {
    return swiglu_cuda(Dtype::kBf16, packed.data(), nullptr, N, F, y.data(), nullptr);
  });
  measure("swiglu backward, packed", size * 10, [&] {
    return swiglu_backward_cuda(
        Dtype::kBf16, y.data(), packed.data(), nullptr, N, F, packed.data(), nullptr);
  });
}

void measure_loss(std::int64_t N, std::int64_t V, std::int64_t stride) {
  const Memory logits(N * stride * 2), target(N * 8), loss(N * 4);
  measure("cross_entropy", N * stride * 4, [&] {
    return cross_entropy_cuda(logits.data(),
                              Dtype::kBf16,
                              static_cast<const std::int64_t*>(target.data()),
                              N,
                              V,
                              stride,
                              1.0F,
                              loss.floats(),
                              nullptr);
  });
}

void measure_optimizer(std::int64_t size) {
  const Memory master(size * 4), gradient(size * 4), moment1(size * 4), moment2(size * 4);
  const Memory compute(size * 2), norm(4), state(64);
  const Memory workspace(static_cast<std::int64_t>(gradient_norm_workspace_bytes(size)));
  measure("gradient_norm", size * 4, [&] {
    return gradient_norm_cuda(gradient.floats(), size, norm.floats(), workspace.data(), nullptr);
  });
  measure("adamw", size * 30, [&] {
    return adamw_cuda({.grad_clip_norm = 1.0F},
                      {.master = master.floats(),
                       .gradient = gradient.floats(),
                       .moment1 = moment1.floats(),
                       .moment2 = moment2.floats(),
                       .compute = compute.data(),
                       .size = size,
                       .num_decayed = size},
                      static_cast<const StepState*>(state.data()),
                      norm.floats(),
                      nullptr);
  });
}

/// Everything of a routed layer but its products: width D, expert width F.
void measure_routed_layer(std::int64_t D, std::int64_t F, int E, int K, std::int64_t N) {
  const std::int64_t M = N * K;
  std::printf("routed layer %lld/%lld, %d experts, top %d, %lld tokens\n",
              static_cast<long long>(D),
              static_cast<long long>(F),
              E,
              K,
              static_cast<long long>(N));
  std::vector<float> host(static_cast<std::size_t>(N * E));
  std::uint64_t random = 1;
  for (float& logit : host) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    logit = static_cast<float>(random >> 40U) / static_cast<float>(1U << 23U);
  }
  const Memory logits(N * E * 4), dlogits(N * E * 4), probs(N * E * 4), logsumexp(N * 4);
  const Memory index(M * 4), weight(M * 4), dweight(M * 4), tokens(E * 8), sums(E * 8), one(16);
  const Memory row(M * 8), offsets(E * 4);
  const Memory x(N * D * 2), rows(M * D * 2), hidden(M * 2 * F * 2), gated(M * F * 2);
  const Memory route_scratch(static_cast<std::int64_t>(route_top_k_workspace_bytes(N, E)));
  const Memory sort_scratch(static_cast<std::int64_t>(expert_permutation_workspace_bytes(M, E)));
  cudaMemcpy(logits.data(), host.data(), host.size() * 4, cudaMemcpyHostToDevice);
  auto* expert_index = static_cast<std::int32_t*>(index.data());
  auto* tokens_per_expert = static_cast<std::int64_t*>(tokens.data());
  auto* row_from_slot = static_cast<std::int64_t*>(row.data());
  auto* ends = static_cast<std::int32_t*>(offsets.data());
  const RouteTopK routing{.N = N, .E = E, .K = K};
  measure("route_top_k forward", N * E * 8 + M * 8, [&] {
    return route_top_k_cuda(routing,
                            {.router_logits = logits.floats(),
                             .expert_index = expert_index,
                             .combine_weight = weight.floats(),
                             .router_probs = probs.floats(),
                             .logsumexp = logsumexp.floats(),
                             .tokens_per_expert = tokens_per_expert,
                             .sum_probs = sums.floats(),
                             .importance = sums.floats() + E,
                             .load_balance_loss = one.floats(),
                             .router_z_loss = one.floats() + 1,
                             .token_entropy_nats = one.floats() + 2,
                             .top1_margin = one.floats() + 3,
                             .workspace = route_scratch.data()},
                            nullptr);
  });
  measure("route_top_k backward", N * E * 8 + M * 8, [&] {
    return route_top_k_backward_cuda(routing,
                                     {.router_logits = logits.floats(),
                                      .logsumexp = logsumexp.floats(),
                                      .expert_index = expert_index,
                                      .tokens_per_expert = tokens_per_expert,
                                      .dcombine_weight = dweight.floats(),
                                      .dload_balance_loss = one.floats(),
                                      .drouter_z_loss = one.floats(),
                                      .drouter_logits = dlogits.floats()},
                                     nullptr);
  });
  measure("expert_permutation", M * 12, [&] {
    return expert_permutation_cuda({.expert_index = expert_index,
                                    .num_assignments = M,
                                    .E = E,
                                    .row_from_slot = row_from_slot,
                                    .offsets = ends,
                                    .workspace = sort_scratch.data()},
                                   nullptr);
  });
  measure("gather_rows forward", (N + M) * D * 2, [&] {
    return gather_rows_cuda(
        Dtype::kBf16, x.data(), row_from_slot, N, K, D, M, rows.data(), nullptr);
  });
  measure("gather_rows backward", (N + M) * D * 2, [&] {
    return gather_rows_backward_cuda(
        Dtype::kBf16, rows.data(), row_from_slot, N, K, D, nullptr, x.data(), nullptr);
  });
  const CombineRows combine{.N = N,
                            .K = K,
                            .D = D,
                            .num_rows = M,
                            .dtype = Dtype::kBf16,
                            .row_from_slot = row_from_slot,
                            .combine_weight = weight.floats()};
  measure("combine_rows forward", (N + M) * D * 2, [&] {
    return combine_rows_cuda(combine, {.y = rows.data(), .out = x.data()}, nullptr);
  });
  measure("combine_rows backward, in place", (N + 2 * M) * D * 2, [&] {
    return combine_rows_backward_cuda(combine,
                                      {.dout = x.data(),
                                       .y = rows.data(),
                                       .dy = rows.data(),
                                       .dcombine_weight = dweight.floats()},
                                      nullptr);
  });
  for (const RowActivation activation : {RowActivation::kGeluErf, RowActivation::kSwiglu}) {
    const bool is_gated = activation == RowActivation::kSwiglu;
    const std::int64_t inputs = is_gated ? 2 : 1;
    const ActivateRows shape{activation, Dtype::kBf16, M, F, ends + E - 1};
    measure(is_gated ? "activate_rows swiglu forward" : "activate_rows gelu forward",
            M * F * 2 * (inputs + 1),
            [&] { return activate_rows_cuda(shape, hidden.data(), gated.data(), nullptr); });
    measure(is_gated ? "activate_rows swiglu backward, in place"
                     : "activate_rows gelu backward, in place",
            M * F * 2 * (2 * inputs + 1),
            [&] {
              return activate_rows_backward_cuda(
                  shape, gated.data(), hidden.data(), hidden.data(), nullptr);
            });
  }
}

}  // namespace
}  // namespace switchyard::kernels

int main() {
  using namespace switchyard::kernels;  // NOLINT(google-build-using-namespace): a program's end
  int num_devices = 0;
  if (cudaGetDeviceCount(&num_devices) != cudaSuccess || num_devices == 0) {
    std::puts("no CUDA device answers");
    return 1;
  }
  measure_norm(65'536, 768, Dtype::kBf16, 0.0F, "124M, bf16 stream");
  measure_norm(65'536, 768, Dtype::kF32, 0.0F, "124M, f32 stream");
  measure_norm(65'536, 768, Dtype::kBf16, 0.1F, "124M, bf16 stream, dropout");
  measure_norm(16'384, 384, Dtype::kBf16, 0.2F, "small, dropout");
  measure_norm(16'384, 384, Dtype::kF32, 0.2F, "small, f32 stream, dropout");
  measure_embedding(65'536, 1024, 768, 50'304);
  measure_embedding(16'384, 256, 384, 65);
  measure_activations(65'536, 3072);
  measure_loss(16'384, 50'257, 50'304);
  measure_optimizer(124'000'000);
  measure_optimizer(10'700'000);
  measure_routed_layer(2048, 1024, 64, 8, 32'768);
  measure_routed_layer(4096, 1536, 128, 8, 16'384);
  measure_routed_layer(768, 1536, 8, 2, 32'768);
  measure_routed_layer(1024, 512, 64, 8, 32'768);
  measure_routed_layer(384, 768, 8, 2, 16'384);
  return 0;
}
