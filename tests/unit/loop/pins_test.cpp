#include "engine/train/loop/pins.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace switchyard::train {
namespace {

SampleRequest request_of(const std::string& prompt) {
  SampleRequest request;
  request.prompt = prompt;
  request.max_tokens = 40;
  request.settings.temperature = 0.7;
  request.settings.top_k = 5;
  request.seed = 9;
  request.stop = {"\n\n"};
  return request;
}

TEST(Pins, AreTheSameAfterARestart) {
  const test::TemporaryFolder folder;
  Pins pins(folder / "pins.json");
  ASSERT_TRUE(pins.load().ok()) << "no file: no pins";
  EXPECT_EQ(*pins.add(request_of("a \"b\"\n")), 1);
  EXPECT_EQ(*pins.add(request_of("c")), 2);
  Pins again(folder / "pins.json");
  ASSERT_TRUE(again.load().ok());
  ASSERT_EQ(again.all().size(), 2U);
  EXPECT_EQ(again.all()[0].pin_id, 1);
  EXPECT_EQ(json_from(again.all()[0].request), json_from(request_of("a \"b\"\n")));
}

TEST(Pins, NeverGiveANumberTwice) {
  const test::TemporaryFolder folder;
  Pins pins(folder / "pins.json");
  EXPECT_EQ(*pins.add(request_of("a")), 1);
  ASSERT_TRUE(pins.remove(1).ok());
  EXPECT_FALSE(pins.remove(1).ok());
  Pins again(folder / "pins.json");
  ASSERT_TRUE(again.load().ok());
  EXPECT_TRUE(again.all().empty());
  EXPECT_EQ(*again.add(request_of("b")), 2);
}

TEST(Pins, StayWithinTheirLimits) {
  const test::TemporaryFolder folder;
  Pins pins(folder / "pins.json");
  SampleRequest slow = request_of("a");
  slow.max_tokens = 513;
  EXPECT_EQ(pins.add(slow).error().where, "max_tokens");
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(pins.add(request_of("a")).ok());
  EXPECT_EQ(pins.add(request_of("a")).error().code, ErrorCode::kUsage);
  EXPECT_EQ(pins.all().size(), 16U);
}

TEST(Pins, AreNotChangedWhenTheyCannotBeStored) {
  const test::TemporaryFolder folder;
  Pins pins(folder / "nowhere/pins.json");
  EXPECT_FALSE(pins.add(request_of("a")).ok());
  EXPECT_TRUE(pins.all().empty());
}

TEST(Pins, NameADamagedFile) {
  const test::TemporaryFolder folder;
  for (const char* text : {"{", "{\"pins\": [{\"prompt\": 3}]}", "{\"pins\": [{\"seed\": 0.5}]}"}) {
    std::ofstream(folder / "pins.json") << text;
    Pins pins(folder / "pins.json");
    EXPECT_FALSE(pins.load().ok()) << text;
    EXPECT_TRUE(pins.all().empty());
  }
}

TEST(SampleRequest, ReadsStopTextsAndRefusesUnsuitableOnes) {
  const auto read = [](const Json& stop) {
    return sample_request_from_json(Json::object({{"stop", stop}}));
  };
  EXPECT_EQ(read(Json::array({Json("a"), Json("\n\n")}))->stop,
            (std::vector<std::string>{"a", "\n\n"}));
  Json many = Json::array();
  for (int i = 0; i < 9; ++i) many.push_back(Json("x"));
  for (const Json& bad : {Json("a"),
                          Json::array({Json(3)}),
                          Json::array({Json("")}),
                          Json::array({Json(std::string(65, 'x'))}),
                          many}) {
    EXPECT_EQ(read(bad).error().where, "stop") << bad.dump();
  }
}

}  // namespace
}  // namespace switchyard::train
