#include "engine/train/data/batches.h"

#include <algorithm>
#include <vector>

#include <ATen/ATen.h>

#include "engine/base/core/mix.h"

namespace switchyard::train {

std::int64_t batch_start(std::uint64_t seed,
                         std::int64_t index,
                         std::int64_t row,
                         std::int64_t num_starts) {
  const std::uint64_t h =
      mix(mix(mix(seed) ^ static_cast<std::uint64_t>(index)) ^ static_cast<std::uint64_t>(row));
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::int64_t>((Wide{h} * static_cast<std::uint64_t>(num_starts)) >> 64);
}

Batch make_batch(const formats::TokenShard& shard,
                 std::uint64_t seed,
                 std::int64_t index,
                 std::int64_t rows,
                 std::int64_t seq_len,
                 bool is_pinned) {
  const auto options = at::TensorOptions().dtype(at::kLong).pinned_memory(is_pinned);
  Batch batch{at::empty({rows, seq_len}, options), at::empty({rows, seq_len}, options)};
  std::vector<std::int64_t> window(static_cast<std::size_t>(seq_len + 1));
  auto* tokens = batch.tokens.data_ptr<std::int64_t>();
  auto* targets = batch.targets.data_ptr<std::int64_t>();
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t start = batch_start(seed, index, row, shard.size() - seq_len);
    shard.copy(start, seq_len + 1, window.data());
    std::copy_n(window.data(), seq_len, tokens + row * seq_len);
    std::copy_n(window.data() + 1, seq_len, targets + row * seq_len);
  }
  return batch;
}

}  // namespace switchyard::train
