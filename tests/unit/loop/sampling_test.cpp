#include "engine/train/loop/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::train {
namespace {

const std::vector<double> kLogits{1.0, 3.0, 2.0, 3.0, -1.0, 0.0};

std::size_t num_kept(const std::vector<double>& probabilities) {
  return static_cast<std::size_t>(
      std::count_if(probabilities.begin(), probabilities.end(), [](double p) { return p > 0; }));
}

TEST(Sampling, PlainSettingsGiveTheSoftmax) {
  const auto p = sampling_distribution(kLogits, {}, {.temperature = 1.0});
  double total = 0.0;
  for (const double logit : kLogits) total += std::exp(logit);
  for (std::size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(p[i], std::exp(kLogits[i]) / total, 1e-15);
}

TEST(Sampling, TemperatureZeroTakesTheFirstOfTheLargest) {
  const auto p = sampling_distribution(kLogits, {}, {.temperature = 0.0, .top_k = 3});
  EXPECT_EQ(p[1], 1.0);
  EXPECT_EQ(num_kept(p), 1U);
}

TEST(Sampling, TopKKeepsTiesWithTheLastOne) {
  const auto p = sampling_distribution(kLogits, {}, {.temperature = 1.0, .top_k = 1});
  EXPECT_EQ(num_kept(p), 2U);
  EXPECT_DOUBLE_EQ(p[1], 0.5);
  EXPECT_DOUBLE_EQ(p[3], 0.5);
}

TEST(Sampling, TopPAlwaysKeepsTheFirst) {
  const auto p = sampling_distribution(kLogits, {}, {.temperature = 1.0, .top_p = 1e-9});
  EXPECT_EQ(num_kept(p), 1U);
  EXPECT_EQ(p[1], 1.0);
}

TEST(Sampling, MinPOneKeepsOnlyTheLargest) {
  const auto p = sampling_distribution(kLogits, {}, {.temperature = 1.0, .min_p = 1.0});
  EXPECT_EQ(num_kept(p), 2U);
}

TEST(Sampling, ThePenaltyCountsAnIdOnceAndLowersBothSigns) {
  const std::vector<std::int32_t> history{1, 1, 1, 4};
  const auto p =
      sampling_distribution(kLogits, history, {.temperature = 1.0, .repetition_penalty = 2.0});
  const auto q = sampling_distribution(
      std::vector<double>{1.0, 1.5, 2.0, 3.0, -2.0, 0.0}, {}, {.temperature = 1.0});
  EXPECT_EQ(p, q);
}

TEST(Sampling, DrawsFollowTheCumulativeSum) {
  const std::vector<double> p{0.0, 0.25, 0.0, 0.75};
  EXPECT_EQ(draw(p, 0.0), 1);
  EXPECT_EQ(draw(p, 0.25), 3);
  EXPECT_EQ(draw(p, 0.999999999), 3);
  EXPECT_EQ(draw(std::vector<double>{0.1, 0.2, 0.0}, 0.9), 1) << "rounding leaves no gap";
}

TEST(Sampling, UniformNumbersDependOnSeedAndIndexOnly) {
  std::vector<double> values;
  for (std::uint64_t i = 0; i < 10'000; ++i) values.push_back(uniform(42, i));
  EXPECT_EQ(values[17], uniform(42, 17));
  EXPECT_NE(values[17], uniform(43, 17));
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / 1e4;
  EXPECT_NEAR(mean, 0.5, 0.02);
  EXPECT_GE(*std::min_element(values.begin(), values.end()), 0.0);
  EXPECT_LT(*std::max_element(values.begin(), values.end()), 1.0);
}

TEST(Sampling, NamesTheSettingThatIsOutOfRange) {
  const auto where = [](const SamplingSettings& settings) {
    const Status status = check_settings(settings);
    return status.ok() ? std::string() : status.error().where;
  };
  EXPECT_EQ(where({}), "");
  EXPECT_EQ(where({.temperature = -1.0}), "temperature");
  EXPECT_EQ(where({.temperature = std::nan("")}), "temperature");
  EXPECT_EQ(where({.top_k = -1}), "top_k");
  EXPECT_EQ(where({.top_p = 0.0}), "top_p");
  EXPECT_EQ(where({.min_p = 1.5}), "min_p");
  EXPECT_EQ(where({.repetition_penalty = 0.0}), "repetition_penalty");
}

TEST(Sampling, TellsEntropyAndRankOfADistribution) {
  const std::vector<double> even(8, 0.125);
  EXPECT_NEAR(entropy_nats(even), std::log(8.0), 1e-15);
  EXPECT_EQ(entropy_nats(std::vector<double>{0.0, 1.0, 0.0}), 0.0);
  const std::vector<double> p{0.1, 0.4, 0.1, 0.4};
  EXPECT_EQ(rank_of(p, 1), 0);
  EXPECT_EQ(rank_of(p, 3), 1) << "equal ones by ascending id";
  EXPECT_EQ(rank_of(p, 0), 2);
  EXPECT_EQ(rank_of(p, 2), 3);
}

TEST(Sampling, LogProbabilityStaysFiniteWhereTheProbabilityDoesNot) {
  const auto p = sampling_distribution(kLogits, {}, {.temperature = 1.0});
  for (std::int32_t id = 0; id < 6; ++id) {
    EXPECT_NEAR(log_probability(kLogits, id), std::log(p[static_cast<std::size_t>(id)]), 1e-14);
  }
  EXPECT_NEAR(log_probability(std::vector<double>{0.0, -2000.0}, 1), -2000.0, 1e-9);
}

TEST(Sampling, FindsTheEarliestStopTextThatIsNew) {
  const std::vector<std::string> stops{"END", "\n\n", "D"};
  EXPECT_FALSE(find_stop("nothing here", 0, stops).has_value());
  EXPECT_FALSE(find_stop("anything", 0, {}).has_value());
  const auto two = find_stop("a END b\n\n", 0, stops);
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ(two->position, 2U);
  EXPECT_EQ(two->index, 0U);
  const auto across = find_stop("ab\n\n", 3, stops);
  ASSERT_TRUE(across.has_value()) << "began before, ends in what is new";
  EXPECT_EQ(across->position, 2U);
  EXPECT_EQ(find_stop("xyD", 2, stops)->index, 2U);
}

}  // namespace
}  // namespace switchyard::train
