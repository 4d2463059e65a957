#include "ui/plot/pyramid.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t samples_per_node(std::size_t level) {
  std::size_t size = Pyramid::kLeaf;
  while (level-- > 0) size *= Pyramid::kFan;
  return size;
}

}  // namespace

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

/// Of the samples in front of `node`, from `first` on, takes in those that can change the result:
/// a node whose whole extent lies within it is not looked into. Returns up to where samples are
/// left to be read, from `first` on.
std::size_t Pyramid::merge_left(std::size_t level,
                                std::size_t first,
                                std::size_t node,
                                Extent& result) const {
  std::size_t size = samples_per_node(level);
  while (first < node * size) {
    if (result.covers(levels_[level][node - 1])) return first;
    if (level == 0) return node * kLeaf;
    --level;
    size /= kFan;
    const auto& nodes = levels_[level];
    node *= kFan;
    while (node * size >= first + size) result.merge(nodes[--node]);
  }
  return first;
}

/// The same behind the nodes before `node`, up to `last`. Returns from where samples are left.
std::size_t Pyramid::merge_right(std::size_t level,
                                 std::size_t last,
                                 std::size_t node,
                                 Extent& result) const {
  std::size_t size = samples_per_node(level);
  while (node * size < last) {
    if (node < levels_[level].size() && result.covers(levels_[level][node])) return last;
    if (level == 0) return node * kLeaf;
    --level;
    size /= kFan;
    const auto& nodes = levels_[level];
    node *= kFan;
    while ((node + 1) * size <= last) result.merge(nodes[node++]);
  }
  return last;
}

Pyramid::Ends Pyramid::merge_nodes(std::size_t first, std::size_t last, Extent& result) const {
  // The largest nodes that lie within the range come first: what they hold spares most others.
  std::size_t level = 0, size = kLeaf;
  const auto whole = [&](std::size_t node_size) {
    return (first + node_size - 1) / node_size < last / node_size;
  };
  if (!whole(size)) return {last, last};
  while (level + 1 < levels_.size() && whole(size * kFan)) {
    ++level;
    size *= kFan;
  }
  const std::size_t begin = (first + size - 1) / size, end = last / size;
  for (std::size_t node = begin; node < end; ++node) result.merge(levels_[level][node]);
  const std::size_t left = merge_left(level, first, begin, result);
  return {left, merge_right(level, last, end, result)};
}

std::size_t Pyramid::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& level : levels_) bytes += level.memory_bytes();
  return bytes;
}

}  // namespace switchyard::ui
