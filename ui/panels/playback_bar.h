#pragma once

#include "ui/model/studio.h"

namespace switchyard::ui {

/// Height of the play-back bar, em.
inline constexpr float kPlaybackBarEm = 3.6F;

/// The controls of Studio::playback below the maps: sample back, play, sample forth, speed,
/// scrubber with the checkpoints, step, Live. Fills the width. Keys while the panel has focus:
/// comma and point one sample, P plays.
void draw_playback_bar(Studio& studio);

}  // namespace switchyard::ui
