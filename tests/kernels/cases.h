#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace switchyard::kernels {

/// One row of the table of shapes: sizes around the edges of warps and blocks, crossed with numbers
/// of experts and two distributions.
struct Case {
  std::int64_t size = 0;
  int num_experts = 1;
  bool is_skewed = false;  ///< seven of eight go to the first expert

  [[nodiscard]] std::string text() const {
    return std::to_string(size) + " assignments, " + std::to_string(num_experts) + " experts" +
           (is_skewed ? ", skewed" : "");
  }

  [[nodiscard]] std::vector<std::int32_t> experts() const {
    std::mt19937 random(static_cast<std::uint32_t>(17 + size + num_experts));
    std::vector<std::int32_t> indices(static_cast<std::size_t>(size));
    for (std::int32_t& e : indices) {
      e = static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(num_experts));
      if (is_skewed && random() % 8 != 0) e = 0;
    }
    return indices;
  }
};

inline std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const std::int64_t size : {0, 1, 31, 32, 33, 1000, 4097}) {
    for (const int num_experts : {1, 2, 7, 64, 257}) {
      for (const bool is_skewed : {false, true}) cases.push_back({size, num_experts, is_skewed});
    }
  }
  return cases;
}

/// Rows of logits: how many, of how many classes, how far apart.
struct RowShape {
  std::int64_t num_rows, num_classes, stride;
};

inline constexpr RowShape kRowShapes[] = {{1, 1, 1},
                                          {3, 2, 8},
                                          {33, 65, 65},
                                          {17, 65, 128},
                                          {5, 1000, 1001},
                                          {9, 4097, 4160},
                                          {5, 20000, 20000},
                                          {4, 28675, 28680},
                                          {3, 50257, 50304}};

}  // namespace switchyard::kernels
