#include "kernels/include/activate_rows.h"
#include "kernels/src/activation.cuh"
#include "kernels/src/device.cuh"
#include "kernels/src/row_packs.cuh"

namespace switchyard::kernels {
namespace {

using device::Bf16;
using device::load_pack;
using device::Pack;
using device::store;
using device::store_pack;
using device::to_float;

constexpr int kThreads = 256;
constexpr int kPacks = 2;  // per thread, both loaded before either is used

struct Activate {
  const void* dy;  ///< null: forward
  const void* h;
  void* out;
  std::int64_t num_rows;
  std::int64_t F;
  const std::int32_t* num_used_rows;
};

template <RowActivation kActivation>
__device__ float value(float h) {
  if constexpr (kActivation == RowActivation::kRelu) {
    return h < 0.0F ? 0.0F : h;
  } else if constexpr (kActivation == RowActivation::kGeluErf) {
    return device::gelu<GeluKind::kErf>(h);
  } else {
    return device::gelu<GeluKind::kTanh>(h);
  }
}

template <RowActivation kActivation>
__device__ float gradient(float dy, float h) {
  if constexpr (kActivation == RowActivation::kRelu) {
    return h > 0.0F ? dy : 0.0F;
  } else if constexpr (kActivation == RowActivation::kGeluErf) {
    return dy * device::gelu_slope<GeluKind::kErf>(h);
  } else {
    return dy * device::gelu_slope<GeluKind::kTanh>(h);
  }
}

/// A thread reads all that belongs to its packs before it writes them: any output may be an input.
template <typename T, int kSize, RowActivation kActivation, bool kIsBackward>
__global__ void __launch_bounds__(kThreads)
    activate_rows_kernel(const Activate args, unsigned packs_per_row) {
  constexpr bool kIsGated = kActivation == RowActivation::kSwiglu;
  const std::int64_t num_used = args.num_used_rows != nullptr ? *args.num_used_rows : args.num_rows;
  const std::int64_t width = (kIsGated ? 2 : 1) * args.F;
  const auto* h = static_cast<const T*>(args.h);
  Pack<T, kSize> h_packs[kPacks], up_packs[kPacks], dy_packs[kPacks];
  device::PackPlace places[kPacks];
#pragma unroll
  for (int j = 0; j < kPacks; ++j) {
    places[j] = device::pack_place<kThreads, kPacks>(j, packs_per_row);
    const auto [row, pack] = places[j];
    if (row >= num_used || row >= args.num_rows) continue;
    const std::int64_t f = std::int64_t{pack} * kSize;
    h_packs[j] = load_pack<T, kSize>(h + row * width + f);
    if constexpr (kIsGated) up_packs[j] = load_pack<T, kSize>(h + row * width + args.F + f);
    if constexpr (kIsBackward) {
      dy_packs[j] = load_pack<T, kSize>(static_cast<const T*>(args.dy) + row * args.F + f);
    }
  }
#pragma unroll
  for (int j = 0; j < kPacks; ++j) {
    const auto [row, pack] = places[j];
    if (row >= args.num_rows) continue;
    const bool is_used = row < num_used;
    Pack<T, kSize> out, dup;
#pragma unroll
    for (int i = 0; i < kSize; ++i) {
      float first = 0.0F, second = 0.0F;
      if (is_used) {
        const float x = to_float(h_packs[j].values[i]);
        if constexpr (kIsGated && kIsBackward) {
          const device::SwigluGradient both = device::swiglu_gradient(
              to_float(dy_packs[j].values[i]), x, to_float(up_packs[j].values[i]));
          first = both.gate;
          second = both.up;
        } else if constexpr (kIsGated) {
          first = device::swiglu(x, to_float(up_packs[j].values[i]));
        } else if constexpr (kIsBackward) {
          first = gradient<kActivation>(to_float(dy_packs[j].values[i]), x);
        } else {
          first = value<kActivation>(x);
        }
      }
      store(&out.values[i], first);
      store(&dup.values[i], second);
    }
    T* at = static_cast<T*>(args.out) + row * (kIsBackward ? width : args.F) +
            std::int64_t{pack} * kSize;
    store_pack(at, out);
    if constexpr (kIsGated && kIsBackward) store_pack(at + args.F, dup);
  }
}

template <typename T, int kSize, RowActivation kActivation, bool kIsBackward>
KernelStatus launch_packs(const Activate& args, cudaStream_t stream) {
  const std::int64_t packs_per_row = args.F / kSize;
  const std::int64_t blocks =
      device::num_pack_blocks<kThreads, kPacks>(args.num_rows, packs_per_row);
  if (blocks == 0) return {"activate_rows: too many elements"};
  activate_rows_kernel<T, kSize, kActivation, kIsBackward>
      <<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(
          args, static_cast<unsigned>(packs_per_row));
  return device::launched();
}

template <typename T, RowActivation kActivation>
KernelStatus launch_activation(const Activate& args, cudaStream_t stream) {
  constexpr int kWide = 16 / static_cast<int>(sizeof(T));
  const bool is_aligned = args.F % kWide == 0 && device::is_aligned(args.dy, 16) &&
                          device::is_aligned(args.h, 16) && device::is_aligned(args.out, 16);
  if (args.dy != nullptr) {
    return is_aligned ? launch_packs<T, kWide, kActivation, true>(args, stream)
                      : launch_packs<T, 1, kActivation, true>(args, stream);
  }
  return is_aligned ? launch_packs<T, kWide, kActivation, false>(args, stream)
                    : launch_packs<T, 1, kActivation, false>(args, stream);
}

template <typename T>
KernelStatus launch(RowActivation activation, const Activate& args, cudaStream_t stream) {
  switch (activation) {
    case RowActivation::kRelu:
      return launch_activation<T, RowActivation::kRelu>(args, stream);
    case RowActivation::kGeluErf:
      return launch_activation<T, RowActivation::kGeluErf>(args, stream);
    case RowActivation::kGeluTanh:
      return launch_activation<T, RowActivation::kGeluTanh>(args, stream);
    case RowActivation::kSwiglu:
      return launch_activation<T, RowActivation::kSwiglu>(args, stream);
  }
  return {"activate_rows: unknown activation"};
}

KernelStatus run(
    const ActivateRows& shape, const void* dy, const void* h, void* out, CudaStream stream) {
  if (shape.F < 1) return {"activate_rows: expected F >= 1"};
  if (shape.num_rows <= 0) return {};
  const Activate args{dy, h, out, shape.num_rows, shape.F, shape.num_used_rows};
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  return shape.dtype == Dtype::kF32 ? launch<float>(shape.activation, args, cuda_stream)
                                    : launch<Bf16>(shape.activation, args, cuda_stream);
}

}  // namespace

KernelStatus activate_rows_cuda(const ActivateRows& shape,
                                const void* h,
                                void* y,
                                CudaStream stream) {
  return run(shape, nullptr, h, y, stream);
}

KernelStatus activate_rows_backward_cuda(
    const ActivateRows& shape, const void* dy, const void* h, void* dh, CudaStream stream) {
  return run(shape, dy, h, dh, stream);
}

}  // namespace switchyard::kernels
