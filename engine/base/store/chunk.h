#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/result.h"
#include "engine/base/store/packed_column.h"
#include "engine/base/store/run_store.h"

namespace switchyard::store {

inline constexpr std::size_t kChunkSamples = 4096;

/// One scalar sample with its place in the order of everything.
struct StoredScalar {
  std::int64_t sequence = 0;
  Position at;
  double value = 0.0;
};

/// Bytes of a chunk: "SYCHUNK2", then six packed columns (sequence, step, tokens; seconds, flops,
/// value). Every value keeps its bits. Stores of version 1 hold the six columns as they are, eight
/// bytes an element, little-endian; both are read.
std::string bytes_from_samples(const std::vector<StoredScalar>& samples);

/// Errors: kInputFile when the bytes are not `num_samples` samples.
/// Limits: memory as large as the bytes, or kChunkSamples samples.
Result<PackedSamples> packed_from_bytes(std::string_view bytes, std::int64_t num_samples);
Result<std::vector<StoredScalar>> samples_from_bytes(std::string_view bytes,
                                                     std::int64_t num_samples);

StoredScalar sample_at(const PackedSamples& samples, std::size_t i);

/// What a chunk says about its values without being read.
struct ChunkSummary {
  std::int64_t num_finite = 0;
  std::int64_t num_nan = 0;
  std::int64_t num_positive_infinity = 0;
  std::int64_t num_negative_infinity = 0;
  std::optional<double> min_value;  ///< of the finite ones
  std::optional<double> max_value;
};

ChunkSummary summary_of(const std::vector<StoredScalar>& samples);

/// The `kind` of a value in a row: 0 finite, 1 NaN, 2 +inf, 3 -inf.
int kind_of(double value);
/// The value that `kind` 1, 2 or 3 stands for.
double value_of_kind(int kind);

}  // namespace switchyard::store
