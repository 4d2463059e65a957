#include "engine/train/loop/fault_plan.h"

#include <gtest/gtest.h>

namespace switchyard::train {
namespace {

TEST(FaultPlan, ReadsStepsAndRanges) {
  const auto plan = FaultPlan::parse("nan_loss@30-32,oom@5");
  ASSERT_TRUE(plan.ok());
  EXPECT_FALSE(plan->has("nan_loss", 29));
  EXPECT_TRUE(plan->has("nan_loss", 30));
  EXPECT_TRUE(plan->has("nan_loss", 32));
  EXPECT_FALSE(plan->has("nan_loss", 33));
  EXPECT_TRUE(plan->has("oom", 5));
  EXPECT_FALSE(plan->has("oom", 30));
}

TEST(FaultPlan, IsEmptyForEmptyText) {
  const auto plan = FaultPlan::parse("");
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->empty());
}

TEST(FaultPlan, RefusesWhatItDoesNotKnow) {
  for (const char* text : {"nan_loss", "nan_loss@", "nan_loss@x", "nan_loss@9-3", "boom@3", "@3"}) {
    EXPECT_FALSE(FaultPlan::parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace switchyard::train
