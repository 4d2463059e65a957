#pragma once

#include <cstdint>
#include <span>

#include "ui/model/studio.h"
#include "ui/plot/heat_map.h"

namespace switchyard::ui {

/// Expert × time of the selected layer, load ÷ fair share. A click selects the expert. True when
/// the card's menu was asked for.
bool draw_utilisation_map(Studio& studio,
                          TimeMap& map,
                          float width,
                          float height,
                          const CardHandle* handle = nullptr,
                          bool has_play_head = false);

/// Layer × time, normalised routing entropy. A click selects the layer. True as above.
bool draw_entropy_map(Studio& studio,
                      TimeMap& map,
                      float width,
                      float height,
                      const CardHandle* handle = nullptr,
                      bool has_play_head = false);

/// The step that the routing panels show: the head of the play-back.
std::int64_t playback_step(const Studio& studio);

/// Load ÷ fair share with fixed ends, 1/8 to 8, or with ends that follow `loads`, the same distance
/// from fair on both sides.
MapScale load_scale(bool is_fixed, std::span<const float> loads);

/// Whether the run records routing (a dense model does not).
bool has_routing(const RunView& run);

/// A combo of the routed layers; sets Selection::layer.
void layer_combo(Studio& studio, const char* label, float width);

}  // namespace switchyard::ui
