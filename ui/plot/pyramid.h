#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "ui/plot/shared_array.h"

namespace switchyard::ui {

/// Extremes of a range of samples. Non-finite samples are counted, not compared. Without a finite
/// sample min is +∞ and max −∞.
struct Extent {
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  std::uint32_t num_finite = 0;
  std::uint32_t num_bad = 0;  ///< NaN and infinities

  [[nodiscard]] bool empty() const { return num_finite == 0; }

  void merge(const Extent& other) {
    min = std::min(min, other.min);
    max = std::max(max, other.max);
    num_finite += other.num_finite;
    num_bad += other.num_bad;
  }

  void add(double value) {
    if (!std::isfinite(value)) {
      ++num_bad;
      return;
    }
    min = std::min(min, value);
    max = std::max(max, value);
    ++num_finite;
  }

  /// Whether merging any part of `other` changes nothing but the count of finite samples.
  [[nodiscard]] bool covers(const Extent& other) const {
    return other.num_bad == 0 && min <= other.min && max >= other.max;
  }
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
    if (first >= last) return result;
    const Ends ends = merge_nodes(first, last, result);
    std::array<double, kLeaf> samples;
    const auto add = [&](std::size_t from, std::size_t to) {
      while (from < to) {
        const std::size_t count = std::min(to - from, kLeaf - from % kLeaf);
        const auto some = std::span(samples).first(count);
        values.read(from, some);
        for (const double value : some) result.add(value);
        from += count;
      }
    };
    add(first, ends.left);
    add(ends.right, last);
    result.num_finite = static_cast<std::uint32_t>(last - first) - result.num_bad;
    return result;
  }

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  /// What of a range the nodes leave to the samples: [first, left) and [right, last).
  struct Ends {
    std::size_t left, right;
  };

  Ends merge_nodes(std::size_t first, std::size_t last, Extent& result) const;
  std::size_t merge_left(std::size_t level,
                         std::size_t first,
                         std::size_t node,
                         Extent& result) const;
  std::size_t merge_right(std::size_t level,
                          std::size_t last,
                          std::size_t node,
                          Extent& result) const;

  std::vector<SharedArray<Extent, 64>> levels_;
  Extent open_;  ///< of the samples that no full node covers
  std::size_t size_ = 0;
};

}  // namespace switchyard::ui
