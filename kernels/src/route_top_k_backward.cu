#include "kernels/src/route_top_k.cuh"

namespace switchyard::kernels {
namespace {

using device::kAllLanes;
using device::kRouteThreads;
using device::kRouteWarps;
using device::warp_sum;

constexpr int kMostBlocks = 1056;

template <int kPerLane>
__global__ void __launch_bounds__(kRouteThreads)
    route_backward_kernel(const RouteTopK shape, const RouteTopKBackward args) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const bool is_softmax = device::is_softmax(shape.score);
  const bool is_own_softmax = shape.score == RouterScore::kSoftmaxOfSelected;
  const bool is_normalised = is_own_softmax || shape.use_renormalized_weights;
  const auto N = static_cast<float>(shape.N);
  const float balance = args.dload_balance_loss != nullptr
                            ? *args.dload_balance_loss * static_cast<float>(shape.E) / N
                            : 0.0F;
  const float square = args.drouter_z_loss != nullptr ? *args.drouter_z_loss * 2.0F / N : 0.0F;
  float share[kPerLane];  // of all assignments
#pragma unroll
  for (int v = 0; v < kPerLane; ++v) {
    const int e = lane + 32 * v;
    share[v] =
        args.dload_balance_loss != nullptr && e < shape.E
            ? static_cast<float>(args.tokens_per_expert[e]) / (N * static_cast<float>(shape.K))
            : 0.0F;
  }
  const bool is_choice = lane < shape.K && args.dcombine_weight != nullptr;
  const std::int64_t step = std::int64_t{gridDim.x} * kRouteWarps;
  for (std::int64_t n = std::int64_t{blockIdx.x} * kRouteWarps + warp; n < shape.N; n += step) {
    const float* logits = args.router_logits + n * shape.E;
    const float logsumexp = args.logsumexp[n];
    float x[kPerLane], s[kPerLane], dscore[kPerLane], dx[kPerLane];
    device::load_logits(logits, shape.E, x);
    device::scores_of(shape.score, logsumexp, x, s);
    float mean = 0.0F;
#pragma unroll
    for (int v = 0; v < kPerLane; ++v) mean += share[v] * s[v];
    const float inverse = is_softmax ? 1.0F : 1.0F / device::warp_sum_of(s);
    mean = is_softmax ? 0.0F : warp_sum(mean) * inverse;
#pragma unroll
    for (int v = 0; v < kPerLane; ++v) {
      dscore[v] = balance * (share[v] - mean) * inverse;
      dx[v] = square * logsumexp * (is_softmax ? s[v] : expf(x[v] - logsumexp));
    }
    if (args.dcombine_weight != nullptr) {
      const std::int64_t slot = n * shape.K + lane;
      const int own_index = is_choice ? args.expert_index[slot] : 0;
      const float own_gradient = is_choice ? args.dcombine_weight[slot] : 0.0F;
      const float own_logit = is_choice ? logits[own_index] : 0.0F;
      const device::SelectedScore selected =
          device::selected_score(shape, is_choice, own_logit, logsumexp);
      const float sum = warp_sum(own_gradient * selected.score);
      const float mean_gradient = is_normalised ? sum * selected.inverse : 0.0F;
      float through = shape.scale * selected.inverse * (own_gradient - mean_gradient);
      if (is_own_softmax) through *= selected.score;
      for (int k = 0; k < shape.K; ++k) {
        const int index = __shfl_sync(kAllLanes, own_index, k);
        const float of_choice = __shfl_sync(kAllLanes, through, k);
#pragma unroll
        for (int v = 0; v < kPerLane; ++v) {
          if (index == lane + 32 * v) (is_own_softmax ? dx[v] : dscore[v]) += of_choice;
        }
      }
    }
    float through_all = 0.0F;
    if (is_softmax) {
#pragma unroll
      for (int v = 0; v < kPerLane; ++v) through_all += dscore[v] * s[v];
      through_all = warp_sum(through_all);
    }
#pragma unroll
    for (int v = 0; v < kPerLane; ++v) {
      const int e = lane + 32 * v;
      if (is_softmax) {
        dx[v] += s[v] * (dscore[v] - through_all);
      } else if (shape.score == RouterScore::kSigmoid) {
        dx[v] += dscore[v] * s[v] * (1.0F - s[v]);
      } else if (s[v] > 0.0F) {
        dx[v] += dscore[v] * device::exact_sigmoid(x[v]) / (2.0F * s[v]);
      }
      if (e < shape.E) args.drouter_logits[n * shape.E + e] = dx[v];
    }
  }
}

template <int kPerLane>
void launch(const RouteTopK& shape,
            const RouteTopKBackward& args,
            int blocks,
            cudaStream_t stream) {
  route_backward_kernel<kPerLane><<<blocks, kRouteThreads, 0, stream>>>(shape, args);
}

}  // namespace

KernelStatus route_top_k_backward_cuda(const RouteTopK& shape,
                                       const RouteTopKBackward& args,
                                       CudaStream stream) {
  if (const char* complaint = device::route_top_k_complaint(shape)) return {complaint};
  if (shape.N <= 0) return {};
  const std::int64_t wanted = (shape.N + kRouteWarps - 1) / kRouteWarps;
  const int blocks = wanted < kMostBlocks ? static_cast<int>(wanted) : kMostBlocks;
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  if (shape.E <= 32) {
    launch<1>(shape, args, blocks, cuda_stream);
  } else if (shape.E <= 64) {
    launch<2>(shape, args, blocks, cuda_stream);
  } else if (shape.E <= 128) {
    launch<4>(shape, args, blocks, cuda_stream);
  } else if (shape.E <= 256) {
    launch<8>(shape, args, blocks, cuda_stream);
  } else {
    launch<16>(shape, args, blocks, cuda_stream);
  }
  return device::launched();
}

}  // namespace switchyard::kernels
