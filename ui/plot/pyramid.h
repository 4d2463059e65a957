#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ui/plot/shared_array.h"

namespace switchyard::ui {

/// Extremes of a range of samples. Non-finite samples are counted, not compared.
struct Extent {
  double min = 0.0;
  double max = 0.0;
  std::uint32_t num_finite = 0;
  std::uint32_t num_bad = 0;  ///< NaN and infinities

  [[nodiscard]] bool empty() const { return num_finite == 0; }

  void merge(const Extent& other);
  void add(double value);
};

/// Minimum and maximum of any range of a growing series, without touching every sample.
///
/// Level 0 covers 16 samples per node, each further level four nodes of the one below; only full
/// nodes are kept, so that nothing in it is ever written again. The samples stay with the caller.
/// Math:   range(a, b) = (min, max) of value[a … b-1], exactly.
/// Limits: a quarter of the memory of the samples; add is O(1), a copy shares everything.
/// Threads: as SharedArray.
class Pyramid {
 public:
  static constexpr std::size_t kLeaf = 16;
  static constexpr std::size_t kFan = 4;

  /// Takes in the next sample.
  void add(double value);

  /// Forgets the samples from `size` on. `values` are the samples added so far.
  template <typename Samples>
  void truncate(const Samples& values, std::size_t size) {
    if (size >= size_) return;
    std::size_t nodes = size / kLeaf;
    for (auto& level : levels_) {
      level.truncate(nodes);
      nodes /= kFan;
    }
    size_ = size / kLeaf * kLeaf;
    open_ = {};
    for (std::size_t i = size_; i < size; ++i) add(values[i]);
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  /// Extremes of values[first, last); O(log n). `values` are the samples added.
  template <typename Samples>
  [[nodiscard]] Extent range(const Samples& values, std::size_t first, std::size_t last) const {
    Extent result;
    last = std::min(last, size_);
    // Climb from both ends: at each level take the nodes that no full node above covers.
    while (first < last && first % kLeaf != 0) result.add(values[first++]);
    while (last > first && last % kLeaf != 0) result.add(values[--last]);
    merge_nodes(first / kLeaf, last / kLeaf, result);
    return result;
  }

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  void merge_nodes(std::size_t a, std::size_t b, Extent& result) const;

  std::vector<SharedArray<Extent, 64>> levels_;
  Extent open_;  ///< of the samples that no full node covers
  std::size_t size_ = 0;
};

}  // namespace switchyard::ui
