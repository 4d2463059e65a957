#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/store/run_store.h"

namespace switchyard::ui {

/// The history of a vector metric, bounded: one column per sample until 2,048 are kept, then
/// neighbours are merged (mean, maximum and the number of zeros kept) and each new column takes
/// twice as many samples.
///
/// Shapes: mean, max, zeros [num_columns() · num_rows], column by column, row 0 first.
/// Errors: a sample of another length than the first is counted in num_rejected and dropped; a
///         merged cell is NaN only where every sample was.
/// Threads: a value; publish as an immutable snapshot.
struct MapColumns {
  static constexpr std::size_t kMaxColumns = 2048;

  int num_rows = 0;
  std::int64_t stride = 1;  ///< samples per full column
  std::int64_t num_rejected = 0;
  std::vector<store::Position> first;  ///< of the column's first sample
  std::vector<store::Position> last;   ///< of its last sample
  std::vector<std::int64_t> count;     ///< samples merged into the column
  std::vector<float> mean;
  std::vector<float> max;
  std::vector<std::uint32_t> zeros;  ///< samples of the column that were exactly zero

  void append(const store::Position& at, std::span<const float> values);
  void clear();

  [[nodiscard]] std::size_t num_columns() const { return first.size(); }

  [[nodiscard]] std::span<const float> mean_of(std::size_t column) const {
    const auto rows = static_cast<std::size_t>(num_rows);
    return std::span<const float>(mean).subspan(column * rows, rows);
  }

  [[nodiscard]] std::span<const float> max_of(std::size_t column) const {
    const auto rows = static_cast<std::size_t>(num_rows);
    return std::span<const float>(max).subspan(column * rows, rows);
  }

  [[nodiscard]] std::span<const std::uint32_t> zeros_of(std::size_t column) const {
    const auto rows = static_cast<std::size_t>(num_rows);
    return std::span<const std::uint32_t>(zeros).subspan(column * rows, rows);
  }

 private:
  void merge_neighbours();
  void merge_into(std::size_t target, std::size_t source);
};

}  // namespace switchyard::ui
