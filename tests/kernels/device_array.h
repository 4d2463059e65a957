#pragma once

#include <algorithm>
#include <vector>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "kernels/include/status.h"
#include "tests/kernels/host_array.h"

namespace switchyard::kernels {

/// Skips where no CUDA device answers.
class Device : public ::testing::Test {
 protected:
  void SetUp() override {
    int num_devices = 0;
    if (cudaGetDeviceCount(&num_devices) != cudaSuccess || num_devices == 0) {
      GTEST_SKIP() << "no CUDA device answers";
    }
  }
};

/// Device memory with a copy of `values`.
template <typename T>
class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<T>& values) : size_(values.size()) {
    EXPECT_EQ(cudaMalloc(&data_, std::max<std::size_t>(size_, 1) * sizeof(T)), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice),
              cudaSuccess);
  }

  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  ~DeviceArray() { cudaFree(data_); }

  [[nodiscard]] T* data() const { return static_cast<T*>(data_); }

  [[nodiscard]] std::vector<T> values() const {
    std::vector<T> copy(size_);
    EXPECT_EQ(cudaMemcpy(copy.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost),
              cudaSuccess);
    return copy;
  }

 private:
  void* data_ = nullptr;
  std::size_t size_;
};

/// A copy of a host array in device memory, `offset` elements behind an aligned address, between
/// bytes that must not change.
class DeviceCopy {
 public:
  explicit DeviceCopy(const HostArray& values, int offset = 0)
      : values_(values),
        front_(kGuardBytes +
               static_cast<std::size_t>(offset) * HostArray::element_bytes(values.dtype())),
        memory_(with_guards(values, front_)) {}

  [[nodiscard]] void* data() const { return memory_.data() + front_; }

  [[nodiscard]] float* floats() const { return static_cast<float*>(data()); }

  /// What the device holds now; fails the test if anything around it was written.
  [[nodiscard]] HostArray values() const {
    const std::vector<char> bytes = memory_.values();
    HostArray copy = values_;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(front_),
                copy.num_bytes(),
                static_cast<char*>(copy.data()));
    EXPECT_EQ(bytes, with_guards(copy, front_)) << "memory beside an array was written";
    return copy;
  }

 private:
  static constexpr std::size_t kGuardBytes = 256;

  static std::vector<char> with_guards(const HostArray& values, std::size_t front) {
    std::vector<char> bytes(front + values.num_bytes() + kGuardBytes, '\x5A');
    std::copy_n(static_cast<const char*>(values.data()),
                values.num_bytes(),
                bytes.begin() + static_cast<std::ptrdiff_t>(front));
    return bytes;
  }

  HostArray values_;
  std::size_t front_;
  DeviceArray<char> memory_;
};

/// Scratch of a size in bytes.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes) : memory_(std::vector<char>(bytes, '\x7F')) {}

  [[nodiscard]] void* data() const { return memory_.data(); }

 private:
  DeviceArray<char> memory_;
};

inline ::testing::AssertionResult launched(const KernelStatus& status) {
  if (!status.ok()) return ::testing::AssertionFailure() << status.message;
  const cudaError_t error = cudaDeviceSynchronize();
  if (error != cudaSuccess) return ::testing::AssertionFailure() << cudaGetErrorString(error);
  return ::testing::AssertionSuccess();
}

/// The device's numbers within the limits of their type; `limits` overrides the type.
inline ::testing::AssertionResult agrees(const DeviceCopy& got,
                                         const HostArray& want,
                                         Dtype limits) {
  const Errors errors(got.values().doubles(), want.doubles());
  if (errors.within(limits)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << errors;
}

inline ::testing::AssertionResult agrees(const DeviceCopy& got, const HostArray& want) {
  return agrees(got, want, want.dtype());
}

}  // namespace switchyard::kernels
