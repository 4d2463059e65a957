#include "engine/base/core/hash.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace switchyard {
namespace {

TEST(Crc32c, GivesThePublishedValues) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);  // RFC 3720, appendix B.4
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(Crc32c, PortableAndFastPathAgreeAtEveryLengthAndOffset) {
  std::mt19937_64 random(1);
  std::string bytes(600, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  for (std::size_t begin = 0; begin < 9; ++begin) {
    for (std::size_t n = 0; n + begin <= 300; ++n) {
      ASSERT_EQ(crc32c(bytes.data() + begin, n, 77), crc32c_portable(bytes.data() + begin, n, 77));
    }
  }
}

TEST(Crc32c, GoesOnFromAnEarlierPart) {
  const std::string text = "one expert more";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(crc32c(text.substr(cut), crc32c(text.substr(0, cut))), crc32c(text));
  }
}

TEST(Crc32c, IsWrittenAsEightDigits) {
  EXPECT_EQ(hex_from_crc(0x00AB00FFU), "00ab00ff");
}

}  // namespace
}  // namespace switchyard
