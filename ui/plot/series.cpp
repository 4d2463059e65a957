#include "ui/plot/series.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace switchyard::ui {
namespace {

using PackedColumn = store::PackedColumn;

/// One member of the positions in `tail`, packed.
template <typename T>
PackedColumn packed(const SharedArray<store::Position>& tail, T store::Position::*member) {
  std::vector<T> values(tail.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = tail[i].*member;
  if constexpr (std::is_same_v<T, std::int64_t>) {
    return PackedColumn::of_integers(values);
  } else {
    return PackedColumn::of_reals(values);
  }
}

/// Calls read(block, at, out) for every packed block and returns what of `out` lies in the tail.
template <typename Read>
std::span<double> read_blocks(std::size_t num_blocks,
                              std::size_t& first,
                              std::span<double> out,
                              Read read) {
  while (!out.empty() && first / kSeriesBlock < num_blocks) {
    const std::size_t at = first % kSeriesBlock;
    const std::size_t count = std::min(kSeriesBlock - at, out.size());
    read(first / kSeriesBlock, at, out.first(count));
    first += count;
    out = out.subspan(count);
  }
  first -= num_blocks * kSeriesBlock;
  return out;
}

const PackedColumn& column_of(const PositionBlock& block, XAxis axis) {
  switch (axis) {
    case XAxis::kSteps:
      return block.step;
    case XAxis::kTokens:
      return block.tokens;
    case XAxis::kSeconds:
      return block.seconds;
    case XAxis::kFlops:
      break;
  }
  return block.flops;
}

/// The first i of [first, end) that is not below; the search starts around `guess` and widens.
template <typename IsBelow>
std::size_t partition_near(std::size_t guess,
                           std::size_t first,
                           std::size_t end,
                           IsBelow is_below) {
  if (first >= end) return end;
  guess = std::clamp(guess, first, end - 1);
  std::size_t low = first, high = end;
  if (is_below(guess)) {
    low = guess + 1;
    for (std::size_t step = 1; guess + step < end; step *= 2) {
      if (!is_below(guess + step)) {
        high = guess + step;
        break;
      }
      low = guess + step + 1;
    }
  } else {
    high = guess;
    for (std::size_t step = 1; guess - first >= step; step *= 2) {
      if (is_below(guess - step)) {
        low = guess - step + 1;
        break;
      }
      high = guess - step;
    }
  }
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (is_below(middle)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

double x_of(const store::Position& at, XAxis axis) {
  switch (axis) {
    case XAxis::kSteps:
      return static_cast<double>(at.step);
    case XAxis::kTokens:
      return static_cast<double>(at.tokens);
    case XAxis::kSeconds:
      return at.seconds;
    case XAxis::kFlops:
      break;
  }
  return at.flops;
}

Values::Values(std::span<const double> values) {
  for (const double v : values) append(v);
}

void Values::append(double value) {
  tail_.append(value);
  pyramid_.add(value);
  if (tail_.size() < kSeriesBlock) return;
  std::vector<double> block(kSeriesBlock);
  for (std::size_t i = 0; i < kSeriesBlock; ++i) block[i] = tail_[i];
  blocks_.append(std::make_shared<const PackedColumn>(PackedColumn::of_reals(block)));
  tail_ = {};
}

void Values::append_block(store::PackedColumn block) {
  std::array<double, kSeriesBlock> values;
  block.read(0, values);
  for (const double v : values) pyramid_.add(v);
  blocks_.append(std::make_shared<const PackedColumn>(std::move(block)));
}

void Values::truncate(std::size_t size) {
  if (size >= this->size()) return;
  const std::size_t num_blocks = size / kSeriesBlock;
  if (num_blocks < blocks_.size()) {
    tail_ = {};
    const auto block = blocks_[num_blocks];
    for (std::size_t i = 0; i < size % kSeriesBlock; ++i) tail_.append(block->real(i));
    blocks_.truncate(num_blocks);
  } else {
    tail_.truncate(size % kSeriesBlock);
  }
  pyramid_.truncate(*this, size);
}

void Values::read(std::size_t first, std::span<double> out) const {
  out = read_blocks(
      blocks_.size(), first, out, [&](std::size_t block, std::size_t at, std::span<double> to) {
        blocks_[block]->read(at, to);
      });
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = tail_[first + i];
}

std::size_t Values::memory_bytes() const {
  std::size_t bytes = blocks_.memory_bytes() + tail_.memory_bytes() + pyramid_.memory_bytes();
  for (std::size_t b = 0; b < blocks_.size(); ++b) bytes += blocks_[b]->memory_bytes();
  return bytes;
}

std::shared_ptr<const PositionBlock> PositionPool::shared(PositionBlock block) {
  const std::size_t last = block.step.size() - 1;
  auto& known = blocks_[{block.step.integer(0), block.step.integer(last)}];
  std::erase_if(known, [](const auto& weak) { return weak.expired(); });
  for (const auto& weak : known) {
    if (auto same = weak.lock(); same != nullptr && *same == block) return same;
  }
  auto fresh = std::make_shared<const PositionBlock>(std::move(block));
  known.push_back(fresh);
  return fresh;
}

void Series::append(const store::Position& at, double value) {
  values_.append(value);
  tail_.append(at);
  if (tail_.size() < kSeriesBlock) return;
  append_positions({packed(tail_, &store::Position::step),
                    packed(tail_, &store::Position::tokens),
                    packed(tail_, &store::Position::seconds),
                    packed(tail_, &store::Position::flops)});
  tail_ = {};
}

void Series::append(const store::PackedSamples& samples) {
  if (size() % kSeriesBlock == 0 && samples.size() == kSeriesBlock) {
    values_.append_block(samples.value);
    append_positions({samples.step, samples.tokens, samples.seconds, samples.flops});
    return;
  }
  for (std::size_t i = 0; i < samples.size(); ++i)
    append({samples.step.integer(i),
            samples.tokens.integer(i),
            samples.seconds.real(i),
            samples.flops.real(i)},
           samples.value.real(i));
}

void Series::append_positions(PositionBlock block) {
  blocks_.append(pool_ != nullptr ? pool_->shared(std::move(block))
                                  : std::make_shared<const PositionBlock>(std::move(block)));
}

void Series::truncate(std::size_t size) {
  if (size >= this->size()) return;
  const std::size_t num_blocks = size / kSeriesBlock;
  if (num_blocks < blocks_.size()) {
    tail_ = {};
    const auto block = blocks_[num_blocks];
    for (std::size_t i = 0; i < size % kSeriesBlock; ++i)
      tail_.append({block->step.integer(i),
                    block->tokens.integer(i),
                    block->seconds.real(i),
                    block->flops.real(i)});
    blocks_.truncate(num_blocks);
  } else {
    tail_.truncate(size % kSeriesBlock);
  }
  values_.truncate(size);
}

std::int64_t Series::step(std::size_t i) const {
  const std::size_t block = i / kSeriesBlock, at = i % kSeriesBlock;
  return block < blocks_.size() ? blocks_[block]->step.integer(at) : tail_[at].step;
}

std::int64_t Series::tokens(std::size_t i) const {
  const std::size_t block = i / kSeriesBlock, at = i % kSeriesBlock;
  return block < blocks_.size() ? blocks_[block]->tokens.integer(at) : tail_[at].tokens;
}

double Series::seconds(std::size_t i) const {
  return x(XAxis::kSeconds, i);
}

double Series::flops(std::size_t i) const {
  return x(XAxis::kFlops, i);
}

const PackedColumn* Series::packed_x(XAxis axis, std::size_t block) const {
  return block < blocks_.size() ? &column_of(*blocks_[block], axis) : nullptr;
}

double Series::x(XAxis axis, std::size_t i) const {
  const std::size_t block = i / kSeriesBlock, at = i % kSeriesBlock;
  if (block >= blocks_.size()) return x_of(tail_[at], axis);
  return column_of(*blocks_[block], axis).real(at);
}

store::Position Series::last() const {
  if (empty()) return {};
  const std::size_t i = size() - 1;
  return {step(i), tokens(i), seconds(i), flops(i)};
}

double Series::last_value() const {
  return empty() ? std::numeric_limits<double>::quiet_NaN() : values_.back();
}

void Series::read_x(XAxis axis, std::size_t first, std::span<double> out) const {
  out = read_blocks(
      blocks_.size(), first, out, [&](std::size_t block, std::size_t at, std::span<double> to) {
        column_of(*blocks_[block], axis).read(at, to);
      });
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = x_of(tail_[first + i], axis);
}

std::size_t Series::index_of_step(std::int64_t wanted) const {
  std::size_t first = 0, count = size();
  while (count > 0) {
    const std::size_t half = count / 2;
    if (step(first + half) < wanted) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return first;
}

void Column::read(std::size_t first, std::span<double> out) const {
  if (kind_ == Kind::kValues) {
    static_cast<const Values*>(data_)->read(first, out);
  } else if (kind_ == Kind::kAxis) {
    static_cast<const Series*>(data_)->read_x(axis_, first, out);
  } else {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = (*this)[first + i];
  }
}

void ColumnCursor::enter(std::size_t block) {
  block_ = column_.packed(block);
  first_ = block * kSeriesBlock;
  size_ = kSeriesBlock;
}

std::size_t ColumnCursor::lower_index(double value, std::size_t first, std::size_t end) {
  if (first >= end) return end;
  const auto last_of = [&](std::size_t block) {
    return std::min((block + 1) * kSeriesBlock, end) - 1;
  };
  const std::size_t current = first / kSeriesBlock;
  const std::size_t block =
      partition_near(current, current, (end - 1) / kSeriesBlock + 1, [&](std::size_t b) {
        return (*this)[last_of(b)] < value;
      });
  const std::size_t low = std::max(first, block * kSeriesBlock);
  if (low >= end) return end;
  const std::size_t high = last_of(block);  // is not below, so that the search ends there
  const double x_low = (*this)[low], x_high = (*this)[high];
  const double share = (value - x_low) / (x_high - x_low);
  const double ahead = share > 0.0 ? std::min(share, 1.0) * static_cast<double>(high - low) : 0.0;
  const std::size_t guess = low + static_cast<std::size_t>(std::ceil(ahead));
  return partition_near(guess, low, high + 1, [&](std::size_t i) { return (*this)[i] < value; });
}

}  // namespace switchyard::ui
