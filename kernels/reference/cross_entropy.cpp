#include "kernels/include/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/reference/element.h"

namespace switchyard::kernels {
namespace {

using reference::Bf16;
using reference::F32;

struct Losses {
  float plain, whole;
};

template <typename T>
Losses cross_entropy_row(
    T* row, std::int64_t target, std::int64_t V, std::int64_t stride, double scale, double z_coef) {
  const bool is_counted = target >= 0 && target < V;
  double largest = -std::numeric_limits<double>::infinity();
  for (std::int64_t v = 0; v < V; ++v) largest = std::max(largest, row[v].get());
  double sum = 0.0;
  for (std::int64_t v = 0; v < V; ++v) sum += std::exp(row[v].get() - largest);
  const double log_sum = largest + std::log(sum);
  const double plain = is_counted ? log_sum - row[target].get() : 0.0;
  const double square = is_counted ? z_coef * log_sum * log_sum : 0.0;
  const double factor = 1.0 + 2.0 * z_coef * log_sum;
  for (std::int64_t v = 0; v < stride; ++v) {
    const double p = v < V ? factor * std::exp(row[v].get() - log_sum) : 0.0;
    row[v].set(is_counted && v < V ? scale * (p - (v == target ? 1.0 : 0.0)) : 0.0);
  }
  return {static_cast<float>(plain), static_cast<float>(plain + square)};
}

template <typename T>
void cross_entropy_rows(T* logits,
                        const std::int64_t* target,
                        std::int64_t N,
                        std::int64_t V,
                        std::int64_t stride,
                        float scale,
                        float* loss,
                        const CrossEntropyOptions& options) {
  const float device_scale = options.device_scale != nullptr ? *options.device_scale : 1.0F;
  const double factor = static_cast<double>(scale) * static_cast<double>(device_scale);
  for (std::int64_t n = 0; n < N; ++n) {
    const Losses losses = cross_entropy_row(
        logits + n * stride, target[n], V, stride, factor, static_cast<double>(options.z_coef));
    loss[n] = losses.whole;
    if (options.plain_loss != nullptr) options.plain_loss[n] = losses.plain;
  }
}

}  // namespace

void cross_entropy_reference(void* logits,
                             Dtype dtype,
                             const std::int64_t* target,
                             std::int64_t N,
                             std::int64_t V,
                             std::int64_t stride,
                             float scale,
                             float* loss,
                             const CrossEntropyOptions& options) {
  if (dtype == Dtype::kF32) {
    cross_entropy_rows(static_cast<F32*>(logits), target, N, V, stride, scale, loss, options);
  } else {
    cross_entropy_rows(static_cast<Bf16*>(logits), target, N, V, stride, scale, loss, options);
  }
}

}  // namespace switchyard::kernels
