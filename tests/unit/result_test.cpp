#include "engine/base/core/result.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0)
    return Error{ErrorCode::kUsage,
                 "n",
                 "expected an even number, found " + std::to_string(n) + ".",
                 "",
                 {}};
  return n / 2;
}

Result<int> quarter(int n) {
  SY_ASSIGN_OR_RETURN(const int h, half(n));
  return half(h);
}

TEST(Result, PassesValuesThrough) {
  EXPECT_EQ(*quarter(8), 2);
}

TEST(Result, PassesTheFirstErrorThrough) {
  const auto result = quarter(6);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().text(), "n: expected an even number, found 3.");
}

TEST(Result, ContextIsAppendedInnermostFirst) {
  Error error = with_context(with_context(half(1).error(), "reading a"), "opening b");
  EXPECT_EQ(error.text(), "n: expected an even number, found 1. (reading a) (opening b)");
}

}  // namespace
}  // namespace switchyard
