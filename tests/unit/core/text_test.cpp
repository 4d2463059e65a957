#include "engine/base/core/text.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

TEST(Text, CodePointsOfEveryLengthRoundTrip) {
  for (const char32_t c : {U'\0',
                           U'A',
                           U'\x7F',
                           U'\x80',
                           U'é',
                           U'\x7FF',
                           U'\x800',
                           U'€',
                           U'\xFFFD',
                           U'\x10000',
                           U'😀',
                           U'\x10FFFF'}) {
    std::string text;
    append_utf8(text, c);
    const CodePoint point = code_point_at(text, 0);
    EXPECT_EQ(point.value, c);
    EXPECT_EQ(point.length, text.size());
  }
}

TEST(Text, RefusesMalformedUtf8) {
  for (const char* bad : {"\x80",
                          "\xC0\x80",
                          "\xC1\xBF",
                          "\xE0\x80\x80",
                          "\xED\xA0\x80",
                          "\xF0\x80\x80\x80",
                          "\xF4\x90\x80\x80",
                          "\xF8\x88\x80\x80\x80",
                          "\xC3",
                          "\xE2\x82",
                          "\xC3\x28",
                          "\xFF"}) {
    EXPECT_EQ(code_point_at(bad, 0).length, 0U);
    EXPECT_EQ(find_invalid_utf8(std::string("ok é") + bad), 5U);
  }
}

TEST(Text, ReplacesOnlyTheInvalidBytes) {
  EXPECT_EQ(valid_utf8("a\xFF"
                       "b\xE2\x82"),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(valid_utf8("é€😀"), "é€😀");
}

TEST(Text, GroupsDigits) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1115394), "1,115,394");
  EXPECT_EQ(grouped(-1000), "-1,000");
}

TEST(Text, DescribesCharacters) {
  EXPECT_EQ(describe_code_point(U'é'), "\"é\" (U+00E9)");
  EXPECT_EQ(describe_code_point(U'\n'), "U+000A");
}

}  // namespace
}  // namespace switchyard
