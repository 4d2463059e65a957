#include "engine/base/core/check.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

void throw_failure(const std::string& message) {
  throw CheckFailure{message};
}

TEST(Check, HandsTheMessageToTheHandler) {
  const CheckHandler former = set_check_handler(&throw_failure);
  std::string message;
  try {
    SY_CHECK(1 + 1 == 3, "arithmetic is broken");
  } catch (const CheckFailure& failure) {
    message = failure.message;
  }
  set_check_handler(former);
  EXPECT_NE(message.find("arithmetic is broken (1 + 1 == 3)"), std::string::npos) << message;
  EXPECT_NE(message.find("check_test.cpp:"), std::string::npos) << message;
}

TEST(CheckDeathTest, StopsTheProgramWithoutAHandler) {
  EXPECT_DEATH(SY_CHECK(false, "broken promise"), "internal error at .*broken promise");
}

}  // namespace
}  // namespace switchyard
