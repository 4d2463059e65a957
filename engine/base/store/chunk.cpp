#include "engine/base/store/chunk.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace switchyard::store {
namespace {

constexpr std::string_view kMagic = "SYCHUNK2";
constexpr std::size_t kColumns = 6;
constexpr std::size_t kWord = 8;

Error damaged(std::int64_t num_samples, std::size_t num_bytes) {
  return {ErrorCode::kInputFile,
          "run.db scalar_chunk",
          "expected a chunk of " + std::to_string(num_samples) + " samples, found " +
              std::to_string(num_bytes) + " bytes of something else.",
          "`switchyard-engine verify DIR` names what is damaged.",
          {}};
}

PackedSamples pack(const std::vector<StoredScalar>& samples) {
  const auto integers = [&](auto member) {
    std::vector<std::int64_t> column;
    column.reserve(samples.size());
    for (const StoredScalar& s : samples) column.push_back(member(s));
    return PackedColumn::of_integers(column);
  };
  const auto reals = [&](auto member) {
    std::vector<double> column;
    column.reserve(samples.size());
    for (const StoredScalar& s : samples) column.push_back(member(s));
    return PackedColumn::of_reals(column);
  };
  return {integers([](const StoredScalar& s) { return s.sequence; }),
          integers([](const StoredScalar& s) { return s.at.step; }),
          integers([](const StoredScalar& s) { return s.at.tokens; }),
          reals([](const StoredScalar& s) { return s.at.seconds; }),
          reals([](const StoredScalar& s) { return s.at.flops; }),
          reals([](const StoredScalar& s) { return s.value; })};
}

/// A chunk of a version 1 store.
Result<PackedSamples> packed_from_plain(std::string_view bytes, std::size_t n) {
  if (bytes.size() != n * kColumns * kWord)
    return damaged(static_cast<std::int64_t>(n), bytes.size());
  const auto column = [&](std::size_t index, auto zero) {
    std::vector<decltype(zero)> values(n);
    std::memcpy(values.data(), bytes.data() + index * n * kWord, n * kWord);
    return values;
  };
  constexpr std::int64_t kInteger = 0;
  constexpr double kReal = 0.0;
  return PackedSamples{PackedColumn::of_integers(column(0, kInteger)),
                       PackedColumn::of_integers(column(1, kInteger)),
                       PackedColumn::of_integers(column(2, kInteger)),
                       PackedColumn::of_reals(column(3, kReal)),
                       PackedColumn::of_reals(column(4, kReal)),
                       PackedColumn::of_reals(column(5, kReal))};
}

}  // namespace

std::string bytes_from_samples(const std::vector<StoredScalar>& samples) {
  const PackedSamples packed = pack(samples);
  std::string bytes(kMagic);
  for (const PackedColumn* column : {&packed.sequence,
                                     &packed.step,
                                     &packed.tokens,
                                     &packed.seconds,
                                     &packed.flops,
                                     &packed.value})
    column->append_to(bytes);
  return bytes;
}

Result<PackedSamples> packed_from_bytes(std::string_view bytes, std::int64_t num_samples) {
  const std::size_t num_bytes = bytes.size();
  if (num_samples <= 0) return damaged(num_samples, num_bytes);
  const auto n = static_cast<std::size_t>(num_samples);
  if (!bytes.starts_with(kMagic)) {
    if (n > num_bytes) return damaged(num_samples, num_bytes);
    return packed_from_plain(bytes, n);
  }
  if (n > kChunkSamples) return damaged(num_samples, num_bytes);
  bytes.remove_prefix(kMagic.size());
  PackedSamples samples;
  for (PackedColumn* column : {&samples.sequence,
                               &samples.step,
                               &samples.tokens,
                               &samples.seconds,
                               &samples.flops,
                               &samples.value}) {
    SY_ASSIGN_OR_RETURN(*column, PackedColumn::from_bytes(bytes, n));
  }
  if (!bytes.empty()) return damaged(num_samples, num_bytes);
  return samples;
}

StoredScalar sample_at(const PackedSamples& samples, std::size_t i) {
  return {samples.sequence.integer(i),
          {samples.step.integer(i),
           samples.tokens.integer(i),
           samples.seconds.real(i),
           samples.flops.real(i)},
          samples.value.real(i)};
}

Result<std::vector<StoredScalar>> samples_from_bytes(std::string_view bytes,
                                                     std::int64_t num_samples) {
  SY_ASSIGN_OR_RETURN(const PackedSamples packed, packed_from_bytes(bytes, num_samples));
  std::vector<StoredScalar> samples(packed.size());
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = sample_at(packed, i);
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
