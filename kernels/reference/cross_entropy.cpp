#include "kernels/include/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace switchyard::kernels {
namespace {

struct F32 {
  float value;

  [[nodiscard]] double get() const { return static_cast<double>(value); }

  void set(double number) { value = static_cast<float>(number); }
};

/// The upper half of a float, rounded to nearest, ties to even.
struct Bf16 {
  std::uint16_t bits;

  [[nodiscard]] double get() const {
    const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16U;
    float number = 0.0F;
    std::memcpy(&number, &wide, sizeof(number));
    return static_cast<double>(number);
  }

  void set(double number) {
    const auto narrow = static_cast<float>(number);
    std::uint32_t wide = 0;
    std::memcpy(&wide, &narrow, sizeof(wide));
    wide += 0x7FFFU + ((wide >> 16U) & 1U);
    bits = static_cast<std::uint16_t>(wide >> 16U);
  }
};

template <typename T>
float cross_entropy_row(
    T* row, std::int64_t target, std::int64_t V, std::int64_t stride, double scale) {
  const bool is_counted = target >= 0 && target < V;
  double largest = -std::numeric_limits<double>::infinity();
  for (std::int64_t v = 0; v < V; ++v) largest = std::max(largest, row[v].get());
  double sum = 0.0;
  for (std::int64_t v = 0; v < V; ++v) sum += std::exp(row[v].get() - largest);
  const double log_sum = largest + std::log(sum);
  const double loss = is_counted ? log_sum - row[target].get() : 0.0;
  for (std::int64_t v = 0; v < stride; ++v) {
    const double p = v < V ? std::exp(row[v].get() - log_sum) : 0.0;
    row[v].set(is_counted && v < V ? scale * (p - (v == target ? 1.0 : 0.0)) : 0.0);
  }
  return static_cast<float>(loss);
}

template <typename T>
void cross_entropy_rows(T* logits,
                        const std::int64_t* target,
                        std::int64_t N,
                        std::int64_t V,
                        std::int64_t stride,
                        float scale,
                        float* loss) {
  for (std::int64_t n = 0; n < N; ++n) {
    loss[n] =
        cross_entropy_row(logits + n * stride, target[n], V, stride, static_cast<double>(scale));
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
                             float* loss) {
  if (dtype == Dtype::kF32) {
    cross_entropy_rows(static_cast<F32*>(logits), target, N, V, stride, scale, loss);
  } else {
    cross_entropy_rows(static_cast<Bf16*>(logits), target, N, V, stride, scale, loss);
  }
}

}  // namespace switchyard::kernels
