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

void Pyramid::add(double value) {
  open_.add(value);
  if (++size_ % kLeaf != 0) return;
  Extent node = open_;
  open_ = {};
  for (std::size_t level = 0;; ++level) {
    if (level == levels_.size()) levels_.emplace_back();
    auto& nodes = levels_[level];
    nodes.append(node);
    if (nodes.size() % kFan != 0) return;
    node = {};
    for (std::size_t i = nodes.size() - kFan; i < nodes.size(); ++i) node.merge(nodes[i]);
  }
}

void Pyramid::merge_nodes(std::size_t a, std::size_t b, Extent& result) const {
  for (std::size_t level = 0; a < b; ++level, a /= kFan, b /= kFan) {
    const auto& nodes = levels_[level];
    while (a < b && a % kFan != 0) result.merge(nodes[a++]);
    while (b > a && b % kFan != 0) result.merge(nodes[--b]);
  }
}

std::size_t Pyramid::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& level : levels_) bytes += level.memory_bytes();
  return bytes;
}

}  // namespace switchyard::ui
