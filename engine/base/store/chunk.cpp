#include "engine/base/store/chunk.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace switchyard::store {
namespace {

static_assert(std::endian::native == std::endian::little,
              "chunks are copied as they lie in memory");

constexpr std::size_t kColumns = 6;
constexpr std::size_t kWord = 8;

template <typename T>
void append_word(std::string& bytes, T value) {
  static_assert(sizeof value == kWord);
  const auto word = std::bit_cast<std::array<char, kWord>>(value);
  bytes.append(word.data(), word.size());
}

template <typename T>
T word_at(std::string_view bytes, std::size_t index) {
  T value{};
  static_assert(sizeof value == kWord);
  std::memcpy(&value, bytes.data() + index * kWord, kWord);
  return value;
}

}  // namespace

std::string bytes_from_samples(const std::vector<StoredScalar>& samples) {
  std::string bytes;
  bytes.reserve(samples.size() * kColumns * kWord);
  for (const StoredScalar& s : samples) append_word(bytes, s.sequence);
  for (const StoredScalar& s : samples) append_word(bytes, s.at.step);
  for (const StoredScalar& s : samples) append_word(bytes, s.at.tokens);
  for (const StoredScalar& s : samples) append_word(bytes, s.at.seconds);
  for (const StoredScalar& s : samples) append_word(bytes, s.at.flops);
  for (const StoredScalar& s : samples) append_word(bytes, s.value);
  return bytes;
}

Result<std::vector<StoredScalar>> samples_from_bytes(std::string_view bytes,
                                                     std::int64_t num_samples) {
  const std::size_t n = bytes.size() / (kColumns * kWord);
  if (num_samples <= 0 || bytes.size() % (kColumns * kWord) != 0 ||
      n != static_cast<std::size_t>(num_samples)) {
    return Error{ErrorCode::kInputFile,
                 "run.db scalar_chunk",
                 "expected " + std::to_string(num_samples) + " samples of 48 bytes, found " +
                     std::to_string(bytes.size()) + " bytes.",
                 "",
                 {}};
  }
  std::vector<StoredScalar> samples(n);
  for (std::size_t i = 0; i < n; ++i) {
    StoredScalar& s = samples[i];
    s.sequence = word_at<std::int64_t>(bytes, i);
    s.at.step = word_at<std::int64_t>(bytes, n + i);
    s.at.tokens = word_at<std::int64_t>(bytes, 2 * n + i);
    s.at.seconds = word_at<double>(bytes, 3 * n + i);
    s.at.flops = word_at<double>(bytes, 4 * n + i);
    s.value = word_at<double>(bytes, 5 * n + i);
  }
  return samples;
}

ChunkSummary summary_of(const std::vector<StoredScalar>& samples) {
  ChunkSummary summary;
  for (const StoredScalar& s : samples) {
    switch (kind_of(s.value)) {
      case 1:
        ++summary.num_nan;
        break;
      case 2:
        ++summary.num_positive_infinity;
        break;
      case 3:
        ++summary.num_negative_infinity;
        break;
      default:
        ++summary.num_finite;
        summary.min_value = std::min(s.value, summary.min_value.value_or(s.value));
        summary.max_value = std::max(s.value, summary.max_value.value_or(s.value));
    }
  }
  return summary;
}

int kind_of(double value) {
  if (std::isnan(value)) return 1;
  if (!std::isinf(value)) return 0;
  return value > 0.0 ? 2 : 3;
}

double value_of_kind(int kind) {
  if (kind == 2) return std::numeric_limits<double>::infinity();
  if (kind == 3) return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace switchyard::store
