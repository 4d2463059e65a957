#include "engine/base/core/json.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard {
namespace {

Json parsed(std::string_view text) {
  auto result = parse_json(text, "test");
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().text());
  return result.ok() ? std::move(result).value() : Json();
}

struct BadText {
  const char* name;
  std::string text;
  const char* place;
  const char* reason;  ///< part of the message
};

const std::vector<BadText>& bad_texts() {
  static const std::vector<BadText> texts{
      {"empty", "", "t:1:1", "unexpected end of input"},
      {"blank", "  ", "t:1:2", "unexpected end of input"},
      {"unclosed object", "{\"a\":1", "t:1:6", "unexpected end"},
      {"unclosed text", "\"abc", "t:1:4", "missing closing quote"},
      {"trailing bytes", "{} x", "t:1:4", "syntax error"},
      {"two objects", "{}{}", "t:1:3", "unexpected '{'"},
      {"duplicate key", "{\"a\":1,\n \"a\":2}", "t:2:4", "the key \"a\" occurs twice"},
      {"duplicate after escape", "{\"a\":1,\"\\u0061\":2}", "t:1:", "occurs twice"},
      {"byte order mark", "\xEF\xBB\xBF{}", "t:1:1", "byte order mark"},
      {"invalid UTF-8", "\"\xFF\"", "t:1:2", "UTF-8"},
      {"overlong UTF-8", "\"\xC0\xAF\"", "t:1:2", "UTF-8"},
      {"surrogate in UTF-8", "\"\xED\xA0\x80\"", "t:1:2", "UTF-8"},
      {"escaped lone surrogate", "\"\\ud800\"", "t:1:", "surrogate"},
      {"escaped low surrogate", "\"\\udc00\"", "t:1:", "surrogate"},
      {"control character", "\"a\nb\"", "t:1:3", "control character"},
      {"NaN", "NaN", "t:1:1", "invalid literal"},
      {"Infinity", "-Infinity", "t:1:2", "invalid number"},
      {"2^63", "9223372036854775808", "t:1:19", "integer of at most 64 bits"},
      {"2^64", "18446744073709551616", "t:1:20", "integer of at most 64 bits"},
      {"below -2^63", "-9223372036854775809", "t:1:20", "integer of at most 64 bits"},
      {"1e400", "1e400", "t:1:5", "number overflow"},
      {"leading zero", "[01]", "t:1:4", "syntax error"},
      {"leading plus", "+1", "t:1:1", "invalid literal"},
      {"bare point", "[.5]", "t:1:2", "invalid literal"},
      {"hexadecimal", "0x10", "t:1:2", "syntax error"},
      {"comment", "{} // note", "t:1:4", "invalid literal"},
      {"trailing comma", "[1,]", "t:1:4", "syntax error"},
      {"single quotes", "{'a':1}", "t:1:2", "invalid literal"},
      {"key without quotes", "{a:1}", "t:1:2", "invalid literal"},
      {"missing colon", "{\"a\" 1}", "t:1:7", "syntax error"},
      {"number as key", "{1:2}", "t:1:3", "syntax error"},
      {"NUL byte", std::string("[1\0]", 4), "t:1:3", "NUL byte"},
      {"text after a NUL byte", std::string("{}\0x", 4), "t:1:3", "NUL byte"},
  };
  return texts;
}

TEST(Json, RefusesBadTextWithPlaceAndReason) {
  for (const BadText& bad : bad_texts()) {
    const auto result = parse_json(bad.text, "t");
    ASSERT_FALSE(result.ok()) << bad.name;
    EXPECT_EQ(result.error().code, ErrorCode::kInputFile) << bad.name;
    EXPECT_EQ(result.error().where.substr(0, std::string(bad.place).size()), bad.place)
        << bad.name << ": " << result.error().text();
    EXPECT_NE(result.error().message.find(bad.reason), std::string::npos)
        << bad.name << ": " << result.error().text();
  }
}

TEST(Json, CountsLinesAndColumnsFromOne) {
  const auto result = parse_json("{\n  \"a\": tru\n}", "configs/x.json");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().where.substr(0, 17), "configs/x.json:2:");
}

TEST(Json, LimitsDepth) {
  JsonLimits limits;
  limits.max_depth = 3;
  EXPECT_TRUE(parse_json("[[[1]]]", "t", limits).ok());
  const auto result = parse_json("[[[[1]]]]", "t", limits);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("depth of at most 3"), std::string::npos);
}

