#include "ui/model/routing_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "ui/model/playback.h"
#include "ui/plot/map_columns.h"
#include "ui/plot/ticks.h"

namespace switchyard::ui {
namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

// Alarms: specification of the routers, §5 "Diagnostics".
constexpr std::array kMetrics = {LayerMetric{.metric = "router_entropy_normalized",
                                             .title = "Router entropy",
                                             .column = "Entropy",
                                             .caption = "1 = every expert equally likely",
                                             .value = &LayerHealth::entropy,
                                             .is_low_bad = true,
                                             .alarm = 0.3},
                                 LayerMetric{.metric = "load_imbalance",
                                             .title = "Busiest ÷ fair share",
                                             .column = "Max ÷ mean",
                                             .caption = "1 = even load",
                                             .value = &LayerHealth::imbalance,
                                             .use_max = true,
                                             .alarm = kOverloaded},
                                 LayerMetric{.metric = "load_cv",
                                             .title = "Spread of the load (CV)",
                                             .column = "Load CV",
                                             .caption = "deviation ÷ mean, 0 = even",
                                             .value = &LayerHealth::load_cv,
                                             .alarm = 1.0},
                                 LayerMetric{.title = "Spread of the importance (CV)",
                                             .column = "Imp. CV",
                                             .caption = "of the summed combine weights",
                                             .value = &LayerHealth::importance_cv,
                                             .alarm = 1.0},
                                 LayerMetric{.metric = "dropped_frac",
                                             .title = "Dropped tokens",
                                             .column = "Dropped",
                                             .caption = "tokens without any expert",
                                             .value = &LayerHealth::dropped,
                                             .is_percent = true,
                                             .alarm = 0.01},
                                 LayerMetric{.metric = "top1_margin",
                                             .title = "Top-1 margin",
                                             .column = "Margin",
                                             .caption = "gap of the two largest probabilities",
                                             .value = &LayerHealth::margin,
                                             .is_low_bad = true,
                                             .alarm = kNoNumber},
                                 LayerMetric{.metric = "dead_experts",
                                             .title = "Dead experts",
                                             .column = "Dead",
                                             .caption = "experts that got next to nothing",
                                             .value = &LayerHealth::dead,
                                             .use_max = true,
                                             .alarm = 0.5}};

/// The value of a per-layer series at the routed layer number `index`, at a step.
double value_at(const RunView& run, const char* metric, std::size_t index, std::int64_t step) {
  const MapView* map = run.map(metric, -1);
  if (map == nullptr || map->columns == nullptr || map->columns->num_columns() == 0)
    return kNoNumber;
  const auto values = map->columns->mean_of(column_at(*map->columns, step));
  return index < values.size() ? static_cast<double>(values[index]) : kNoNumber;
}

/// Deviation ÷ mean of loads ÷ fair share, whose mean is 1.
double spread(std::span<const float> counts) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  if (!(total > 0.0)) return kNoNumber;
  const double mean = total / static_cast<double>(counts.size());
  double sum = 0.0;
  for (const float count : counts)
    sum += (static_cast<double>(count) - mean) * (static_cast<double>(count) - mean);
  return std::sqrt(sum / static_cast<double>(counts.size())) / mean;
}

std::span<const float> counts_at(const RunView& run,
                                 RoutingQuantity quantity,
                                 int layer,
                                 std::int64_t step) {
  const MapView* map = run.map(recorded_metric(quantity), layer);
  if (map == nullptr || map->columns == nullptr || map->columns->num_columns() == 0) return {};
  return map->columns->mean_of(column_at(*map->columns, step));
}

LayerHealth health_of_layer(const RunView& run, int layer, std::size_t index, std::int64_t step) {
  LayerHealth health;
  health.layer = layer;
  health.entropy = value_at(run, "router_entropy_normalized", index, step);
  health.load_entropy = value_at(run, "load_entropy_normalized", index, step);
  health.dropped = value_at(run, "dropped_frac", index, step);
  health.margin = value_at(run, "top1_margin", index, step);
  health.load_cv = spread(counts_at(run, RoutingQuantity::kLoad, layer, step));
  health.importance_cv = spread(counts_at(run, RoutingQuantity::kImportance, layer, step));
  const MapView* map = run.map("tokens_per_expert", layer);
  const std::vector<double> load = load_at(*map->columns, step);
  health.num_experts = map->columns->num_rows;
  for (std::size_t e = 0; e < load.size(); ++e) {
    if (load[e] == 0.0) ++health.num_dead;
    if (load[e] > kOverloaded) ++health.num_overloaded;
    if (load[e] <= health.imbalance) continue;
    health.imbalance = load[e];
    health.busiest = static_cast<int>(e);
  }
  health.dead = health.num_dead;
  for (const LayerMetric& metric : kMetrics) {
    if (is_alarming(metric, health.*metric.value)) health.needs_attention = true;
  }
  return health;
}

}  // namespace

