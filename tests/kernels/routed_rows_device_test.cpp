// Rows of routed layers on the device against the host reference; skipped where no CUDA device
// answers.
#include "kernels/include/activate_rows.h"
#include "kernels/include/combine_rows.h"
#include "kernels/include/expert_permutation.h"
#include "kernels/include/gather_rows.h"
#include "tests/kernels/cases.h"
#include "tests/kernels/device_array.h"

namespace switchyard::kernels {
namespace {

using Longs = std::vector<std::int64_t>;

std::string text(Dtype dtype) {
  return dtype == Dtype::kF32 ? "f32" : "bf16";
}

/// Every fifth assignment without an expert, by an index on either side.
std::vector<std::int32_t> some_without_expert(std::vector<std::int32_t> experts, int E) {
  for (std::size_t i = 0; i < experts.size(); i += 5) experts[i] = i % 2 == 0 ? E : -1;
  return experts;
}

void expect_same_permutation(const std::vector<std::int32_t>& experts, int E) {
  const auto size = static_cast<std::int64_t>(experts.size());
  Longs row(experts.size(), -99), slot = row, count(static_cast<std::size_t>(E), -99);
  std::vector<std::int32_t> offsets(static_cast<std::size_t>(E), -99);
  const DeviceArray<std::int32_t> experts_(experts), offsets_(offsets);
  const DeviceArray<std::int64_t> row_(row), slot_(slot), count_(count), alone_(row);
  const Scratch scratch(expert_permutation_workspace_bytes(size, E));
  ASSERT_TRUE(launched(expert_permutation_cuda({.expert_index = experts_.data(),
                                                .num_assignments = size,
                                                .E = E,
                                                .row_from_slot = row_.data(),
                                                .slot_from_row = slot_.data(),
                                                .count = count_.data(),
                                                .offsets = offsets_.data(),
                                                .workspace = scratch.data()},
                                               nullptr)));
  expert_permutation_reference({.expert_index = experts.data(),
                                .num_assignments = size,
                                .E = E,
                                .row_from_slot = row.data(),
                                .slot_from_row = slot.data(),
                                .count = count.data(),
                                .offsets = offsets.data()});
  EXPECT_EQ(row_.values(), row);
  EXPECT_EQ(slot_.values(), slot);
  EXPECT_EQ(count_.values(), count);
  EXPECT_EQ(offsets_.values(), offsets);
  ASSERT_TRUE(launched(expert_permutation_cuda({.expert_index = experts_.data(),
                                                .num_assignments = size,
                                                .E = E,
                                                .row_from_slot = alone_.data(),
                                                .offsets = offsets_.data(),
                                                .workspace = scratch.data()},
                                               nullptr)));
  EXPECT_EQ(alone_.values(), row) << "without the outputs that are not wanted";
}

TEST_F(Device, PermutationEqualsTheReference) {
  for (const Case& c : all_cases()) {
    SCOPED_TRACE(c.text());
    expect_same_permutation(c.experts(), c.num_experts);
    expect_same_permutation(some_without_expert(c.experts(), c.num_experts), c.num_experts);
  }
  for (const Case& c : {Case{70'001, 8},
                        Case{70'001, 512},
                        Case{70'001, 1023, true},
                        Case{70'001, 1024},
                        Case{40'000, 4095}}) {
    SCOPED_TRACE(c.text());
    expect_same_permutation(some_without_expert(c.experts(), c.num_experts), c.num_experts);
  }
  expect_same_permutation(std::vector<std::int32_t>(5000, 3), 8);   // one expert takes all
  expect_same_permutation(std::vector<std::int32_t>(5000, -1), 8);  // none takes any
}

TEST(Launcher, RefusesAPermutationOutOfLimitsInWords) {
  EXPECT_FALSE(expert_permutation_cuda({.E = 0}, nullptr).ok());
  EXPECT_FALSE(expert_permutation_cuda({.E = 4096}, nullptr).ok());
  EXPECT_FALSE(
      expert_permutation_cuda({.num_assignments = std::int64_t{1} << 31, .E = 8}, nullptr).ok());
}

/// Tokens, choices and width of rows, and where their choices stand among 7 experts.
struct RowCase {
  std::int64_t N, K, D;
  Dtype dtype;
  int offset;        ///< elements behind an aligned address
  bool has_dropped;  ///< some slots have no expert

  [[nodiscard]] std::string text() const {
    return std::to_string(N) + " tokens, " + std::to_string(K) + " choices, " + std::to_string(D) +
           " wide, " + kernels::text(dtype) + ", offset " + std::to_string(offset) +
           (has_dropped ? ", some dropped" : "");
  }

  /// With three choices, not all of the rows without an expert.
  [[nodiscard]] std::int64_t num_written_rows() const {
    return N * K - (K == 3 && has_dropped ? N / 2 : 0);
  }

  [[nodiscard]] Longs row_from_slot() const {
    std::vector<std::int32_t> experts = Case{N * K, 7}.experts();
    if (has_dropped) experts = some_without_expert(experts, 7);
    Longs row(experts.size());
    std::vector<std::int32_t> offsets(7);
    expert_permutation_reference({.expert_index = experts.data(),
                                  .num_assignments = N * K,
                                  .E = 7,
                                  .row_from_slot = row.data(),
                                  .offsets = offsets.data()});
    return row;
  }
};

std::vector<RowCase> row_cases() {
  std::vector<RowCase> cases;
  for (const Dtype dtype : {Dtype::kF32, Dtype::kBf16}) {
    for (const bool has_dropped : {false, true}) {
      for (const std::int64_t K : {1, 2, 3, 8}) {
        for (const std::int64_t N : {0, 1, 31, 33}) {
          for (const std::int64_t D : {1, 7, 8, 33, 64, 384, 1024}) {
            cases.push_back({N, K, D, dtype, 0, has_dropped});
          }
        }
        cases.push_back({33, K, 64, dtype, 1, has_dropped});
        cases.push_back({5, K, 4104, dtype, 0, has_dropped});
        cases.push_back({1000, K, 200, dtype, 0, has_dropped});
      }
    }
  }
  cases.push_back({3, 64, 24, Dtype::kBf16, 0, true});
  return cases;
}

void expect_same_gather(const RowCase& c) {
  const Longs row = c.row_from_slot();
  const DeviceArray<std::int64_t> row_(row);
  const std::int64_t M = c.N * c.K + 2;  // two rows that no slot names keep what they hold
  const HostArray x = HostArray::random(c.dtype, c.N * c.D, 1);
  const HostArray dy = HostArray::random(c.dtype, M * c.D, 2);
  const HostArray addend = HostArray::random(c.dtype, c.N * c.D, 3);
  HostArray y(c.dtype, M * c.D, 9.0), dx(c.dtype, c.N * c.D, 9.0), sum = dx;
  const DeviceCopy x_(x, c.offset), dy_(dy, c.offset), y_(y, c.offset), dx_(dx, c.offset);
  const DeviceCopy addend_(addend, c.offset);
  ASSERT_TRUE(launched(gather_rows_cuda(
      c.dtype, x_.data(), row_.data(), c.N, c.K, c.D, c.num_written_rows(), y_.data(), nullptr)));
  ASSERT_TRUE(launched(gather_rows_backward_cuda(
      c.dtype, dy_.data(), row_.data(), c.N, c.K, c.D, nullptr, dx_.data(), nullptr)));
  gather_rows_reference(
      c.dtype, x.data(), row.data(), c.N, c.K, c.D, c.num_written_rows(), y.data());
  gather_rows_backward_reference(c.dtype, dy.data(), row.data(), c.N, c.K, c.D, nullptr, dx.data());
  EXPECT_EQ(y_.values(), y) << "y";
  EXPECT_TRUE(agrees(dx_, dx)) << "dx";
  ASSERT_TRUE(launched(gather_rows_backward_cuda(
      c.dtype, dy_.data(), row_.data(), c.N, c.K, c.D, addend_.data(), addend_.data(), nullptr)));
  gather_rows_backward_reference(
      c.dtype, dy.data(), row.data(), c.N, c.K, c.D, addend.data(), sum.data());
  EXPECT_TRUE(agrees(addend_, sum)) << "dx over its addend";
}

TEST_F(Device, GatheredRowsEqualTheReference) {
  for (const RowCase& c : row_cases()) {
    SCOPED_TRACE(c.text());
    expect_same_gather(c);
  }
}

void expect_same_combine(const RowCase& c) {
  const Longs row = c.row_from_slot();
  const DeviceArray<std::int64_t> row_(row);
  const std::int64_t size = (c.N * c.K + 2) * c.D;
  const HostArray weight = HostArray::random(Dtype::kF32, c.N * c.K, 4);
  const HostArray addend = HostArray::random(c.dtype, c.N * c.D, 5);
  const HostArray dout = HostArray::random(c.dtype, c.N * c.D, 6);
  HostArray y = HostArray::random(c.dtype, size, 7);
  for (std::size_t i = 0; i < row.size(); ++i) {  // rows without an expert must not be read
    for (std::int64_t d = 0; row[i] < 0 && d < c.D; ++d) y.set((-1 - row[i]) * c.D + d, NAN);
  }
  HostArray out(c.dtype, c.N * c.D, 9.0), dy(c.dtype, size, 9.0), dweight(Dtype::kF32, c.N * c.K);
  const DeviceCopy weight_(weight), dout_(dout, c.offset), y_(y, c.offset), out_(out, c.offset);
  const DeviceCopy addend_(addend, c.offset), dy_(dy, c.offset), dweight_(dweight);
  CombineRows shape{
      .N = c.N, .K = c.K, .D = c.D, .num_rows = c.num_written_rows(), .dtype = c.dtype};
  shape.row_from_slot = row_.data();
  shape.combine_weight = weight_.floats();
  CombineRows host = shape;
  host.row_from_slot = row.data();
  host.combine_weight = weight.floats();
  ASSERT_TRUE(launched(combine_rows_cuda(shape, {.y = y_.data(), .out = out_.data()}, nullptr)));
  combine_rows_reference(host, {.y = y.data(), .out = out.data()});
  EXPECT_TRUE(agrees(out_, out)) << "out";
  ASSERT_TRUE(launched(combine_rows_cuda(
      shape, {.y = y_.data(), .addend = addend_.data(), .out = addend_.data()}, nullptr)));
  combine_rows_reference(host, {.y = y.data(), .addend = addend.data(), .out = out.data()});
  EXPECT_TRUE(agrees(addend_, out)) << "out over its addend";
  ASSERT_TRUE(launched(combine_rows_backward_cuda(shape,
                                                  {.dout = dout_.data(),
                                                   .y = y_.data(),
                                                   .dy = dy_.data(),
                                                   .dcombine_weight = dweight_.floats()},
                                                  nullptr)));
  combine_rows_backward_reference(
      host,
      {.dout = dout.data(), .y = y.data(), .dy = dy.data(), .dcombine_weight = dweight.floats()});
  EXPECT_TRUE(agrees(dy_, dy)) << "dy";
  EXPECT_TRUE(agrees(dweight_, dweight)) << "dcombine_weight";
  const HostArray first = dweight_.values();
  HostArray in_place = y;
  combine_rows_backward_reference(host,
                                  {.dout = dout.data(),
                                   .y = in_place.data(),
                                   .dy = in_place.data(),
                                   .dcombine_weight = dweight.floats()});
  ASSERT_TRUE(launched(combine_rows_backward_cuda(
      shape,
      {.dout = dout_.data(), .y = y_.data(), .dy = y_.data(), .dcombine_weight = dweight_.floats()},
      nullptr)));
  EXPECT_TRUE(agrees(y_, in_place)) << "dy over y";
  EXPECT_EQ(dweight_.values(), first) << "the same bits again";
}

TEST_F(Device, CombinedRowsEqualTheReference) {
  for (const RowCase& c : row_cases()) {
    SCOPED_TRACE(c.text());
    expect_same_combine(c);
  }
}

TEST(Launcher, RefusesRowsOutOfLimitsInWords) {
  EXPECT_FALSE(combine_rows_cuda({.N = 1, .K = 1, .D = 0}, {}, nullptr).ok());
  EXPECT_FALSE(combine_rows_backward_cuda({.N = 1, .K = 1, .D = 8}, {}, nullptr).ok());
  EXPECT_FALSE(gather_rows_cuda(Dtype::kF32, nullptr, nullptr, 1, 0, 8, 1, nullptr, nullptr).ok());
  EXPECT_FALSE(activate_rows_cuda({.num_rows = 1, .F = 0}, nullptr, nullptr, nullptr).ok());
  const std::int64_t huge = std::int64_t{1} << 40;
  EXPECT_FALSE(activate_rows_cuda({.num_rows = huge, .F = 4096}, nullptr, nullptr, nullptr).ok());
}

/// `num_used`: rows with an expert; below 0: all, without a count on the device.
void expect_same_activation(RowActivation activation,
                            std::int64_t num_rows,
                            std::int64_t F,
                            Dtype dtype,
                            int offset,
                            int num_used) {
  SCOPED_TRACE("activation " + std::to_string(static_cast<int>(activation)) + ", " +
               std::to_string(num_rows) + " rows of " + std::to_string(F) + ", " + text(dtype) +
               ", offset " + std::to_string(offset) + ", used " + std::to_string(num_used));
  const bool is_gated = activation == RowActivation::kSwiglu;
  const std::int64_t width = (is_gated ? 2 : 1) * F;
  const bool has_count = num_used >= 0;
  HostArray h = HostArray::random(dtype, num_rows * width, 1, 2.0);
  HostArray dy = HostArray::random(dtype, num_rows * F, 2);
  if (has_count) {  // what lies behind the rows with an expert must not matter
    for (std::int64_t i = num_used * width; i < h.size(); ++i) h.set(i, NAN);
    for (std::int64_t i = num_used * F; i < dy.size(); ++i) dy.set(i, NAN);
  }
  HostArray y(dtype, num_rows * F, 9.0), dh(dtype, num_rows * width, 9.0);
  const DeviceArray<std::int32_t> count_({num_used});
  const DeviceCopy h_(h, offset), dy_(dy, offset), y_(y, offset), dh_(dh, offset);
  ActivateRows shape{activation, dtype, num_rows, F, has_count ? count_.data() : nullptr};
  ASSERT_TRUE(launched(activate_rows_cuda(shape, h_.data(), y_.data(), nullptr)));
  ASSERT_TRUE(
      launched(activate_rows_backward_cuda(shape, dy_.data(), h_.data(), dh_.data(), nullptr)));
  const std::int32_t count = num_used;
  ActivateRows host = shape;
  host.num_used_rows = has_count ? &count : nullptr;
  activate_rows_reference(host, h.data(), y.data());
  activate_rows_backward_reference(host, dy.data(), h.data(), dh.data());
  EXPECT_TRUE(agrees(y_, y)) << "y";
  EXPECT_TRUE(agrees(dh_, dh)) << "dh";
  if (!is_gated) {
    const DeviceCopy own_(h, offset);
    ASSERT_TRUE(launched(activate_rows_cuda(shape, own_.data(), own_.data(), nullptr)));
    EXPECT_TRUE(agrees(own_, y)) << "y over h";
    ASSERT_TRUE(
        launched(activate_rows_backward_cuda(shape, dy_.data(), h_.data(), dy_.data(), nullptr)));
    EXPECT_TRUE(agrees(dy_, dh)) << "dh over dy";
  } else {
    ASSERT_TRUE(
        launched(activate_rows_backward_cuda(shape, dy_.data(), h_.data(), h_.data(), nullptr)));
    EXPECT_TRUE(agrees(h_, dh)) << "dh over h";
  }
}

TEST_F(Device, ActivatedRowsEqualTheReference) {
  for (const RowActivation activation : {RowActivation::kRelu,
                                         RowActivation::kGeluErf,
                                         RowActivation::kGeluTanh,
                                         RowActivation::kSwiglu}) {
    for (const Dtype dtype : {Dtype::kF32, Dtype::kBf16}) {
      for (const int num_rows : {0, 1, 33, 1000}) {
        for (const std::int64_t F : {1, 7, 8, 33, 64, 344, 1032}) {
          for (const int num_used : {-1, 0, num_rows / 3, num_rows}) {
            expect_same_activation(activation, num_rows, F, dtype, 0, num_used);
          }
        }
      }
      expect_same_activation(activation, 33, 64, dtype, 1, 20);
    }
  }
}

}  // namespace
}  // namespace switchyard::kernels
