#include <algorithm>

#include "kernels/src/decode_linear.cuh"

namespace switchyard::kernels::decode_linear {
namespace {

using device::Bf16;
using device::store;
using device::to_float;

constexpr int kWarps = 8;
constexpr int kRows = 8;  // that share one pass over the weights

struct RowStatistics {
  float mean, rstd;
};

template <typename Input>
__device__ RowStatistics row_statistics(const Call& call, const Input* row) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t K = call.shape.K;
  const auto size = static_cast<float>(K);
  float mean = 0.0F, squares = 0.0F;
  if (!call.shape.is_rms) {
    float total = 0.0F;
    for (std::int64_t k = lane; k < K; k += 32) total += to_float(__ldcg(row + k));
    mean = device::warp_sum(total) / size;
  }
  for (std::int64_t k = lane; k < K; k += 32) {
    const float h = to_float(__ldcg(row + k)) - mean;
    squares += h * h;
  }
  return {mean, 1.0F / sqrtf(device::warp_sum(squares) / size + call.shape.eps)};
}

/// One warp per output, eight rows at a time; nothing is assumed of sizes and alignment.
template <typename Weight, typename Input>
__global__ void __launch_bounds__(32 * kWarps) scalar_kernel(const Call call) {
  __shared__ RowStatistics statistics[kMostRows];
  device::let_next_start();
  device::wait_for_previous();
  const int M = static_cast<int>(call.shape.M);
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t K = call.shape.K;
  const Input* x = static_cast<const Input*>(call.args.x);
  const bool has_norm = call.args.norm_weight != nullptr;
  if (has_norm) {
    for (int m = warp; m < M; m += kWarps) {
      const RowStatistics of_row = row_statistics(call, x + m * K);
      if (lane == 0) statistics[m] = of_row;
    }
    __syncthreads();
  }
  const auto input = [&](int m, std::int64_t k) {
    const float number = to_float(__ldcg(x + m * K + k));
    if (!has_norm) return number;
    Weight rounded;
    const float bias = call.args.norm_bias != nullptr ? call.args.norm_bias[k] : 0.0F;
    store(&rounded,
          (number - statistics[m].mean) * statistics[m].rstd * call.args.norm_weight[k] + bias);
    return to_float(rounded);
  };
  const bool has_gate = call.shape.activation == DecodeActivation::kSwiglu;
  std::int64_t n = std::int64_t{blockIdx.x} * kWarps + warp;
  for (; n < call.shape.N; n += std::int64_t{gridDim.x} * kWarps) {
    const Weight* weight = static_cast<const Weight*>(call.args.weight) + n * K;
    const Weight* gate = has_gate ? static_cast<const Weight*>(call.args.gate) + n * K : weight;
    for (int first = 0; first < M; first += kRows) {
      float products[kRows] = {}, gates[kRows] = {};
      for (std::int64_t k = lane; k < K; k += 32) {
        const float w = to_float(weight[k]), g = has_gate ? to_float(gate[k]) : 0.0F;
#pragma unroll
        for (int i = 0; i < kRows; ++i) {
          if (first + i >= M) break;
          const float h = input(first + i, k);
          products[i] += h * w;
          gates[i] += h * g;
        }
      }
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        if (first + i >= M) break;
        const float product = device::warp_sum(products[i]);
        const float of_gate = has_gate ? device::warp_sum(gates[i]) : 0.0F;
        if (lane == 0) {
          write_output(
              call, first + i, n, product, of_gate, load_added<Weight>(call, first + i, n));
        }
      }
    }
  }
}

}  // namespace

KernelStatus run_scalar(const DecodeLinear& shape,
                        const DecodeLinearArguments& args,
                        CudaStream stream) {
  device::LaunchShape grid;
  grid.num_blocks =
      static_cast<unsigned>(std::min<std::int64_t>((shape.N + kWarps - 1) / kWarps, 1 << 16));
  grid.num_threads = 32 * kWarps;
  grid.may_overlap = shape.may_overlap;
  const Call call{shape, args, 1, 0};
  if (shape.weight_dtype == Dtype::kF32) {
    return device::launch(scalar_kernel<float, float>, grid, stream, call);
  }
  return shape.in_dtype == Dtype::kF32
             ? device::launch(scalar_kernel<Bf16, float>, grid, stream, call)
             : device::launch(scalar_kernel<Bf16, Bf16>, grid, stream, call);
}

}  // namespace switchyard::kernels::decode_linear
