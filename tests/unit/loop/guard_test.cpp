#include "engine/train/loop/guard.h"

#include <cmath>
#include <limits>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace switchyard::train {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// Feeds `num_steps` ordinary steps from `first` on.
void feed(Guard& guard, std::int64_t first, int num_steps, std::mt19937& random) {
  std::normal_distribution<double> noise(0.0, 0.05);
  for (int i = 0; i < num_steps; ++i) {
    ASSERT_TRUE(
        guard.judge(first + i, 2.0 + noise(random), 1.0 + 0.1 * noise(random)).is_accepted());
  }
}

TEST(Guard, AcceptsFiniteStepsAndCountsNothing) {
  Guard guard{GuardSettings{}};
  std::mt19937 random(1);
  feed(guard, 1, 300, random);
  EXPECT_EQ(guard.num_skips(), 0);
}

TEST(Guard, RunsTheFirstNonFiniteStepAgainAndThenSkips) {
  for (const double bad : {kNan, kInf, -kInf}) {
    Guard guard{GuardSettings{}};
    const GuardVerdict first = guard.judge(1, bad, 1.0);
    EXPECT_EQ(first.action, GuardAction::kRerun);
    EXPECT_EQ(first.cause, "non_finite_loss");
    EXPECT_EQ(guard.judge_rerun(1, bad, 1.0).action, GuardAction::kSkip);
    EXPECT_EQ(guard.judge(2, 2.0, kNan).action, GuardAction::kSkip) << "no second rerun so soon";
  }
}

TEST(Guard, AcceptsARerunThatIsFinite) {
  Guard guard{GuardSettings{}};
  EXPECT_EQ(guard.judge(1, 2.0, kInf).cause, "non_finite_grad_norm");
  EXPECT_TRUE(guard.judge_rerun(1, 2.0, 1.0).is_accepted());
  EXPECT_EQ(guard.num_skips(), 0);
}

TEST(Guard, RollsBackAfterThreeSkipsInARowAndStopsAfterThreeRollbacks) {
  Guard guard{GuardSettings{}};
  std::int64_t step = 1;
  for (int round = 0; round < 3; ++round) {
    GuardVerdict verdict;
    for (int i = 0; i < 3; ++i) {
      verdict = guard.judge(step, kNan, kNan);
      if (verdict.action == GuardAction::kRerun) verdict = guard.judge_rerun(step, kNan, kNan);
      ++step;
    }
    EXPECT_EQ(verdict.action, GuardAction::kRollback);
    EXPECT_EQ(verdict.first_skip, step - 3);
    const Guard before = guard;
    guard.note_rollback(before, step);
  }
  for (int i = 0; i < 2; ++i) EXPECT_EQ(guard.judge(step++, kNan, kNan).action, GuardAction::kSkip);
  EXPECT_EQ(guard.judge(step, kNan, kNan).action, GuardAction::kStop);
}

TEST(Guard, RollsBackAfterEightSkipsWithin128Steps) {
  Guard guard{GuardSettings{}};
  GuardVerdict verdict;
  for (std::int64_t step = 1; step <= 80; ++step) {
    const double loss = step % 10 == 0 ? kNan : 2.0;
    verdict = guard.judge(step, loss, 1.0);
    if (verdict.action == GuardAction::kRerun) verdict = guard.judge_rerun(step, loss, 1.0);
  }
  EXPECT_EQ(verdict.action, GuardAction::kRollback);
}

TEST(Guard, RollsBackWhenTheLossStaysFarAboveItsPast) {
  Guard guard{GuardSettings{.spike_sigma = 1000.0}};
  std::int64_t step = 1;
  for (int i = 0; i < 250; ++i) ASSERT_TRUE(guard.judge(step++, 2.0, 1.0).is_accepted());
  GuardVerdict verdict;
  double loss = 2.0;
  for (int i = 0; i < 200 && verdict.is_accepted(); ++i) {
    verdict = guard.judge(step++, loss = std::min(loss + 0.02, 4.0), 1.0);
  }
  EXPECT_EQ(verdict.action, GuardAction::kRollback);
  EXPECT_EQ(verdict.cause, "loss_drift");
}

