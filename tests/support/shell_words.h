#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <wordexp.h>

namespace switchyard::test {

/// The words that a shell makes of a command line, without one.
inline std::vector<std::string> shell_words(const std::string& command) {
  wordexp_t words{};
  const int problem = wordexp(command.c_str(), &words, WRDE_NOCMD | WRDE_UNDEF);
  EXPECT_EQ(problem, 0) << command;
  if (problem != 0) return {};
  std::vector<std::string> result(words.we_wordv, words.we_wordv + words.we_wordc);
  wordfree(&words);
  return result;
}

}  // namespace switchyard::test
