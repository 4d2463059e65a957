#include <cstdio>

#include <gtest/gtest.h>

#include "tests/gui/display.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (GTEST_FLAG_GET(list_tests)) return RUN_ALL_TESTS();
  const switchyard::test::Display display;
  if (!display.problem().empty()) {
    std::fprintf(stderr, "%s\n", display.problem().c_str());
    return 1;
  }
  return RUN_ALL_TESTS();
}
