#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ui/model/studio.h"
#include "ui/plot/heat_map.h"

namespace switchyard::ui {

class Toolbar;

/// Expert × time of the selected layer, load (or importance) ÷ fair share, in the colours of
/// Studio::routing. A click selects the expert. True when the card's menu was asked for.
bool draw_utilisation_map(Studio& studio,
                          TimeMap& map,
                          float width,
                          float height,
                          const CardHandle* handle = nullptr,
                          bool has_play_head = false);

/// Layer × time of a recorded layer metric. A click selects the layer. True as above.
bool draw_layer_map(Studio& studio,
                    TimeMap& map,
                    const LayerMetric& metric,
                    float width,
                    float height,
                    const CardHandle* handle = nullptr,
                    bool has_play_head = false);

/// The step that the routing panels show: the head of the play-back.
std::int64_t playback_step(const Studio& studio);

/// "now", or "step 1,200".
std::string playback_words(const Studio& studio);

/// Whether the run records routing (a dense model does not).
bool has_routing(const RunView& run);

/// The centred words of a routing panel for a run without routed layers. True when they were drawn.
bool draw_without_routing(const RunView& run);

/// A combo of the routed layers; sets Selection::layer.
void layer_combo(Studio& studio, const char* label, float width);

/// The selected layer if the run has it, else its first routed layer; -1 without one.
int shown_layer(Studio& studio);

/// The scale of a layer metric, from its fixed range or from the values.
MapScale layer_scale(const RoutingState& state,
                     const LayerMetric& metric,
                     const LoadColors::Range& values);

/// Controls of Studio::routing.colors in a toolbar: kind, palette, fixed range. Ids begin with
/// `id`.
void draw_color_controls(Toolbar& bar, RoutingState& state, std::string_view id);

}  // namespace switchyard::ui