TEST(Guard, StopsAtTheFirstNonFiniteStepWhenSwitchedOff) {
  Guard guard{GuardSettings{.use_guard = false}};
  EXPECT_TRUE(guard.judge(1, 1e30, 1e30).is_accepted());
  EXPECT_EQ(guard.judge(2, kNan, 1.0).action, GuardAction::kStop);
}

/// 10,000 steps of a decaying loss with noise and drops of the rate, 50 planted spikes of 8 sigma.
TEST(Guard, CatchesPlantedSpikesAndSparesNoise) {
  for (const unsigned seed : {1U, 2U, 3U}) {
    std::mt19937 random(seed);
    std::normal_distribution<double> noise(0.0, 1.0);
    std::uniform_int_distribution<int> place(200, 9999);
    std::set<int> planted;
    while (planted.size() < 50) {
      const int at = place(random);
      const auto next = planted.lower_bound(at - 20);
      if (next == planted.end() || *next > at + 20) planted.insert(at);
    }
    Guard guard{GuardSettings{}};
    int num_caught = 0, num_false = 0;
    for (int step = 1; step < 10'000; ++step) {
      const double sigma = 0.05;
      double level = 1.5 + 3.0 / (1.0 + 0.02 * step);
      if (step > 5000) level -= 0.2;  // the schedule lowered the rate
      const bool is_planted = planted.contains(step);
      const double loss = level + sigma * noise(random) + (is_planted ? 8.0 * sigma : 0.0);
      const double norm = std::exp(0.3 * noise(random));
      const GuardVerdict verdict = guard.judge(step, loss, norm);
      if (verdict.is_accepted()) continue;
      ++(is_planted ? num_caught : num_false);
    }
    // 8 sigma above the level is 8 +- 1 above the noise of that step itself: a few stay below 6.
    EXPECT_GE(num_caught, 45) << "seed " << seed;
    EXPECT_LE(num_false, 1) << "seed " << seed;
  }
}

TEST(Guard, SparesThePlateauAfterASteepDescent) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    Guard guard{GuardSettings{}};
    std::mt19937 random(seed);
    std::normal_distribution<double> noise(0.0, 0.03);
    for (int step = 1; step <= 150; ++step) {  // as a large model in its warm-up
      const double level = 10.9 - 8.3 * std::min(step, 55) / 55.0;
      ASSERT_TRUE(guard.judge(step, level + noise(random), 1.0).is_accepted())
          << "seed " << seed << ", step " << step;
    }
    EXPECT_FALSE(guard.judge(151, 4.0, 1.0).is_accepted());
  }
}

TEST(Guard, ContinuesFromItsStateExactly) {
  std::mt19937 random(7);
  std::normal_distribution<double> noise(0.0, 0.05);
  Guard whole{GuardSettings{}};
  Guard resumed{GuardSettings{}};
  for (std::int64_t step = 1; step < 600; ++step) {
    const double loss = step % 97 == 0 ? 5.0 : step == 300 ? kNan : 2.0 + noise(random);
    const GuardVerdict a = whole.judge(step, loss, 1.0);
    const GuardVerdict b = resumed.judge(step, loss, 1.0);
    ASSERT_EQ(a.action, b.action) << step;
    ASSERT_EQ(a.robust_z, b.robust_z) << step;
    if (a.action == GuardAction::kRerun) {
      ASSERT_EQ(whole.judge_rerun(step, loss, 1.0).action,
                resumed.judge_rerun(step, loss, 1.0).action);
    }
    if (step % 50 == 0) {
      const auto text = parse_json(resumed.to_json().dump(), "state");
      ASSERT_TRUE(text.ok());
      Guard fresh{GuardSettings{}};
      ASSERT_TRUE(fresh.from_json(*text).ok());
      resumed = fresh;
    }
  }
}

TEST(Guard, RefusesAStateThatDoesNotFit) {
  Guard guard{GuardSettings{}};
  EXPECT_FALSE(guard.from_json(Json::object()).ok());
}

}  // namespace
}  // namespace switchyard::train
