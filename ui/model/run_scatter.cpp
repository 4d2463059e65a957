#include "ui/model/run_scatter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "ui/model/run_query.h"

namespace switchyard::ui {
namespace {

constexpr std::array kAxes = {ScatterAxis{"flops", "FLOPs", true},
                              ScatterAxis{"params", "Parameters", true},
                              ScatterAxis{"active", "Active parameters", true},
                              ScatterAxis{"tokens", "Tokens", true},
                              ScatterAxis{"steps", "Steps"},
                              ScatterAxis{"time", "Time (s)"},
                              ScatterAxis{"toks", "Tokens per second"},
                              ScatterAxis{"loss", "Validation loss"},
                              ScatterAxis{"train", "Training loss"},
                              ScatterAxis{"ppl", "Perplexity"},
                              ScatterAxis{"bpb", "Bits per byte"}};
constexpr double kAir = 0.08;

bool is_known(double value, bool is_log) {
  return std::isfinite(value) && (!is_log || value > 0.0);
}

}  // namespace

std::span<const ScatterAxis> scatter_axes() {
  return kAxes;
}

std::vector<ScatterPoint> scatter_points(const RunIndex& index,
                                         const RunTable& table,
                                         std::string_view x_key,
                                         std::string_view y_key,
                                         bool is_log_x,
                                         bool is_log_y) {
  std::vector<ScatterPoint> points;
  std::set<std::size_t> seen;
  for (const RunTableRow& row : table.rows) {
    if (row.is_group || !seen.insert(row.index).second) continue;
    const store::RunOverview& run = index.runs[row.index];
    const ScatterPoint point{row.index, run_number(run, x_key), run_number(run, y_key)};
    if (is_known(point.x, is_log_x) && is_known(point.y, is_log_y)) points.push_back(point);
  }
  return points;
}

double ScatterRange::place(double value) const {
  if (is_log) return std::log(value / min) / std::log(max / min);
  return (value - min) / (max - min);
}

ScatterRange scatter_range(std::span<const double> values, bool is_log) {
  ScatterRange range;
  range.is_log = is_log;
  if (values.empty()) {
    if (is_log) range.min = 0.1;
    return range;
  }
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  if (is_log) {
    const double factor = std::max(1.15, std::pow(*high / *low, kAir));
    range.min = *low / factor;
    range.max = *high * factor;
    return range;
  }
  double air = (*high - *low) * kAir;
  if (air <= 0.0) air = std::max(std::abs(*high) * kAir, 1e-9);
  range.min = *low - air;
  range.max = *high + air;
  return range;
}

}  // namespace switchyard::ui
