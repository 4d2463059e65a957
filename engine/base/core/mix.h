#pragma once

#include <cstdint>

namespace switchyard {

/// A 64-bit number from which nothing of `x` can be seen: neighbours become strangers.
///
/// Determinism: a pure function, the same on every machine.
/// Source: splitmix64, Steele, Lea & Flood 2014, doi 10.1145/2660193.2660195.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31U);
}

}  // namespace switchyard