TEST(Json, SurvivesAHundredThousandOpenBrackets) {
  EXPECT_FALSE(parse_json(std::string(100'000, '['), "t").ok());
  std::string objects;
  for (int i = 0; i < 20'000; ++i) objects += "{\"a\":";
  EXPECT_FALSE(parse_json(objects, "t").ok());
}

TEST(Json, LimitsBytesAndValues) {
  JsonLimits limits;
  limits.max_bytes = 4;
  EXPECT_TRUE(parse_json("[12]", "t", limits).ok());
  EXPECT_FALSE(parse_json("[123]", "t", limits).ok());
  limits = {};
  limits.max_values = 3;
  EXPECT_TRUE(parse_json("[1,2]", "t", limits).ok());
  EXPECT_FALSE(parse_json("[1,2,3]", "t", limits).ok());
}

TEST(Json, KeepsIntegersAndNumbersApart) {
  EXPECT_TRUE(parsed("3").is_integer());
  EXPECT_FALSE(parsed("3.0").is_integer());
  EXPECT_TRUE(parsed("3.0").is_number());
  EXPECT_FALSE(parsed("3") == parsed("3.0"));
  EXPECT_FALSE(parsed("3e0").is_integer());
  EXPECT_EQ(parsed("-9223372036854775808").as_integer(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parsed("9223372036854775807").as_integer(), std::numeric_limits<std::int64_t>::max());
}

TEST(Json, AccessNeverConverts) {
  EXPECT_EQ(parsed("3.7").as_integer(5), 5);
  EXPECT_EQ(parsed("true").as_integer(5), 5);
  EXPECT_EQ(parsed("1").as_bool(true), true);
  EXPECT_EQ(parsed("0").as_bool(true), true);
  EXPECT_EQ(parsed("\"3\"").as_number(2.5), 2.5);
  EXPECT_EQ(parsed("3").as_number(), 3.0);
  EXPECT_EQ(parsed("3").as_string(), "");
  EXPECT_TRUE(parsed("{\"a\":1}")["b"].is_null());
  EXPECT_TRUE(parsed("[1]")[1].is_null());
}

TEST(Json, KeepsTheOrderOfKeys) {
  EXPECT_EQ(parsed("{\"z\":1,\"a\":2,\"m\":{\"y\":[],\"b\":{}}}").dump(),
            "{\"z\":1,\"a\":2,\"m\":{\"y\":[],\"b\":{}}}");
}

TEST(Json, NestedContainersStandWhereTheyBelong) {
  const Json value = parsed("{\"a\":[{\"b\":[1,[2,{\"c\":3}],4]},5],\"d\":{\"e\":{}},\"f\":6}");
  EXPECT_EQ(value["a"][0]["b"][1][1]["c"].as_integer(), 3);
  EXPECT_EQ(value["a"][0]["b"][2].as_integer(), 4);
  EXPECT_EQ(value["a"][1].as_integer(), 5);
  EXPECT_EQ(value["f"].as_integer(), 6);
}

TEST(Json, NumbersRoundTripExactly) {
  for (const double value : {0.1,
                             1e-8,
                             1.0 / 3.0,
                             6e-5,
                             1e300,
                             -0.0,
                             5e-324,
                             123456789.0,
                             std::numeric_limits<double>::max()}) {
    const std::string text = Json(value).dump();
    EXPECT_NE(text.find_first_of(".e"), std::string::npos) << text;
    const Json back = parsed(text);
    EXPECT_FALSE(back.is_integer()) << text;
    EXPECT_EQ(back.as_number(), value) << text;
    EXPECT_EQ(std::signbit(back.as_number()), std::signbit(value)) << text;
  }
}

TEST(Json, WritesNonFiniteNumbersAsTexts) {
  EXPECT_EQ(Json(std::nan("")).dump(), "\"nan\"");
  EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).dump(), "\"inf\"");
  EXPECT_EQ(Json(-std::numeric_limits<double>::infinity()).dump(), "\"-inf\"");
}

TEST(Json, WritesOnlyValidUtf8) {
  // A token may end inside a character: its bytes must not make the message unreadable.
  const std::string text = Json("a\xE2\x82").dump();
  EXPECT_TRUE(parse_json(text, "t").ok()) << text;
  EXPECT_EQ(parsed(Json("\"\\\n\t\x01\x7F é €").dump()).as_string(), "\"\\\n\t\x01\x7F é €");
}

TEST(Json, IndentedTextReadsBackEqual) {
  const Json value = parsed("{\"a\":[1,2.5],\"b\":[{\"c\":null},{}],\"d\":true,\"e\":[]}");
  EXPECT_EQ(parsed(value.dump(2)), value);
  EXPECT_EQ(parsed("{\"a\":[1,2],\"b\":{\"c\":1}}").dump(2),
            "{\n  \"a\": [1, 2],\n  \"b\": {\n    \"c\": 1\n  }\n}");
}

TEST(Json, SetReplacesOrAppends) {
  Json value = parsed("{\"a\":1,\"b\":2}");
  value.set("a", "x");
  value.set("c", 3);
  EXPECT_EQ(value.dump(), "{\"a\":\"x\",\"b\":2,\"c\":3}");
}

}  // namespace
}  // namespace switchyard
