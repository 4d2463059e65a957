#include "ui/plot/map_columns.h"

#include <cmath>

namespace switchyard::ui {
namespace {

float mean_of_two(float a, double weight_a, float b, double weight_b) {
  if (std::isnan(a)) return b;
  if (std::isnan(b)) return a;
  return static_cast<float>(
      (static_cast<double>(a) * weight_a + static_cast<double>(b) * weight_b) /
      (weight_a + weight_b));
}

}  // namespace

void MapColumns::append(const store::Position& at, std::span<const float> values) {
  if (first.empty()) num_rows = static_cast<int>(values.size());
  if (values.empty() || values.size() != static_cast<std::size_t>(num_rows)) {
    ++num_rejected;
    return;
  }
  if (!count.empty() && count.back() < stride) {
    const std::size_t column = num_columns() - 1;
    const auto weight = static_cast<double>(count.back());
    for (std::size_t row = 0; row < values.size(); ++row) {
      const std::size_t cell = column * values.size() + row;
      mean[cell] = mean_of_two(mean[cell], weight, values[row], 1.0);
      max[cell] = std::fmax(max[cell], values[row]);
      if (values[row] == 0.0F) ++zeros[cell];
    }
    last.back() = at;
    ++count.back();
    return;
  }
  if (num_columns() == kMaxColumns) merge_neighbours();
  first.push_back(at);
  last.push_back(at);
  count.push_back(1);
  mean.insert(mean.end(), values.begin(), values.end());
  max.insert(max.end(), values.begin(), values.end());
  for (const float value : values) zeros.push_back(value == 0.0F ? 1 : 0);
}

void MapColumns::merge_into(std::size_t target, std::size_t source) {
  const auto rows = static_cast<std::size_t>(num_rows);
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t a = source * rows + row, b = a + rows;
    const float merged = mean_of_two(mean[a],
                                     static_cast<double>(count[source]),
                                     mean[b],
                                     static_cast<double>(count[source + 1]));
    const float highest = std::fmax(max[a], max[b]);
    mean[target * rows + row] = merged;
    max[target * rows + row] = highest;
    zeros[target * rows + row] = zeros[a] + zeros[b];
  }
  first[target] = first[source];
  last[target] = last[source + 1];
  count[target] = count[source] + count[source + 1];
}

void MapColumns::merge_neighbours() {
  const std::size_t half = num_columns() / 2;
  for (std::size_t i = 0; i < half; ++i) merge_into(i, 2 * i);
  first.resize(half);
  last.resize(half);
  count.resize(half);
  mean.resize(half * static_cast<std::size_t>(num_rows));
  max.resize(half * static_cast<std::size_t>(num_rows));
  zeros.resize(half * static_cast<std::size_t>(num_rows));
  stride *= 2;
}

void MapColumns::clear() {
  *this = MapColumns{};
}

}  // namespace switchyard::ui
