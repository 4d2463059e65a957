#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "kernels/reference/element.h"

namespace switchyard::kernels {

/// Bytes on the device: a copy of `values`, or `size` elements of nothing in particular.
template <typename T>
class DeviceMemory {
 public:
  explicit DeviceMemory(std::size_t size) : size_(size) {
    EXPECT_EQ(cudaMalloc(&data_, std::max<std::size_t>(size_, 1) * sizeof(T)), cudaSuccess);
  }

  explicit DeviceMemory(const std::vector<T>& values) : DeviceMemory(values.size()) {
    EXPECT_EQ(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice),
              cudaSuccess);
  }

  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  ~DeviceMemory() { cudaFree(data_); }

  [[nodiscard]] T* data() const { return static_cast<T*>(data_); }

  /// Waits for the device.
  [[nodiscard]] std::vector<T> values() const {
    std::vector<T> copy(size_);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(copy.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost),
              cudaSuccess);
    return copy;
  }

 private:
  void* data_ = nullptr;
  std::size_t size_;
};

inline bool has_device() {
  int num_devices = 0;
  return cudaGetDeviceCount(&num_devices) == cudaSuccess && num_devices > 0;
}

/// Stored numbers of either type, as bytes.
class Numbers {
 public:
  Numbers(std::int64_t size, Dtype dtype)
      : dtype_(dtype), bytes_(static_cast<std::size_t>(size) * (dtype == Dtype::kF32 ? 4 : 2)) {}

  static Numbers normal(std::int64_t size,
                        Dtype dtype,
                        std::uint32_t seed,
                        float deviation = 1.0F) {
    Numbers numbers(size, dtype);
    std::mt19937 random(seed);
    std::normal_distribution<float> distribution(0.0F, deviation);
    reference::Elements elements(numbers.data(), dtype);
    for (std::int64_t i = 0; i < size; ++i) {
      elements.set(i, static_cast<double>(distribution(random)));
    }
    return numbers;
  }

  [[nodiscard]] void* data() { return bytes_.data(); }

  [[nodiscard]] const void* data() const { return bytes_.data(); }

  [[nodiscard]] std::vector<unsigned char>& bytes() { return bytes_; }

  [[nodiscard]] const std::vector<unsigned char>& bytes() const { return bytes_; }

  [[nodiscard]] std::int64_t size() const {
    return static_cast<std::int64_t>(bytes_.size() / (dtype_ == Dtype::kF32 ? 4 : 2));
  }

  [[nodiscard]] double get(std::int64_t i) const {
    return reference::ConstElements(bytes_.data(), dtype_).get(i);
  }

  [[nodiscard]] Dtype dtype() const { return dtype_; }

 private:
  Dtype dtype_;
  std::vector<unsigned char> bytes_;
};

/// How far `got` is from `want`: the largest |got - want| / (absolute + relative |want|). At most 1
/// passes; NaN never does.
inline double worst_error(const Numbers& got,
                          const Numbers& want,
                          double absolute,
                          double relative) {
  double worst = 0.0;
  for (std::int64_t i = 0; i < want.size(); ++i) {
    const double w = want.get(i), g = got.get(i);
    const double error = std::fabs(g - w) / (absolute + relative * std::fabs(w));
    if (!(error <= worst)) worst = std::isnan(error) ? HUGE_VAL : error;
  }
  return worst;
}

/// sum (got - want)^2 / sum want^2.
inline double normalised_squared_error(const Numbers& got, const Numbers& want) {
  double errors = 0.0, squares = 0.0;
  for (std::int64_t i = 0; i < want.size(); ++i) {
    errors += (got.get(i) - want.get(i)) * (got.get(i) - want.get(i));
    squares += want.get(i) * want.get(i);
  }
  return squares > 0.0 ? errors / squares : errors;
}

}  // namespace switchyard::kernels
