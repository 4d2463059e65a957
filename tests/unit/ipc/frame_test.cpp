#include "engine/base/ipc/frame.h"

#include <random>

#include <gtest/gtest.h>

namespace switchyard::ipc {
namespace {

std::string frame_of(std::string_view body) {
  return encode_frame(body).value();
}

TEST(Frame, ComesBackHoweverTheBytesAreCut) {
  const std::string stream =
      frame_of("{\"a\":1}") + frame_of("") + frame_of(std::string(5000, 'x'));
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{16}, stream.size()}) {
    FrameDecoder decoder;
    std::vector<std::string> bodies;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      decoder.feed(std::string_view(stream).substr(at, step));
      for (;;) {
        const auto body = decoder.next();
        ASSERT_TRUE(body.ok());
        if (!body->has_value()) break;
        bodies.push_back(**body);
      }
    }
    ASSERT_EQ(bodies.size(), 3U);
    EXPECT_EQ(bodies[0], "{\"a\":1}");
    EXPECT_EQ(bodies[1], "");
    EXPECT_EQ(bodies[2].size(), 5000U);
  }
}

TEST(Frame, RefusesMoreThanAMebibyte) {
  EXPECT_TRUE(encode_frame(std::string(kMaxFrameBodyBytes, 'x')).ok());
  EXPECT_FALSE(encode_frame(std::string(kMaxFrameBodyBytes + 1, 'x')).ok());
}

/// Changes one byte of a good frame and says why it is refused.
std::string refusal(std::size_t offset, char value) {
  std::string bytes = frame_of("{\"command\":\"pause\"}");
  bytes[offset] = value;
  FrameDecoder decoder;
  decoder.feed(bytes);
  const auto body = decoder.next();
  return body.ok() ? "" : body.error().message;
}

TEST(Frame, NamesWhatIsWrong) {
  EXPECT_NE(refusal(0, 'X').find("SYD1"), std::string::npos);
  EXPECT_NE(refusal(4, 9).find("protocol"), std::string::npos);
  EXPECT_NE(refusal(11, 0x7F).find("announced"), std::string::npos);
  EXPECT_NE(refusal(12, 0x55).find("checksum"), std::string::npos);
  EXPECT_NE(refusal(20, '#').find("checksum"), std::string::npos);
}

TEST(Frame, AWrongStreamStaysWrong) {
  FrameDecoder decoder;
  decoder.feed("GET / HTTP/1.1\r\n");
  EXPECT_FALSE(decoder.next().ok());
  decoder.feed(frame_of("{}"));
  EXPECT_FALSE(decoder.next().ok());
}

TEST(Frame, SurvivesRandomBytesAndFlips) {
  std::mt19937_64 random(3);
  for (int trial = 0; trial < 2000; ++trial) {
    std::string bytes = frame_of("{\"type\":\"command\",\"id\":1}") + frame_of("[1,2,3]");
    for (int flips = 0; flips < 3; ++flips) {
      bytes[random() % bytes.size()] ^= static_cast<char>(1U << (random() % 8));
    }
    bytes.resize(random() % (bytes.size() + 1));
    FrameDecoder decoder;
    decoder.feed(bytes);
    for (int i = 0; i < 4; ++i) {
      const auto body = decoder.next();
      if (!body.ok() || !body->has_value()) break;
    }
  }
}

}  // namespace
}  // namespace switchyard::ipc
