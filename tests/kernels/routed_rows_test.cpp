// The host references of a routed layer's rows against formulas in f64 and central differences.
#include <numeric>

#include <gtest/gtest.h>

#include "kernels/include/activate_rows.h"
#include "kernels/include/combine_rows.h"
#include "kernels/include/expert_permutation.h"
#include "kernels/include/gather_rows.h"
#include "tests/kernels/cases.h"
#include "tests/kernels/host_array.h"

namespace switchyard::kernels {
namespace {

using Longs = std::vector<std::int64_t>;

TEST(ExpertPermutationReference, EqualsAStableSort) {
  for (const Case& c : all_cases()) {
    SCOPED_TRACE(c.text());
    std::vector<std::int32_t> experts = c.experts();
    for (std::size_t i = 0; i < experts.size(); i += 5)
      experts[i] = i % 2 == 0 ? c.num_experts : -1;
    const auto bin = [&](std::int64_t slot) {
      const std::int32_t e = experts[static_cast<std::size_t>(slot)];
      return e < 0 ? c.num_experts : e;
    };
    Longs want(experts.size()), row(experts.size()), slot(experts.size());
    Longs count(static_cast<std::size_t>(c.num_experts), -1);
    std::vector<std::int32_t> offsets(count.size(), -1);
    std::iota(want.begin(), want.end(), std::int64_t{0});
    std::stable_sort(want.begin(), want.end(), [&](auto a, auto b) { return bin(a) < bin(b); });
    expert_permutation_reference({.expert_index = experts.data(),
                                  .num_assignments = c.size,
                                  .E = c.num_experts,
                                  .row_from_slot = row.data(),
                                  .slot_from_row = slot.data(),
                                  .count = count.data(),
                                  .offsets = offsets.data()});
    EXPECT_EQ(slot, want);
    std::int64_t end = 0;
    for (std::int32_t e = 0; e < c.num_experts; ++e) {
      const auto i = static_cast<std::size_t>(e);
      EXPECT_EQ(count[i], std::count(experts.begin(), experts.end(), e));
      end += count[i];
      EXPECT_EQ(offsets[i], end);
    }
    for (std::size_t r = 0; r < slot.size(); ++r) {
      const auto at = static_cast<std::int64_t>(r);
      const bool has_expert = at < end;
      EXPECT_EQ(row[static_cast<std::size_t>(slot[r])], has_expert ? at : -1 - at);
    }
  }
}

/// Three tokens of two choices among two experts; the last choice has none, row 6 no slot.
constexpr std::int64_t kN = 3, kK = 2, kD = 5, kM = 7;
constexpr std::int64_t kRows[kN * kK] = {0, 3, 4, 1, 2, -6};

TEST(GatherRowsReference, CopiesTokensAndSumsTheirGradients) {
  const HostArray x = HostArray::random(Dtype::kF32, kN * kD, 1);
  const HostArray dy = HostArray::random(Dtype::kF32, kM * kD, 2);
  const HostArray addend = HostArray::random(Dtype::kF32, kN * kD, 3);
  HostArray y(Dtype::kF32, kM * kD, 9.0), dx(Dtype::kF32, kN * kD, 9.0);
  gather_rows_reference(Dtype::kF32, x.data(), kRows, kN, kK, kD, kM, y.data());
  gather_rows_backward_reference(
      Dtype::kF32, dy.data(), kRows, kN, kK, kD, addend.data(), dx.data());
  constexpr std::int64_t kTokens[kM] = {0, 1, 2, 0, 1, -1, -2};  // -1: zeros, -2: left alone
  for (std::int64_t r = 0; r < kM; ++r) {
    for (std::int64_t d = 0; d < kD; ++d) {
      const std::int64_t n = kTokens[r];
      EXPECT_EQ(y[r * kD + d], n >= 0 ? x[n * kD + d] : n == -1 ? 0.0 : 9.0);
    }
  }
  HostArray shorter(Dtype::kF32, kM * kD, 9.0);
  gather_rows_reference(Dtype::kF32, x.data(), kRows, kN, kK, kD, 5, shorter.data());
  EXPECT_EQ(shorter[5 * kD], 9.0) << "a row without an expert behind the last one";
  for (std::int64_t d = 0; d < kD; ++d) {
    EXPECT_NEAR(dx[d], addend[d] + dy[d] + dy[3 * kD + d], 1e-6);
    EXPECT_NEAR(dx[2 * kD + d], addend[2 * kD + d] + dy[2 * kD + d], 1e-6);
  }
}

TEST(CombineRowsReference, EqualsTheFormulaAndItsSlopes) {
  const HostArray weight = HostArray::random(Dtype::kF32, kN * kK, 1);
  const HostArray addend = HostArray::random(Dtype::kF32, kN * kD, 2);
  const HostArray dout = HostArray::random(Dtype::kF32, kN * kD, 3);
  HostArray y = HostArray::random(Dtype::kF32, kM * kD, 4);
  for (std::int64_t d = 0; d < kD; ++d) y.set(5 * kD + d, NAN);  // of the choice without an expert
  std::vector<double> rows = y.doubles(), weights = weight.doubles();
  const auto out_at = [&](std::int64_t n, std::int64_t d) {
    double sum = addend[n * kD + d];
    for (std::int64_t i = n * kK; i < (n + 1) * kK; ++i) {
      if (kRows[i] < 0) continue;
      sum +=
          weights[static_cast<std::size_t>(i)] * rows[static_cast<std::size_t>(kRows[i] * kD + d)];
    }
    return sum;
  };
  const auto loss = [&] {
    double sum = 0.0;
    for (std::int64_t i = 0; i < kN * kD; ++i) sum += dout[i] * out_at(i / kD, i % kD);
    return sum;
  };
  const CombineRows shape{.N = kN,
                          .K = kK,
                          .D = kD,
                          .num_rows = kM,
                          .row_from_slot = kRows,
                          .combine_weight = weight.floats()};
  HostArray out = addend, dy(Dtype::kF32, kM * kD, 9.0), dweight(Dtype::kF32, kN * kK, 9.0);
  combine_rows_reference(shape, {.y = y.data(), .addend = out.data(), .out = out.data()});
  for (std::int64_t i = 0; i < kN * kD; ++i) EXPECT_NEAR(out[i], out_at(i / kD, i % kD), 1e-6);
  combine_rows_backward_reference(
      shape,
      {.dout = dout.data(), .y = y.data(), .dy = dy.data(), .dcombine_weight = dweight.floats()});
  const std::vector<double> of_rows = central_differences(rows, loss);
  const std::vector<double> of_weights = central_differences(weights, loss);
  for (std::int64_t i = 0; i < 6 * kD; ++i) {
    EXPECT_NEAR(dy[i], of_rows[static_cast<std::size_t>(i)], 1e-5);
  }
  EXPECT_EQ(dy[6 * kD], 9.0) << "a row that no slot names";
  for (std::int64_t i = 0; i < kN * kK; ++i) {
    EXPECT_NEAR(dweight[i], of_weights[static_cast<std::size_t>(i)], 1e-5);
  }
  HostArray in_place = y;
  combine_rows_backward_reference(shape,
                                  {.dout = dout.data(),
                                   .y = in_place.data(),
                                   .dy = in_place.data(),
                                   .dcombine_weight = dweight.floats()});
  for (std::int64_t i = 0; i < 6 * kD; ++i) EXPECT_EQ(in_place[i], dy[i]);
}

TEST(ActivateRowsReference, ZeroesRowsBehindTheUsedOnes) {
  constexpr std::int64_t kRowsOfAll = 4, kF = 3;
  constexpr std::int32_t kUsed = 2;
  for (const RowActivation activation : {RowActivation::kRelu,
                                         RowActivation::kGeluErf,
                                         RowActivation::kGeluTanh,
                                         RowActivation::kSwiglu}) {
    const std::int64_t width = (activation == RowActivation::kSwiglu ? 2 : 1) * kF;
    const HostArray h = HostArray::random(Dtype::kF32, kRowsOfAll * width, 1);
    const HostArray dy = HostArray::random(Dtype::kF32, kRowsOfAll * kF, 2);
    HostArray y(Dtype::kF32, kRowsOfAll * kF, 9.0), all = y;
    HostArray dh(Dtype::kF32, kRowsOfAll * width, 9.0), all_dh = dh;
    ActivateRows shape{.activation = activation, .num_rows = kRowsOfAll, .F = kF};
    activate_rows_reference(shape, h.data(), all.data());
    activate_rows_backward_reference(shape, dy.data(), h.data(), all_dh.data());
    shape.num_used_rows = &kUsed;
    activate_rows_reference(shape, h.data(), y.data());
    activate_rows_backward_reference(shape, dy.data(), h.data(), dh.data());
    for (std::int64_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], i < kUsed * kF ? all[i] : 0.0);
    for (std::int64_t i = 0; i < dh.size(); ++i) {
      EXPECT_EQ(dh[i], i < kUsed * width ? all_dh[i] : 0.0);
    }
    if (activation != RowActivation::kRelu) continue;
    for (std::int64_t i = 0; i < h.size(); ++i) {
      EXPECT_EQ(all[i], std::max(h[i], 0.0));
      EXPECT_EQ(all_dh[i], h[i] > 0.0 ? dy[i] : 0.0);
    }
  }
}

}  // namespace
}  // namespace switchyard::kernels
