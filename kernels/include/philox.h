#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define SY_HOST_DEVICE __host__ __device__
#else
#define SY_HOST_DEVICE
#endif

namespace switchyard::kernels {

/// Four uniform words of 32 bits.
///
/// Shapes: none; a value.
/// Source: Salmon et al. 2011, section 3.3.
struct PhiloxWords {
  std::uint32_t words[4];
};

/// Gives the four random words of one pack of elements, of one place in one step.
///
/// Math:   Philox4x32-10 with key = seed and counter = (pack low, pack high, site, step low).
/// Shapes: none; one pack is elements 8 pack ... 8 pack + 7 of a flat array.
/// Limits: steps are told apart below 2^32.
/// Determinism: exact; a function of its arguments, equal on host and device.
/// Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3.
SY_HOST_DEVICE inline PhiloxWords philox(std::uint64_t seed,
                                         std::uint64_t step,
                                         std::uint32_t site,
                                         std::uint64_t pack) {
  std::uint32_t key0 = static_cast<std::uint32_t>(seed);
  std::uint32_t key1 = static_cast<std::uint32_t>(seed >> 32U);
  std::uint32_t c0 = static_cast<std::uint32_t>(pack);
  std::uint32_t c1 = static_cast<std::uint32_t>(pack >> 32U);
  std::uint32_t c2 = site;
  std::uint32_t c3 = static_cast<std::uint32_t>(step);
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * c0;
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * c2;
    c0 = static_cast<std::uint32_t>(product1 >> 32U) ^ c1 ^ key0;
    c1 = static_cast<std::uint32_t>(product1);
    c2 = static_cast<std::uint32_t>(product0 >> 32U) ^ c3 ^ key1;
    c3 = static_cast<std::uint32_t>(product0);
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return {{c0, c1, c2, c3}};
}

/// The random number of one element by its flat index, 0 … 65535: elements 8·pack … 8·pack + 7
/// share the four words of a pack, element by element the low half of a word and then its high
/// half.
///
/// Shapes: none; index counts the elements of a flat array.
/// Source: own, over Salmon et al. 2011.
SY_HOST_DEVICE inline std::uint32_t philox_number(std::uint64_t seed,
                                                  std::uint64_t step,
                                                  std::uint32_t site,
                                                  std::uint64_t index) {
  const std::uint32_t word = philox(seed, step, site, index / 8).words[index % 8 / 2];
  return index % 2 == 0 ? word & 0xFFFFU : word >> 16U;
}

/// Uniform number in [0, 1) with 53 bits that decides draw `i` of a seed.
///
/// Shapes: none; a value.
/// Source: own, over Salmon et al. 2011.
SY_HOST_DEVICE inline double philox_uniform(std::uint64_t seed, std::uint64_t i) {
  const PhiloxWords random = philox(seed, i, 0, 0);
  const std::uint64_t bits = (std::uint64_t{random.words[0]} << 21U) ^ (random.words[1] >> 11U);
  return static_cast<double>(bits) * 0x1.0p-53;
}

/// Dropout keeps an element when its number is at least this: p · 2^16, rounded to nearest.
///
/// Limits: 0 <= p < 1. A p below 2^-17 becomes 0, which keeps everything; the largest is 65535.
/// Shapes: none; a value.
/// Source: own.
SY_HOST_DEVICE inline std::uint32_t dropout_threshold(float p) {
  const auto threshold = static_cast<std::uint32_t>(static_cast<double>(p) * 65536.0 + 0.5);
  return threshold < 65535U ? threshold : 65535U;
}

/// The factor of what is kept, one over the share that is: 1 / (1 - threshold / 2^16). The mean
/// over the random numbers is the element itself, whatever the rounding of p.
///
/// Shapes: none; a value.
/// Source: Srivastava et al. 2014, JMLR 15, section 10 (scaling of what is kept).
SY_HOST_DEVICE inline double dropout_scale(std::uint32_t threshold) {
  return 65536.0 / static_cast<double>(65536U - threshold);
}

}  // namespace switchyard::kernels
