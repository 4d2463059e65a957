#include "kernels/include/decode_embedding.h"
#include "kernels/src/overlap.cuh"

namespace switchyard::kernels {
namespace {

using device::Bf16;
using device::store;
using device::to_float;

constexpr int kThreads = 256;

struct Embed {
  DecodeEmbedding shape;
  DecodeEmbeddingArguments args;
};

template <typename Table, typename Stream>
__global__ void __launch_bounds__(kThreads) embed_kernel(const Embed call) {
  device::wait_for_previous();
  device::let_next_start();  // not earlier: what comes next reads lengths and weights at once
  const DecodeEmbedding& shape = call.shape;
  const std::int64_t m = blockIdx.x;
  const std::int64_t token = call.args.token[m], at = call.args.length[m];
  const bool has_token = token >= 0 && token < shape.V;
  const bool has_position = call.args.position != nullptr && at >= 0 && at < shape.S;
  const Table* table = static_cast<const Table*>(call.args.table);
  const Table* position = static_cast<const Table*>(call.args.position);
  Stream* x = static_cast<Stream*>(call.args.x) + m * shape.D;
  for (std::int64_t d = threadIdx.x; d < shape.D; d += kThreads) {
    float sum = has_token ? to_float(table[token * shape.D + d]) : 0.0F;
    if (has_position) sum += to_float(position[at * shape.D + d]);
    store(x + d, sum);
  }
}

}  // namespace

KernelStatus decode_embedding_cuda(const DecodeEmbedding& shape,
                                   const DecodeEmbeddingArguments& args,
                                   CudaStream stream) {
  if (shape.M <= 0 || shape.D <= 0) return {};
  if (shape.M >= (std::int64_t{1} << 31U)) return {"decode_embedding: too many rows"};
  device::LaunchShape grid;
  grid.num_blocks = static_cast<unsigned>(shape.M);
  grid.num_threads = kThreads;
  grid.may_overlap = shape.may_overlap;
  const Embed call{shape, args};
  const bool is_wide = shape.stream_dtype == Dtype::kF32;
  if (shape.table_dtype == Dtype::kF32) {
    return is_wide ? device::launch(embed_kernel<float, float>, grid, stream, call)
                   : device::launch(embed_kernel<float, Bf16>, grid, stream, call);
  }
  return is_wide ? device::launch(embed_kernel<Bf16, float>, grid, stream, call)
                 : device::launch(embed_kernel<Bf16, Bf16>, grid, stream, call);
}

}  // namespace switchyard::kernels