const char* recorded_metric(RoutingQuantity quantity) {
  return quantity == RoutingQuantity::kLoad ? "tokens_per_expert" : "importance";
}

std::span<const LayerMetric> layer_metrics() {
  return kMetrics;
}

const LayerMetric& layer_metric(std::string_view name) {
  for (const LayerMetric& metric : kMetrics) {
    if (metric.metric == name) return metric;
  }
  return kMetrics.front();
}

bool is_alarming(const LayerMetric& metric, double value) {
  return metric.is_low_bad ? value < metric.alarm : value > metric.alarm;
}

std::string layer_value_text(const LayerMetric& metric, double value) {
  if (!std::isfinite(value)) return "–";
  if (metric.value == &LayerHealth::dead) return grouped_number(std::llround(value));
  if (metric.is_percent) return plain_number(100.0 * value, 2) + " %";
  return plain_number(value, 3);
}

int worst_layer(std::span<const LayerHealth> layers, const LayerMetric& metric) {
  int worst = -1;
  bool is_even = true;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const double value = layers[i].*metric.value;
    if (!std::isfinite(value)) continue;
    if (worst < 0) {
      worst = static_cast<int>(i);
      continue;
    }
    const double most = layers[static_cast<std::size_t>(worst)].*metric.value;
    is_even = is_even && value == most;
    if (metric.is_low_bad ? value < most : value > most) worst = static_cast<int>(i);
  }
  return is_even ? -1 : worst;
}

std::vector<int> routed_layers(const RunView& run) {
  std::vector<int> layers;
  for (const auto& [key, map] : run.maps) {
    if (key.first == "tokens_per_expert" && key.second >= 0) layers.push_back(key.second);
  }
  std::sort(layers.begin(), layers.end());
  return layers;
}

std::vector<double> load_at(const MapColumns& map, std::int64_t step) {
  if (map.num_columns() == 0 || map.num_rows == 0) return {};
  const std::size_t column = column_at(map, step);
  const auto counts = map.mean_of(column);
  const auto zeros = map.zeros_of(column);
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  std::vector<double> ratio;
  if (!(total > 0.0)) return ratio;
  const double factor = static_cast<double>(counts.size()) / total;
  for (std::size_t e = 0; e < counts.size(); ++e)
    ratio.push_back(zeros[e] > 0 ? 0.0 : static_cast<double>(counts[e]) * factor);
  return ratio;
}

RoutingGrid routing_grid(const RunView& run, RoutingQuantity quantity, std::int64_t step) {
  RoutingGrid grid;
  grid.layers = routed_layers(run);
  std::vector<std::vector<double>> rows;
  for (const int layer : grid.layers) {
    const MapView* map = run.map(recorded_metric(quantity), layer);
    rows.push_back(map == nullptr || map->columns == nullptr ? std::vector<double>()
                                                             : load_at(*map->columns, step));
    grid.num_columns = std::max(grid.num_columns, static_cast<int>(rows.back().size()));
  }
  const auto width = static_cast<std::size_t>(grid.num_columns);
  grid.values.assign(rows.size() * width, std::numeric_limits<float>::quiet_NaN());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t e = 0; e < rows[row].size(); ++e)
      grid.values[row * width + e] = static_cast<float>(rows[row][e]);
  }
  return grid;
}

std::vector<double> rank_curve(std::span<const float> loads) {
  std::vector<double> ranked;
  for (const float load : loads) {
    if (std::isfinite(load)) ranked.push_back(static_cast<double>(load));
  }
  std::sort(ranked.begin(), ranked.end(), std::greater<>());
  return ranked;
}

std::vector<LayerHealth> layer_health(const RunView& run, std::int64_t step) {
  std::vector<LayerHealth> all;
  const std::vector<int> layers = routed_layers(run);
  for (std::size_t i = 0; i < layers.size(); ++i)
    all.push_back(health_of_layer(run, layers[i], i, step));
  return all;
}

double load_ratio(float count, std::span<const float> column) {
  const double total = std::accumulate(column.begin(), column.end(), 0.0);
  if (!(total > 0.0)) return kNoNumber;
  return static_cast<double>(count) * static_cast<double>(column.size()) / total;
}

std::string load_text(double ratio) {
  if (!std::isfinite(ratio)) return "–";
  if (ratio == 0.0) return "dead";
  if (ratio > 0.95 && ratio < 1.05) return "fair";
  return ratio > 1.0 ? "×" + plain_number(ratio, 2) : "÷" + plain_number(1.0 / ratio, 2);
}

}  // namespace switchyard::ui
