#include "engine/train/loop/gap_watch.h"

#include <gtest/gtest.h>

namespace switchyard::train {
namespace {

TEST(GapWatch, SeesNothingInOrdinaryTime) {
  GapWatch::Rule rule(100.0, 500.0);
  for (int i = 1; i <= 100; ++i) EXPECT_TRUE(rule.look(100.0 + i * 0.5, 500.0 + i * 0.5).empty());
  EXPECT_TRUE(rule.look(154.9, 554.9).empty()) << "4.9 s are a busy machine";
  EXPECT_EQ(rule.stopped_seconds(), 0.0);
}

TEST(GapWatch, CountsAStopOnceAndTakesItOffTheTime) {
  GapWatch::Rule rule(100.0, 500.0);
  const auto gaps = rule.look(110.0, 510.0);
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].seconds, 10.0);
  EXPECT_FALSE(gaps[0].is_suspend);
  EXPECT_TRUE(rule.look(110.1, 510.1).empty());
  EXPECT_EQ(rule.stopped_seconds(), 10.0);
}

TEST(GapWatch, TellsASuspendFromAStop) {
  GapWatch::Rule rule(100.0, 500.0);
  const auto gaps = rule.look(100.5, 3600.5);
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].seconds, 3100.0);
  EXPECT_TRUE(gaps[0].is_suspend);
  EXPECT_EQ(rule.stopped_seconds(), 0.0) << "the monotonic clock stood still as well";
}

TEST(GapWatch, TellsTimeThatNeverGoesBack) {
  GapWatch watch;
  double before = watch.active_seconds();
  for (int i = 0; i < 1000; ++i) {
    const double now = watch.active_seconds();
    ASSERT_GE(now, before);
    before = now;
  }
  EXPECT_TRUE(watch.take().empty());
}

}  // namespace
}  // namespace switchyard::train
