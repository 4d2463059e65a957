#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ui/model/run_view.h"

namespace switchyard::ui {

/// What one routed layer does at one time.
struct LayerHealth {
  int layer = 0;
  int num_experts = 0;
  double entropy = 0.0;  ///< normalised: 1 = every expert equally likely; NaN when not recorded
  double load_entropy = 0.0;  ///< of the layer's loads, normalised; NaN when not recorded
  double imbalance = 0.0;     ///< load of the busiest expert ÷ fair share
  int num_dead = 0;           ///< experts without a token in that sample
  int busiest = -1;
  bool needs_attention = false;  ///< dead experts, a share above 4, or entropy below 0.3
};

/// The layers that have tokens_per_expert, ascending.
std::vector<int> routed_layers(const RunView& run);

/// The layers as they were at `step` (see Playback::head).
std::vector<LayerHealth> layer_health(const RunView& run, std::int64_t step);

/// Load ÷ fair share of one cell. Math: count · E / Σ counts of its column; NaN without tokens.
double load_ratio(float count, std::span<const float> column);

/// Load ÷ fair share per expert in the sample shown at `step`; empty without tokens.
std::vector<double> load_at(const MapColumns& tokens_per_expert, std::int64_t step);

/// "×2.8", "÷3", "fair".
std::string load_text(double ratio);

}  // namespace switchyard::ui
