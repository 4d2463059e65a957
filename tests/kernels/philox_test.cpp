#include "kernels/include/philox.h"

#include <array>
#include <cmath>

#include <gtest/gtest.h>

#include "kernels/include/step_state.h"

namespace switchyard::kernels {
namespace {

using Words = std::array<std::uint32_t, 4>;

Words words(std::uint64_t seed, std::uint64_t step, std::uint32_t site, std::uint64_t pack) {
  const PhiloxWords random = philox(seed, step, site, pack);
  return {random.words[0], random.words[1], random.words[2], random.words[3]};
}

TEST(Philox, GivesThePublishedWords) {
  EXPECT_EQ(words(0, 0, 0, 0), (Words{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
  EXPECT_EQ(words(~0ULL, 0xFFFFFFFF, 0xFFFFFFFF, ~0ULL),
            (Words{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}));
  EXPECT_EQ(words(0x299F31D0A4093822, 0x03707344, 0x13198A2E, 0x85A308D3243F6A88),
            (Words{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}));
}

TEST(Philox, GivesElementsTheHalvesOfTheirPack) {
  for (std::uint64_t index = 0; index < 24; ++index) {
    const std::uint32_t word = words(5, 6, 7, index / 8)[index % 8 / 2];
    EXPECT_EQ(philox_number(5, 6, 7, index), index % 2 == 0 ? word % 65536 : word / 65536);
  }
}

TEST(Philox, RoundsTheShareOfDropout) {
  EXPECT_EQ(dropout_threshold(0.0F), 0U);
  EXPECT_EQ(dropout_threshold(7e-6F), 0U);
  EXPECT_EQ(dropout_threshold(8e-6F), 1U);
  EXPECT_EQ(dropout_threshold(0.2F), 13107U);
  EXPECT_EQ(dropout_threshold(0.5F), 32768U);
  EXPECT_EQ(dropout_threshold(0.9999999F), 65535U);
  EXPECT_EQ(dropout_scale(0), 1.0);
  EXPECT_EQ(dropout_scale(32768), 2.0);
  EXPECT_EQ(dropout_scale(65535), 65536.0);
  EXPECT_NEAR(dropout_scale(dropout_threshold(0.2F)), 1.25, 1e-5);
}

TEST(Philox, DropsTheWantedShare) {
  constexpr std::uint64_t kElements = 100'000;
  for (const float p : {0.0F, 0.1F, 0.5F, 0.9F}) {
    const std::uint32_t threshold = dropout_threshold(p);
    double dropped = 0.0, dropped_high = 0.0;
    for (std::uint64_t i = 0; i < kElements; ++i) {
      if (philox_number(3, 1, 4, i) >= threshold) continue;
      dropped += 1.0;
      dropped_high += i % 2 == 0 ? 0.0 : 2.0;
    }
    const auto share = static_cast<double>(p);
    const double spread = std::sqrt(share * (1.0 - share) / static_cast<double>(kElements));
    EXPECT_NEAR(dropped / static_cast<double>(kElements), share, 5.0 * spread + 1e-5);
    EXPECT_NEAR(dropped_high / static_cast<double>(kElements), share, 7.5 * spread + 1e-5);
  }
}

}  // namespace
}  // namespace switchyard::kernels
