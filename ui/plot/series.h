#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/store/packed_column.h"
#include "engine/base/store/run_store.h"
#include "ui/plot/pyramid.h"
#include "ui/plot/shared_array.h"

namespace switchyard::ui {

/// What the x axis of all plots of a column counts. Every sample carries all four.
enum class XAxis { kSteps, kTokens, kSeconds, kFlops };

/// The place of a sample on an axis.
double x_of(const store::Position& at, XAxis axis);

/// Samples per packed block of a series.
inline constexpr std::size_t kSeriesBlock = 4096;

/// The values of a series: doubles with their bits, growing at the end, with a min/max pyramid.
///
/// Limits: append and copy are O(1); 10 bytes a sample, less where the values fit fewer.
/// Threads: as SharedArray.
class Values {
 public:
  Values() = default;
  explicit Values(std::span<const double> values);

  void append(double value);
  /// Takes a whole block; size() must be a multiple of kSeriesBlock.
  void append_block(store::PackedColumn block);
  /// Forgets the samples from `size` on; copies keep them.
  void truncate(std::size_t size);

  [[nodiscard]] std::size_t size() const { return blocks_.size() * kSeriesBlock + tail_.size(); }

  [[nodiscard]] bool empty() const { return size() == 0; }

  double operator[](std::size_t i) const {
    const std::size_t block = i / kSeriesBlock, at = i % kSeriesBlock;
    return block < blocks_.size() ? blocks_[block]->real(at) : tail_[at];
  }

  [[nodiscard]] double back() const { return (*this)[size() - 1]; }

  /// Copies the samples [first, first + out.size()); the fast way to walk through many.
  void read(std::size_t first, std::span<double> out) const;

  /// Extremes of the samples [first, last); O(log n).
  [[nodiscard]] Extent range(std::size_t first, std::size_t last) const {
    return pyramid_.range(*this, first, last);
  }

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  SharedArray<std::shared_ptr<const store::PackedColumn>, 64> blocks_;
  SharedArray<double> tail_;
  Pyramid pyramid_;
};

/// The positions of a full block of samples.
struct PositionBlock {
  store::PackedColumn step, tokens, seconds, flops;

  friend bool operator==(const PositionBlock&, const PositionBlock&) = default;
};

/// Keeps one copy of the positions that several series were logged at.
/// Threads: one, the one that appends.
class PositionPool {
 public:
  std::shared_ptr<const PositionBlock> shared(PositionBlock block);

 private:
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::weak_ptr<const PositionBlock>>>
      blocks_;  ///< by first and last step
};

/// A scalar series as plots use it: positions, values and the pyramid over the values. A value that
/// is cheap to copy; a copy is a snapshot.
///
/// Shapes: samples in the order of their steps.
/// Limits: append and copy are O(1).
/// Threads: as SharedArray.
class Series {
 public:
  Series() = default;

  explicit Series(std::string metric, std::shared_ptr<PositionPool> pool = nullptr)
      : metric_(std::move(metric)), pool_(std::move(pool)) {}

  void append(const store::Position& at, double value);
  /// Takes a chunk as it is packed where it falls on a block, sample by sample elsewhere.
  void append(const store::PackedSamples& samples);
  /// Forgets the samples from `size` on; copies keep them.
  void truncate(std::size_t size);

  [[nodiscard]] const std::string& metric() const { return metric_; }

  [[nodiscard]] std::size_t size() const { return values_.size(); }

  [[nodiscard]] bool empty() const { return values_.empty(); }

  [[nodiscard]] double value(std::size_t i) const { return values_[i]; }

  [[nodiscard]] std::int64_t step(std::size_t i) const;
  [[nodiscard]] std::int64_t tokens(std::size_t i) const;
  [[nodiscard]] double seconds(std::size_t i) const;
  [[nodiscard]] double flops(std::size_t i) const;
  [[nodiscard]] double x(XAxis axis, std::size_t i) const;

  /// The last position and value; zero and NaN when empty.
  [[nodiscard]] store::Position last() const;
  [[nodiscard]] double last_value() const;

  [[nodiscard]] const Values& values() const { return values_; }

