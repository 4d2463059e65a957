#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "kernels/include/cross_entropy.h"
#include "kernels/include/expert_histogram.h"
#include "kernels/include/expert_permutation.h"
#include "tests/kernels/cases.h"

namespace switchyard::kernels {
namespace {

/// Calls `check` for every row of the table: the case and its indices as a tensor.
template <typename Check>
void for_every_case(const Check& check) {
  for (const Case& c : all_cases()) {
    SCOPED_TRACE(c.text());
    const std::vector<std::int32_t> experts = c.experts();
    at::Tensor index = at::empty({c.size}, at::kLong);
    std::copy(experts.begin(), experts.end(), index.mutable_data_ptr<std::int64_t>());
    check(c, experts, index);
  }
}

TEST(Reference, HistogramEqualsBincount) {
  for_every_case([](const Case& c, const std::vector<std::int32_t>& experts, at::Tensor index) {
    at::Tensor count = at::full({c.num_experts}, -1, at::kLong);
    expert_histogram_reference(
        experts.data(), c.size, c.num_experts, count.mutable_data_ptr<std::int64_t>());
    EXPECT_TRUE(at::equal(count, at::bincount(index, {}, c.num_experts)));
  });
}

TEST(Reference, PermutationEqualsAStableSort) {
  for_every_case([](const Case& c, const std::vector<std::int32_t>& experts, at::Tensor index) {
    at::Tensor row_from_slot = at::full({c.size}, -1, at::kLong);
    at::Tensor slot_from_row = at::full({c.size}, -1, at::kLong);
    at::Tensor count = at::full({c.num_experts}, -1, at::kLong);
    at::Tensor offsets = at::full({c.num_experts}, -1, at::kInt);
    expert_permutation_reference({.expert_index = experts.data(),
                                  .num_assignments = c.size,
                                  .E = c.num_experts,
                                  .row_from_slot = row_from_slot.mutable_data_ptr<std::int64_t>(),
                                  .slot_from_row = slot_from_row.mutable_data_ptr<std::int64_t>(),
                                  .count = count.mutable_data_ptr<std::int64_t>(),
                                  .offsets = offsets.mutable_data_ptr<std::int32_t>()});
    EXPECT_TRUE(at::equal(offsets, count.cumsum(0).to(at::kInt)));
    EXPECT_TRUE(at::equal(count, at::bincount(index, {}, c.num_experts)));
    EXPECT_TRUE(at::equal(slot_from_row, std::get<1>(at::sort(index, /*stable=*/true, 0, false))));
    EXPECT_TRUE(at::equal(row_from_slot.index_select(0, slot_from_row), at::arange(c.size)));
  });
}

TEST(Reference, HistogramCountsIndicesOutsideNowhere) {
  const std::int32_t experts[] = {0, -1, 2, 3, 1'000'000, 2};
  std::int64_t count[3] = {9, 9, 9};
  expert_histogram_reference(experts, 6, 3, count);
  EXPECT_EQ(count[0], 1);
  EXPECT_EQ(count[1], 0);
  EXPECT_EQ(count[2], 2);
}

TEST(Reference, CrossEntropyEqualsTheGradientOfAten) {
  for (const auto& [N, V, stride] : kRowShapes) {
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      SCOPED_TRACE(std::to_string(N) + " rows of " + std::to_string(V));
      at::Tensor logits = (at::randn({N, stride}) * 4.0).to(type);
      const at::Tensor target = at::randint(V, {N}, at::kLong);
      const at::Tensor exact = logits.narrow(1, 0, V).to(at::kDouble).detach().requires_grad_(true);
      const at::Tensor want = at::cross_entropy_loss(exact, target, {}, at::Reduction::None);
      (want * 0.5).sum().backward();
      at::Tensor loss = at::full({N}, -1.0F);
      cross_entropy_reference(logits.mutable_data_ptr(),
                              type == at::kFloat ? Dtype::kF32 : Dtype::kBf16,
                              target.const_data_ptr<std::int64_t>(),
                              N,
                              V,
                              stride,
                              0.5F,
                              loss.mutable_data_ptr<float>());
      const double bound = type == at::kFloat ? 1e-7 : 2e-3;
      EXPECT_TRUE(at::allclose(loss.to(at::kDouble), want, 1e-6, 1e-6));
      EXPECT_TRUE(at::allclose(logits.narrow(1, 0, V).to(at::kDouble), exact.grad(), 1e-2, bound));
      EXPECT_EQ(logits.narrow(1, V, stride - V).abs().sum().item<double>(), 0.0);
    }
  }
}

}  // namespace
}  // namespace switchyard::kernels
