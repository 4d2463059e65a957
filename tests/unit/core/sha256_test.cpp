#include "engine/base/core/sha256.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

TEST(Sha256, GivesThePublishedDigests) {
  // FIPS 180-4 examples and the empty text.
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, IsTheSameInPiecesOfAnySize) {
  const std::string text(1000, 'x');
  for (std::size_t piece = 1; piece < 200; piece += 7) {
    Sha256 hash;
    for (std::size_t i = 0; i < text.size(); i += piece) hash.add(text.substr(i, piece));
    EXPECT_EQ(hash.hex_digest(), sha256_hex(text)) << piece;
  }
}

}  // namespace
}  // namespace switchyard
