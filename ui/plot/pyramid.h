#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

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
/// Level 0 covers 16 samples per node, each further level four nodes of the one below. The raw
/// samples stay with the caller; `update` must see the same samples as before, plus new ones.
/// Math:   range(a, b) = (min, max) of value[a … b-1], exactly.
/// Limits: a quarter of the memory of the samples.
/// Threads: const after construction; share as immutable snapshots.
class Pyramid {
 public:
  static constexpr std::size_t kLeaf = 16;
  static constexpr std::size_t kFan = 4;

  Pyramid() = default;

  explicit Pyramid(std::span<const double> values) { update(values); }

  /// Takes in the samples after size(); O(new samples).
  void update(std::span<const double> values);

  [[nodiscard]] std::size_t size() const { return size_; }

  /// Extremes of values[first, last); O(log n). `values` are the samples given to update.
  [[nodiscard]] Extent range(std::span<const double> values,
                             std::size_t first,
                             std::size_t last) const;

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  std::vector<std::vector<Extent>> levels_;
  std::size_t size_ = 0;
};

}  // namespace switchyard::ui
