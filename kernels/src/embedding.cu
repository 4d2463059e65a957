#include "kernels/include/embedding.h"
#include "kernels/src/device.cuh"
#include "kernels/src/embedding.cuh"

namespace switchyard::kernels {
namespace {

using device::Bf16;
using device::Dropout;
using device::load_pack;
using device::Mask;
using device::Pack;
using device::store;
using device::to_float;

constexpr int kThreads = 256;

struct Forward {
  const std::int64_t* tokens;
  const void* table;
  const void* position;
  void* x;
  std::int64_t N;
  std::int64_t T;
  std::int64_t D;
  std::int64_t V;
  std::int64_t begin;
  Dropout dropout;
};

/// One warp per token.
template <typename Stream, typename Compute, int kSize>
__global__ void __launch_bounds__(kThreads) forward_kernel(const Forward args) {
  const Mask mask(args.dropout);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  constexpr int kWarps = kThreads / 32;
  std::int64_t n = std::int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  for (; n < args.N; n += std::int64_t{gridDim.x} * kWarps) {
    const std::int64_t token = args.tokens[n];
    const bool is_known = token >= 0 && token < args.V;
    const auto* table = static_cast<const Compute*>(args.table) + (is_known ? token * args.D : 0);
    const auto* position = static_cast<const Compute*>(args.position);
    if (position != nullptr) position += (n % args.T + args.begin) * args.D;
    for (std::int64_t d = std::int64_t{lane} * kSize; d < args.D; d += 32 * kSize) {
      Pack<Compute, kSize> row{}, at{};
      if (is_known) row = load_pack<Compute, kSize>(table + d);
      if (position != nullptr) at = load_pack<Compute, kSize>(position + d);
      float x[kSize];
#pragma unroll
      for (int i = 0; i < kSize; ++i) x[i] = to_float(row.values[i]) + to_float(at.values[i]);
      mask.apply(n * args.D + d, x);
      Pack<Stream, kSize> out;
#pragma unroll
      for (int i = 0; i < kSize; ++i) store(&out.values[i], x[i]);
      device::store_pack(static_cast<Stream*>(args.x) + n * args.D + d, out);
    }
  }
}

template <typename Stream, typename Compute>
void launch(const Forward& args, cudaStream_t stream) {
  constexpr int kWide = 16 / static_cast<int>(sizeof(Stream));
  const bool is_aligned = args.D % kWide == 0 && device::is_aligned(args.table, 16) &&
                          device::is_aligned(args.position, 16) && device::is_aligned(args.x, 16);
  const auto blocks = static_cast<unsigned>((args.N + kThreads / 32 - 1) / (kThreads / 32));
  if (is_aligned) {
    forward_kernel<Stream, Compute, kWide><<<blocks, kThreads, 0, stream>>>(args);
  } else {
    forward_kernel<Stream, Compute, 1><<<blocks, kThreads, 0, stream>>>(args);
  }
}

}  // namespace

KernelStatus embedding_cuda(const Embedding& shape,
                            const EmbeddingForward& args,
                            CudaStream stream) {
  const char* problem = embedding::problem(shape, args.state);
  if (problem != nullptr) return {problem};
  if (shape.N == 0) return {};
  const Forward forward{args.tokens,
                        args.table,
                        args.position,
                        args.x,
                        shape.N,
                        shape.T,
                        shape.D,
                        shape.V,
                        args.begin,
                        device::make_dropout(shape.dropout, shape.site, args.state)};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  if (shape.stream_dtype == Dtype::kBf16) {
    launch<Bf16, Bf16>(forward, cuda_stream);
  } else if (shape.compute_dtype == Dtype::kBf16) {
    launch<float, Bf16>(forward, cuda_stream);
  } else {
    launch<float, float>(forward, cuda_stream);
  }
  return device::launched();
}

}  // namespace switchyard::kernels
