#include "ui/plot/pyramid.h"

#include <algorithm>
#include <cmath>

namespace switchyard::ui {

void Extent::merge(const Extent& other) {
  if (other.num_finite > 0) {
    min = num_finite == 0 ? other.min : std::min(min, other.min);
    max = num_finite == 0 ? other.max : std::max(max, other.max);
    num_finite += other.num_finite;
  }
  num_bad += other.num_bad;
}

void Extent::add(double value) {
  if (!std::isfinite(value)) {
    ++num_bad;
    return;
  }
  min = num_finite == 0 ? value : std::min(min, value);
  max = num_finite == 0 ? value : std::max(max, value);
  ++num_finite;
}

void Pyramid::update(std::span<const double> values) {
  for (std::size_t i = size_; i < values.size(); ++i) {
    std::size_t node = i / kLeaf;
    for (std::size_t level = 0;; ++level, node /= kFan) {
      if (level == levels_.size()) {
        levels_.emplace_back();
        if (level > 0) {  // a new root takes over everything below it
          const auto& children = levels_[level - 1];
          levels_[level].resize((children.size() + kFan - 1) / kFan);
          for (std::size_t c = 0; c < children.size(); ++c) {
            levels_[level][c / kFan].merge(children[c]);
          }
          break;
        }
      }
      auto& nodes = levels_[level];
      if (node == nodes.size()) nodes.emplace_back();
      nodes[node].add(values[i]);
      if (level + 1 == levels_.size() && nodes.size() <= kFan) break;
    }
  }
  size_ = std::max(size_, values.size());
}

Extent Pyramid::range(std::span<const double> values, std::size_t first, std::size_t last) const {
  Extent result;
  last = std::min({last, size_, values.size()});
  // Climb from both ends: at each level take the nodes that no node above covers.
  while (first < last && first % kLeaf != 0) result.add(values[first++]);
  if (first >= last) return result;
  while (last > first && last % kLeaf != 0) result.add(values[--last]);
  std::size_t a = first / kLeaf, b = last / kLeaf;
  for (std::size_t level = 0; a < b && level < levels_.size(); ++level) {
    const auto& nodes = levels_[level];
    const bool is_top = level + 1 == levels_.size();
    while (a < b && (is_top || a % kFan != 0)) result.merge(nodes[a++]);
    while (b > a && b % kFan != 0) result.merge(nodes[--b]);
    a /= kFan, b /= kFan;
  }
  return result;
}

std::size_t Pyramid::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& level : levels_) bytes += level.size() * sizeof(Extent);
  return bytes;
}

}  // namespace switchyard::ui
