// The device against the host reference; skipped where no CUDA device answers.
#include "kernels/include/expert_histogram.h"
#include "tests/kernels/cases.h"
#include "tests/kernels/device_array.h"

namespace switchyard::kernels {
namespace {

using Longs = std::vector<std::int64_t>;

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

TEST(Launcher, RefusesTooManyExpertsInWords) {
  EXPECT_FALSE(expert_histogram_cuda(nullptr, 0, 6145, nullptr, nullptr).ok());
  EXPECT_FALSE(expert_histogram_cuda(nullptr, 0, 0, nullptr, nullptr).ok());
}

}  // namespace
}  // namespace switchyard::kernels