  /// The packed x of the samples [block · kSeriesBlock, (block + 1) · kSeriesBlock); nullptr where
  /// the block is not full yet.
  [[nodiscard]] const store::PackedColumn* packed_x(XAxis axis, std::size_t block) const;

  /// Copies x of the samples [first, first + out.size()).
  void read_x(XAxis axis, std::size_t first, std::span<double> out) const;

  /// Index of the first sample whose step is not below `step`.
  [[nodiscard]] std::size_t index_of_step(std::int64_t step) const;

  /// Without what it shares with other series through the pool.
  [[nodiscard]] std::size_t memory_bytes() const { return values_.memory_bytes(); }

 private:
  void append_positions(PositionBlock block);

  std::string metric_;
  std::shared_ptr<PositionPool> pool_;
  Values values_;
  SharedArray<std::shared_ptr<const PositionBlock>, 64> blocks_;
  SharedArray<store::Position> tail_;
};

/// A column read as real numbers, whatever holds it: plain arrays, values, or one axis of a series.
/// A view; the owner outlives it.
class Column {
 public:
  Column() = default;

  // NOLINTBEGIN(google-explicit-constructor): call sites pass what they have.
  Column(std::span<const std::int64_t> values)
      : kind_(Kind::kIntegers), size_(values.size()), data_(values.data()) {}

  Column(std::span<const double> values)
      : kind_(Kind::kReals), size_(values.size()), data_(values.data()) {}

  Column(const std::vector<std::int64_t>& values) : Column(std::span<const std::int64_t>(values)) {}

  Column(const std::vector<double>& values) : Column(std::span<const double>(values)) {}

  Column(const Values& values) : kind_(Kind::kValues), size_(values.size()), data_(&values) {}

  // NOLINTEND(google-explicit-constructor)

  Column(const Series& series, XAxis axis)
      : kind_(Kind::kAxis), axis_(axis), size_(series.size()), data_(&series) {}

  [[nodiscard]] std::size_t size() const { return size_; }

  [[nodiscard]] bool empty() const { return size_ == 0; }

  double operator[](std::size_t i) const {
    switch (kind_) {
      case Kind::kIntegers:
        return static_cast<double>(static_cast<const std::int64_t*>(data_)[i]);
      case Kind::kReals:
        return static_cast<const double*>(data_)[i];
      case Kind::kValues:
        return (*static_cast<const Values*>(data_))[i];
      case Kind::kAxis:
        break;
    }
    return static_cast<const Series*>(data_)->x(axis_, i);
  }

  /// Copies [first, first + out.size()); the fast way to walk through many.
  void read(std::size_t first, std::span<double> out) const;

  /// The samples of a block where they lie packed; nullptr elsewhere.
  [[nodiscard]] const store::PackedColumn* packed(std::size_t block) const {
    if (kind_ != Kind::kAxis) return nullptr;
    return static_cast<const Series*>(data_)->packed_x(axis_, block);
  }

 private:
  enum class Kind { kIntegers, kReals, kValues, kAxis };

  Kind kind_ = Kind::kReals;
  XAxis axis_ = XAxis::kSteps;
  std::size_t size_ = 0;
  const void* data_ = nullptr;
};

/// Reads a column whose values do not decrease at places that lie close together: the block of a
/// sample is looked up once. The column's owner outlives it and does not write meanwhile.
class ColumnCursor {
 public:
  explicit ColumnCursor(const Column& column) : column_(column) {}

  double operator[](std::size_t i) {
    if (i - first_ >= size_) enter(i / kSeriesBlock);
    return block_ != nullptr ? block_->real(i - first_) : column_[i];
  }

  /// The first index of [first, end) whose value is not below `value`, else `end`; O(1) calls of
  /// the operator near `first` in columns that rise about evenly, O(log n) in all.
  std::size_t lower_index(double value, std::size_t first, std::size_t end);

 private:
  void enter(std::size_t block);

  Column column_;
  const store::PackedColumn* block_ = nullptr;
  std::size_t first_ = 0, size_ = 0;
};

}  // namespace switchyard::ui
