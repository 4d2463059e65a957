#include "engine/train/data/batches.h"

#include <numeric>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace switchyard::train {
namespace {

class Batches : public ::testing::Test {
 protected:
  /// A shard whose ids count 0, 1, 2 …
  formats::TokenShard counting_shard(std::int32_t count) {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
    std::iota(ids.begin(), ids.end(), 0);
    const std::string path = folder_ / ("counting-" + std::to_string(count) + ".tokens");
    EXPECT_TRUE(formats::write_token_shard(path, ids, count).ok());
    auto shard = formats::TokenShard::open(path);
    EXPECT_TRUE(shard.ok());
    return std::move(shard).value();
  }

  test::TemporaryFolder folder_;
};

TEST_F(Batches, TargetsAreTheNextTokens) {
  const formats::TokenShard shard = counting_shard(1000);
  const Batch batch = make_batch(shard, 1337, 0, 7, 16);
  ASSERT_EQ(batch.tokens.sizes(), at::IntArrayRef({7, 16}));
  EXPECT_TRUE(at::equal(batch.targets, batch.tokens + 1));
  for (std::int64_t row = 0; row < 7; ++row) {
    EXPECT_EQ(batch.tokens[row][0].item<std::int64_t>(), batch_start(1337, 0, row, 1000 - 16));
  }
}

TEST_F(Batches, ArePureFunctionsOfSeedAndNumber) {
  const formats::TokenShard shard = counting_shard(500);
  const auto first_column = [&](std::uint64_t seed, std::int64_t index) {
    return make_batch(shard, seed, index, 8, 4).tokens.select(1, 0).clone();
  };
  EXPECT_TRUE(at::equal(first_column(1, 5), first_column(1, 5)));
  EXPECT_FALSE(at::equal(first_column(1, 5), first_column(1, 6)));
  EXPECT_FALSE(at::equal(first_column(1, 5), first_column(2, 5)));
}

TEST_F(Batches, RowsDoNotDependOnHowManyThereAre) {
  const formats::TokenShard shard = counting_shard(500);
  const Batch wide = make_batch(shard, 9, 3, 12, 8), narrow = make_batch(shard, 9, 3, 5, 8);
  EXPECT_TRUE(at::equal(wide.tokens.narrow(0, 0, 5), narrow.tokens));
}

TEST_F(Batches, FitTheShortestShard) {
  const formats::TokenShard shard = counting_shard(9);
  const Batch batch = make_batch(shard, 1, 0, 3, 8);
  EXPECT_TRUE(at::equal(batch.tokens, at::arange(8, at::kLong).expand({3, 8})));
}

TEST(BatchStart, CoversEveryStartAboutEquallyOften) {
  std::vector<int> hits(10, 0);
  for (std::int64_t index = 0; index < 2000; ++index) {
    for (std::int64_t row = 0; row < 5; ++row) {
      const std::int64_t start = batch_start(42, index, row, 10);
      ASSERT_TRUE(start >= 0 && start < 10);
      ++hits[static_cast<std::size_t>(start)];
    }
  }
  for (const int count : hits) EXPECT_NEAR(count, 1000, 150);
}

TEST(BatchStart, StaysTheSameForever) {
  EXPECT_EQ(batch_start(1337, 0, 0, 1'000'000), batch_start(1337, 0, 0, 1'000'000));
  EXPECT_LT(batch_start(0, 0, 0, std::int64_t{1} << 62), std::int64_t{1} << 62);
}

}  // namespace
}  // namespace switchyard::train
