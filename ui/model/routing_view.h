#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ui/model/run_view.h"

namespace switchyard::ui {

/// What is counted of an expert.
enum class RoutingQuantity {
  kLoad,        ///< assignments (tokens_per_expert)
  kImportance,  ///< summed combine weights (importance)
};

/// The recorded metric of a quantity.
const char* recorded_metric(RoutingQuantity quantity);

/// What one routed layer does at one time. Numbers that are not recorded are NaN.
struct LayerHealth {
  int layer = 0;
  int num_experts = 0;
  double entropy = 0.0;        ///< normalised: 1 = every expert equally likely
  double load_entropy = 0.0;   ///< of the layer's loads, normalised
  double imbalance = 0.0;      ///< load of the busiest expert ÷ fair share
  double load_cv = 0.0;        ///< standard deviation of the loads ÷ their mean
  double importance_cv = 0.0;  ///< the same of the importances
  double dropped = 0.0;        ///< fraction of tokens without any expert
  double margin = 0.0;         ///< mean gap between the two largest probabilities
  double dead = 0.0;           ///< num_dead, as a number like the others
  int num_dead = 0;            ///< experts without a token in a sample of that time
  int num_overloaded = 0;      ///< experts above kOverloaded times their fair share
  int busiest = -1;
  bool needs_attention = false;  ///< an alarm of layer_metrics()
};

/// Load ÷ fair share above which an expert is overloaded: max violation of 1.
inline constexpr double kOverloaded = 2.0;

/// A number of a layer: a column of the balance table, a choice of the map layer × time.
struct LayerMetric {
  std::string_view metric =
      {};                    ///< as recorded, one value per layer; empty: computed from the loads
  std::string_view title;    ///< "Router entropy"
  std::string_view column;   ///< head of a narrow column
  std::string_view caption;  ///< what its values mean
  double LayerHealth::*value = nullptr;
  bool is_low_bad = false;
  bool use_max = false;  ///< merged samples show their maximum
  bool is_percent = false;
  double alarm = 0.0;  ///< beyond it the value needs attention; NaN: never
};

/// All of them, in the order of the table.
std::span<const LayerMetric> layer_metrics();
/// The metric of that name; the first recorded one when there is none.
const LayerMetric& layer_metric(std::string_view name);

/// Whether a value is beyond the metric's alarm.
bool is_alarming(const LayerMetric& metric, double value);

/// "0.91", "2.4 %", "3"; "–" when not recorded.
std::string layer_value_text(const LayerMetric& metric, double value);

/// Index of the worst layer; -1 where all are the same or nothing is recorded.
int worst_layer(std::span<const LayerHealth> layers, const LayerMetric& metric);

/// The layers that have tokens_per_expert, ascending.
std::vector<int> routed_layers(const RunView& run);

/// The layers as they were at `step` (see Playback::head).
std::vector<LayerHealth> layer_health(const RunView& run, std::int64_t step);

/// Load ÷ fair share of one cell. Math: count · E / Σ counts of its column; NaN without tokens.
double load_ratio(float count, std::span<const float> column);

/// Load ÷ fair share per expert at `step`; empty without tokens. Where several samples share that
/// time, an expert that got no token in one of them is 0: dead is never averaged away.
std::vector<double> load_at(const MapColumns& tokens_per_expert, std::int64_t step);

/// Loads ÷ fair share of all layers, row by row; NaN where a layer has fewer experts or no tokens.
struct RoutingGrid {
  std::vector<int> layers;
  int num_columns = 0;
  std::vector<float> values;

  [[nodiscard]] std::span<const float> row(std::size_t index) const {
    const auto width = static_cast<std::size_t>(num_columns);
    return std::span<const float>(values).subspan(index * width, width);
  }
};

RoutingGrid routing_grid(const RunView& run, RoutingQuantity quantity, std::int64_t step);

/// Loads in falling order, without those that are not finite: rank 1 first.
std::vector<double> rank_curve(std::span<const float> loads);

/// "×2.8", "÷3", "fair".
std::string load_text(double ratio);

}  // namespace switchyard::ui
