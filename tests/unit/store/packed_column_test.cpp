// A packed column gives every bit back, in few bytes, and no bytes make it misbehave.
#include "engine/base/store/packed_column.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::store {
namespace {

std::string bytes_of(const PackedColumn& column) {
  std::string bytes;
  column.append_to(bytes);
  return bytes;
}

/// Bytes per element of a column, after checking that every bit comes back, packed and stored.
double cost(const std::vector<double>& values) {
  const PackedColumn packed = PackedColumn::of_reals(values);
  const std::string bytes = bytes_of(packed);
  std::string_view rest = bytes;
  const auto stored = PackedColumn::from_bytes(rest, values.size());
  EXPECT_TRUE(stored.ok());
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(stored.value(), packed);
  std::vector<double> read(values.size());
  packed.read(0, read);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(values[i]),
              std::bit_cast<std::uint64_t>(stored.value().real(i)))
        << "element " << i;
    EXPECT_EQ(std::bit_cast<std::uint64_t>(values[i]), std::bit_cast<std::uint64_t>(read[i]));
  }
  return static_cast<double>(bytes.size()) / static_cast<double>(values.size());
}

double cost(const std::vector<std::int64_t>& values) {
  const PackedColumn packed = PackedColumn::of_integers(values);
  const std::string bytes = bytes_of(packed);
  std::string_view rest = bytes;
  const auto stored = PackedColumn::from_bytes(rest, values.size());
  EXPECT_TRUE(stored.ok());
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], stored.value().integer(i));
  return static_cast<double>(bytes.size()) / static_cast<double>(values.size());
}

constexpr std::size_t kCount = 4096;

TEST(PackedColumn, StoresEvenStepsInNoBytesAtAll) {
  std::vector<std::int64_t> step;
  std::vector<double> flops;
  for (std::size_t i = 0; i < kCount; ++i) {
    step.push_back(static_cast<std::int64_t>(i) * 10 + 7);
    flops.push_back(static_cast<double>(i) * 3.0e10);
  }
  EXPECT_LT(cost(step), 0.01);
  EXPECT_LT(cost(flops), 0.01);
  EXPECT_LT(cost(std::vector<double>(kCount, 6e-4)), 0.01);
}

TEST(PackedColumn, PacksMicrosecondsAndSinglePrecision) {
  std::mt19937 random(3);
  std::normal_distribution<double> normal(0.0, 1.0);
  std::vector<double> seconds, loss;
  double now = 1234.5;
  for (std::size_t i = 0; i < kCount; ++i) {
    now += 0.1 + 0.002 * std::abs(normal(random));
    seconds.push_back(std::round(now * 1e6) / 1e6);
    loss.push_back(static_cast<double>(static_cast<float>(2.0 + 0.1 * normal(random))));
  }
  EXPECT_LT(cost(seconds), 3.1);
  EXPECT_LT(cost(loss), 4.1);
}

TEST(PackedColumn, KeepsEveryBitOfAnyDoubles) {
  std::mt19937_64 random(5);
  std::vector<double> any(kCount);
  for (double& v : any) v = std::bit_cast<double>(random());
  EXPECT_LT(cost(any), 8.1);
  cost(std::vector<double>{0.0,
                           -0.0,
                           std::numeric_limits<double>::infinity(),
                           1.0,
                           -std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::denorm_min(),
                           std::numeric_limits<double>::max(),
                           std::bit_cast<double>(0x7FF0000000000BADULL)});
  cost(std::vector<double>{});
  cost(std::vector<double>{-0.0});
  cost(std::vector<double>{9.3e18, -9.3e18, 1e300});
}

TEST(PackedColumn, KeepsEveryBitOfAnyIntegers) {
  std::mt19937_64 random(6);
  std::vector<std::int64_t> any(kCount);
  for (std::int64_t& v : any) v = static_cast<std::int64_t>(random());
  cost(any);
  cost(std::vector<std::int64_t>{
      std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(), 0, -1});
  cost(std::vector<std::int64_t>{});
}

TEST(PackedColumn, RefusesOrReadsEveryMutationOfItsBytes) {
  std::mt19937 random(9);
  std::vector<double> values(300);
  for (double& v : values) v = static_cast<double>(random() % 1000) * 0.001;
  const std::string bytes = bytes_of(PackedColumn::of_reals(values));
  for (int trial = 0; trial < 20'000; ++trial) {
    std::string mutated = bytes;
    for (unsigned k = 0; k <= random() % 3; ++k)
      mutated[random() % mutated.size()] = static_cast<char>(random());
    if (random() % 3 == 0) mutated.resize(random() % mutated.size());
    std::string_view rest = mutated;
    const auto column = PackedColumn::from_bytes(rest, values.size());
    if (!column.ok()) {
      EXPECT_EQ(column.error().code, ErrorCode::kInputFile);
      continue;
    }
    for (std::size_t i = 0; i < values.size(); ++i) (void)column.value().real(i);
  }
}

}  // namespace
}  // namespace switchyard::store
