// The device against the host reference; skipped where no CUDA device answers.
#include <cmath>
#include <cstring>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "kernels/include/cross_entropy.h"
#include "kernels/include/expert_histogram.h"
#include "kernels/include/expert_permutation.h"
#include "tests/kernels/cases.h"

namespace switchyard::kernels {
namespace {

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

using Longs = std::vector<std::int64_t>;

class Device : public ::testing::Test {
 protected:
  void SetUp() override {
    int num_devices = 0;
    if (cudaGetDeviceCount(&num_devices) != cudaSuccess || num_devices == 0) {
      GTEST_SKIP() << "no CUDA device answers";
    }
  }
};

Longs unset(std::int64_t size) {
  return Longs(static_cast<std::size_t>(size), -1);
}

TEST_F(Device, HistogramEqualsTheReference) {
  for (const Case& c : all_cases()) {
    SCOPED_TRACE(c.text());
    const std::vector<std::int32_t> indices = c.experts();
    const DeviceArray<std::int32_t> experts(indices);
    const DeviceArray<std::int64_t> count(unset(c.num_experts));
    const KernelStatus status =
        expert_histogram_cuda(experts.data(), c.size, c.num_experts, count.data(), nullptr);
    ASSERT_TRUE(status.ok()) << status.message;
    Longs want = unset(c.num_experts);
    expert_histogram_reference(indices.data(), c.size, c.num_experts, want.data());
    EXPECT_EQ(count.values(), want);
  }
}

TEST_F(Device, PermutationEqualsTheReference) {
  for (const Case& c : all_cases()) {
    SCOPED_TRACE(c.text());
    const std::vector<std::int32_t> indices = c.experts();
    const DeviceArray<std::int32_t> experts(indices);
    const DeviceArray<std::int64_t> row(unset(c.size)), slot(unset(c.size));
    const DeviceArray<std::int64_t> count(unset(c.num_experts));
    const KernelStatus status = expert_permutation_cuda(
        experts.data(), c.size, c.num_experts, row.data(), slot.data(), count.data(), nullptr);
    ASSERT_TRUE(status.ok()) << status.message;
    Longs want_row = unset(c.size), want_slot = unset(c.size), want_count = unset(c.num_experts);
    expert_permutation_reference(indices.data(),
                                 c.size,
                                 c.num_experts,
                                 want_row.data(),
                                 want_slot.data(),
                                 want_count.data());
    EXPECT_EQ(row.values(), want_row);
    EXPECT_EQ(slot.values(), want_slot);
    EXPECT_EQ(count.values(), want_count);
  }
}

float float_from_bf16(std::uint16_t bits) {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16U;
  float number = 0.0F;
  std::memcpy(&number, &wide, sizeof(number));
  return number;
}

std::uint16_t bf16_from_float(float number) {
  std::uint32_t wide = 0;
  std::memcpy(&wide, &number, sizeof(wide));
  return static_cast<std::uint16_t>(wide >> 16U);
}

float as_float(float x) {
  return x;
}

float as_float(std::uint16_t x) {
  return float_from_bf16(x);
}

/// Compares device and reference on random rows of one element type.
template <typename T, typename FromFloat>
void expect_same_cross_entropy(Dtype dtype, double bound, const FromFloat& from_float) {
  for (const RowShape& shape : kRowShapes) {
    SCOPED_TRACE(std::to_string(shape.num_rows) + " rows of " + std::to_string(shape.num_classes));
    std::mt19937 random(29);
    std::normal_distribution<float> normal(0.0F, 4.0F);
    std::vector<T> logits(static_cast<std::size_t>(shape.num_rows * shape.stride));
    for (T& x : logits) x = from_float(normal(random));
    Longs target(static_cast<std::size_t>(shape.num_rows));
    for (std::int64_t& t : target) {
      t = static_cast<std::int64_t>(random()) % shape.num_classes;
    }
    if (target.size() > 2) target[1] = -1;  // not counted
    const DeviceArray<T> rows(logits);
    const DeviceArray<std::int64_t> targets(target);
    const DeviceArray<float> loss(std::vector<float>(target.size(), -1.0F));
    const KernelStatus status = cross_entropy_cuda(rows.data(),
                                                   dtype,
                                                   targets.data(),
                                                   shape.num_rows,
                                                   shape.num_classes,
                                                   shape.stride,
                                                   0.5F,
                                                   loss.data(),
                                                   nullptr);
    ASSERT_TRUE(status.ok()) << status.message;
    std::vector<float> want_loss(target.size());
    cross_entropy_reference(logits.data(),
                            dtype,
                            target.data(),
                            shape.num_rows,
                            shape.num_classes,
                            shape.stride,
                            0.5F,
                            want_loss.data());
    const std::vector<float> got_loss = loss.values();
    for (std::size_t n = 0; n < got_loss.size(); ++n) {
      EXPECT_NEAR(got_loss[n], want_loss[n], 1e-5 * (1.0 + std::fabs(want_loss[n])));
    }
    const std::vector<T> got = rows.values();
    double largest = 0.0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      largest = std::fmax(largest, std::fabs(as_float(got[i]) - as_float(logits[i])));
    }
    EXPECT_LE(largest, bound);
  }
}

TEST_F(Device, CrossEntropyEqualsTheReference) {
  expect_same_cross_entropy<float>(Dtype::kF32, 1e-6, [](float x) { return x; });
  expect_same_cross_entropy<std::uint16_t>(Dtype::kBf16, 2e-3, &bf16_from_float);
}

TEST(Launcher, RefusesTooManyExpertsInWords) {
  EXPECT_FALSE(expert_histogram_cuda(nullptr, 0, 6145, nullptr, nullptr).ok());
  EXPECT_FALSE(expert_histogram_cuda(nullptr, 0, 0, nullptr, nullptr).ok());
}

}  // namespace
}  // namespace switchyard::kernels
