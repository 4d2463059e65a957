#include "kernels/include/adamw.h"
#include "kernels/src/device.cuh"

namespace switchyard::kernels {
namespace {

using device::Bf16;
using device::load_pack;
using device::Pack;
using device::store;
using device::store_pack;

constexpr int kThreads = 256;
constexpr int kBlocksPerMultiprocessor = 4;
constexpr int kBatch = 2;  // packs of a thread under way at once

struct Constants {
  float beta1, beta2, one_minus_beta1, one_minus_beta2, eps, weight_decay, grad_clip_norm;
};

/// What the step gives to every element.
struct Factors {
  float clip;          ///< of the gradient
  float decay;         ///< of a decayed weight
  float rate;          ///< learning rate over the first correction
  float inverse_root;  ///< one over the root of the second correction
};

__device__ void update(const Constants& c,
                       const Factors& f,
                       bool is_decayed,
                       float gradient,
                       float& w,
                       float& m,
                       float& v) {
  const float g = f.clip * gradient;
  m = c.beta1 * m + c.one_minus_beta1 * g;
  v = c.beta2 * v + c.one_minus_beta2 * g * g;
  if (is_decayed) w *= f.decay;
  w -= f.rate * m / (sqrtf(v) * f.inverse_root + c.eps);
}

/// What a thread reads at once: packs of kSize elements, kThreads packs apart.
template <int kSize>
struct Batch {
  Pack<float, kSize> w[kBatch], g[kBatch], m[kBatch], v[kBatch];

  __device__ void load(const AdamWBuffers& buffers, std::int64_t at) {
#pragma unroll
    for (int j = 0; j < kBatch; ++j, at += kThreads * kSize) {
      if (at + kSize > buffers.size) continue;
      w[j] = load_pack<float, kSize>(buffers.master + at);
      g[j] = load_pack<float, kSize>(buffers.gradient + at);
      m[j] = load_pack<float, kSize>(buffers.moment1 + at);
      v[j] = load_pack<float, kSize>(buffers.moment2 + at);
    }
  }
};

/// Packs of kSize elements; the corrections once per block in f64, while the first batch is read.
template <int kSize>
__global__ void __launch_bounds__(kThreads, kBlocksPerMultiprocessor)
    adamw_kernel(const Constants constants,
                 const AdamWBuffers buffers,
                 const StepState* state,
                 const float* grad_norm) {
  const std::int64_t step = std::int64_t{gridDim.x} * kThreads * kSize * kBatch;
  std::int64_t at =
      std::int64_t{blockIdx.x} * kThreads * kSize * kBatch + std::int64_t{threadIdx.x} * kSize;
  Batch<kSize> batch;
  batch.load(buffers, at);
  float clip = 1.0F;
  if (grad_norm != nullptr) {
    const float norm = *grad_norm;
    if (!isfinite(norm)) return;
    if (constants.grad_clip_norm > 0.0F)
      clip = fminf(1.0F, constants.grad_clip_norm / (norm + 1e-6F));
  }
  __shared__ Factors shared;
  if (threadIdx.x == 0) {
    const double t = static_cast<double>(state->step + 1), rate = state->learning_rate;
    const double correction1 = -expm1(t * log(static_cast<double>(constants.beta1)));
    const double correction2 = -expm1(t * log(static_cast<double>(constants.beta2)));
    shared.clip = clip;
    shared.decay = static_cast<float>(1.0 - rate * static_cast<double>(constants.weight_decay));
    shared.rate = static_cast<float>(rate / correction1);
    shared.inverse_root = static_cast<float>(1.0 / sqrt(correction2));
  }
  __syncthreads();
  const Factors factors = shared;
  auto* compute = static_cast<Bf16*>(buffers.compute);
  const std::int64_t end = buffers.size / kSize * kSize;
  for (; at < end; at += step) {
#pragma unroll
    for (int j = 0; j < kBatch; ++j) {
      const std::int64_t first = at + j * kThreads * kSize;
      if (first >= end) continue;
      Pack<Bf16, kSize> copy;
#pragma unroll
      for (int i = 0; i < kSize; ++i) {
        update(constants,
               factors,
               first + i < buffers.num_decayed,
               batch.g[j].values[i],
               batch.w[j].values[i],
               batch.m[j].values[i],
               batch.v[j].values[i]);
        store(&copy.values[i], batch.w[j].values[i]);
      }
      store_pack(buffers.master + first, batch.w[j]);
      store_pack(buffers.moment1 + first, batch.m[j]);
      store_pack(buffers.moment2 + first, batch.v[j]);
      if (compute != nullptr) store_pack(compute + first, copy);
    }
    batch.load(buffers, at + step);
  }
  const std::int64_t i = end + threadIdx.x;  // of the elements that fill no pack
  if (blockIdx.x != 0 || i >= buffers.size) return;
  float w = buffers.master[i], m = buffers.moment1[i], v = buffers.moment2[i];
  update(constants, factors, i < buffers.num_decayed, buffers.gradient[i], w, m, v);
  buffers.master[i] = w;
  buffers.moment1[i] = m;
  buffers.moment2[i] = v;
  if (compute != nullptr) store(compute + i, w);
}

template <int kSize>
void launch(const Constants& constants,
            const AdamWBuffers& buffers,
            const StepState* state,
            const float* grad_norm,
            cudaStream_t stream) {
  constexpr std::int64_t kPerBlock = std::int64_t{kThreads} * kSize * kBatch;
  const std::int64_t wanted = (buffers.size + kPerBlock - 1) / kPerBlock;
  const std::int64_t resident =
      std::int64_t{device::num_multiprocessors()} * kBlocksPerMultiprocessor;
  const auto blocks = static_cast<unsigned>(wanted < resident ? wanted : resident);
  adamw_kernel<kSize><<<blocks, kThreads, 0, stream>>>(constants, buffers, state, grad_norm);
}

}  // namespace

KernelStatus adamw_cuda(const AdamW& options,
                        const AdamWBuffers& buffers,
                        const StepState* state,
                        const float* grad_norm,
                        CudaStream stream) {
  if (buffers.num_decayed < 0 || buffers.num_decayed > buffers.size) {
    return {"adamw: expected 0 <= num_decayed <= size"};
  }
  if (buffers.size == 0) return {};
  const Constants constants{options.beta1,
                            options.beta2,
                            static_cast<float>(1.0 - static_cast<double>(options.beta1)),
                            static_cast<float>(1.0 - static_cast<double>(options.beta2)),
                            options.eps,
                            options.weight_decay,
                            options.grad_clip_norm};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  const void* pointers[] = {
      buffers.master, buffers.gradient, buffers.moment1, buffers.moment2, buffers.compute};
  bool is_aligned = true;
  for (const void* pointer : pointers) is_aligned = is_aligned && device::is_aligned(pointer, 16);
  if (is_aligned) {
    launch<4>(constants, buffers, state, grad_norm, cuda_stream);
  } else {
    launch<1>(constants, buffers, state, grad_norm, cuda_stream);
  }
  return device::launched();
}

}  // namespace switchyard::kernels
