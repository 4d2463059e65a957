#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace switchyard::limits {

// What readers of files accept. One table, so that no reader invents its own.
inline constexpr std::size_t kConfigBytes = std::size_t{1} << 20;
inline constexpr int kConfigDepth = 32;
inline constexpr std::size_t kConfigValues = 10'000;
inline constexpr std::size_t kConfigErrors = 50;
inline constexpr std::uint64_t kSafetensorsHeaderBytes = std::uint64_t{16} << 20;
inline constexpr std::size_t kSafetensorsTensors = 100'000;
inline constexpr std::size_t kSafetensorsDims = 8;
inline constexpr std::size_t kTokenizerBytes = std::size_t{64} << 20;
inline constexpr std::size_t kTokenizerEntries = 1'000'000;
inline constexpr std::uint64_t kShardHeaderBytes = 4096;
inline constexpr std::size_t kTextBytes = std::size_t{4} << 30;

/// The sum, or nothing when it does not fit.
constexpr std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) {
  if (a > std::numeric_limits<std::uint64_t>::max() - b) return std::nullopt;
  return a + b;
}

/// The product, or nothing when it does not fit.
constexpr std::optional<std::uint64_t> checked_mul(std::uint64_t a, std::uint64_t b) {
  if (b != 0 && a > std::numeric_limits<std::uint64_t>::max() / b) return std::nullopt;
  return a * b;
}

}  // namespace switchyard::limits
