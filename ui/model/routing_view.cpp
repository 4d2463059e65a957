#include "ui/model/routing_view.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ui/model/playback.h"
#include "ui/plot/map_columns.h"
#include "ui/plot/ticks.h"

namespace switchyard::ui {
namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();
constexpr double kHighShare = 4.0;
constexpr double kLowEntropy = 0.3;

/// The value of a per-layer series at the routed layer number `index`, at a step.
double value_at(const RunView& run, const char* metric, std::size_t index, std::int64_t step) {
  const MapView* map = run.map(metric, -1);
  if (map == nullptr || map->columns == nullptr || map->columns->num_columns() == 0)
    return kNoNumber;
  const auto values = map->columns->mean_of(column_at(*map->columns, step));
  return index < values.size() ? static_cast<double>(values[index]) : kNoNumber;
}

}  // namespace

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
  const auto counts = map.mean_of(column_at(map, step));
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  std::vector<double> ratio;
  if (!(total > 0.0)) return ratio;
  for (const float count : counts)
    ratio.push_back(static_cast<double>(count) * static_cast<double>(counts.size()) / total);
  return ratio;
}

std::vector<LayerHealth> layer_health(const RunView& run, std::int64_t step) {
  std::vector<LayerHealth> all;
  const std::vector<int> layers = routed_layers(run);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    LayerHealth health;
    health.layer = layers[i];
    health.entropy = value_at(run, "router_entropy_normalized", i, step);
    health.load_entropy = value_at(run, "load_entropy_normalized", i, step);
    const MapView* map = run.map("tokens_per_expert", layers[i]);
    const std::vector<double> load = load_at(*map->columns, step);
    health.num_experts = map->columns->num_rows;
    for (std::size_t e = 0; e < load.size(); ++e) {
      if (load[e] == 0.0) ++health.num_dead;
      if (load[e] <= health.imbalance) continue;
      health.imbalance = load[e];
      health.busiest = static_cast<int>(e);
    }
    health.needs_attention = health.num_dead > 0 || health.imbalance > kHighShare ||
                             (std::isfinite(health.entropy) && health.entropy < kLowEntropy);
    all.push_back(health);
  }
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
